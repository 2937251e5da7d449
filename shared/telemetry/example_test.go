package telemetry_test

import (
	"context"
	"os"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func ExampleRecorder_Count() {
	metrics := telemetry.NewRecorder(telemetry.Config{
		Function: "prod-dispatcher", Version: "1.2.3", Stack: "prod", Out: os.Stdout,
		Now: func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
	})
	metrics.Count(context.Background(), telemetry.AlertVerdict, 1, telemetry.Verdict(gate.Join), telemetry.Reason(gate.Repeat))
	// Output:
	// {"AlertVerdict":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["stack"],["stack","verdict","reason"]],"Metrics":[{"Name":"AlertVerdict","Unit":"Count"}],"Namespace":"Alertbridge"}],"Timestamp":1795262400000},"function":"prod-dispatcher","reason":"repeat","stack":"prod","verdict":"join","version":"1.2.3"}
}

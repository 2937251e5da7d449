package telemetrytest

import (
	"strings"
	"testing"
	"time"
)

// good is the example of the specification, with its time moved.
const good = `{"_aws":{"Timestamp":1795262400123,"CloudWatchMetrics":[{"Namespace":"lambda-function-metrics",` +
	`"Dimensions":[["functionVersion"],["functionVersion","colour"]],"Metrics":[{"Name":"time","Unit":"Milliseconds","StorageResolution":60}]}]},` +
	`"functionVersion":"$LATEST","colour":"red","time":100,"requestId":"989ffbf8"}`

func TestParseEMFSeesWhatCloudWatchWouldDrop(t *testing.T) {
	now := time.UnixMilli(1795262400123)
	e, ok, err := ParseEMF([]byte(good), now)
	if err != nil || !ok || e.Metrics["time"] != 100 || e.Units["time"] != "Milliseconds" || e.Values["colour"] != "red" || len(e.Sets) != 2 {
		t.Fatalf("%v %v %+v", ok, err, e)
	}
	for _, row := range []struct{ why, old, new string }{
		{"seconds in place of milliseconds", "1795262400123", "1795262400"},
		{"a fraction of a millisecond", "1795262400123", "1795262400123.5"},
		{"no time", `"Timestamp":1795262400123,`, ""},
		{"no namespace", "lambda-function-metrics", ""},
		{"AWS's own namespace", "lambda-function-metrics", "AWS/Lambda"},
		{"a namespace with a quote", "lambda-function-metrics", "it's"},
		{"a long namespace", "lambda-function-metrics", strings.Repeat("n", 256)},
		{"a dimension that is not there", `"colour":"red",`, ""},
		{"a dimension that is a number", `"red"`, `7`},
		{"a dimension that is null", `"red"`, `null`},
		{"an empty dimension", `"red"`, `""`},
		{"a dimension beyond ASCII", `"red"`, `"赤"`},
		{"a dimension twice in a set", `["functionVersion","colour"]`, `["colour","colour"]`},
		{"31 dimensions", `["functionVersion","colour"]`, `["d` + strings.Repeat(`","d`, 30) + `"]`},
		{"no dimension set", `[["functionVersion"],["functionVersion","colour"]]`, `[]`},
		{"a metric that is not there", `"time":100,`, ""},
		{"a metric that is text", `"time":100`, `"time":"100"`},
		{"a metric that is null", `"time":100`, `"time":null`},
		{"an unknown unit", "Milliseconds", "Pieces"},
		{"an unknown resolution", `"StorageResolution":60`, `"StorageResolution":5`},
		{"a metric without a name", `"Name":"time"`, `"Name":""`},
		{"a metric twice", `"Metrics":[`, `"Metrics":[{"Name":"time","Unit":"Count"},`},
		{"no metrics", `{"Name":"time","Unit":"Milliseconds","StorageResolution":60}`, ""},
		{"a member that the specification does not know", `"Namespace"`, `"Colour":1,"Namespace"`},
		{"two lines", `,"requestId"`, ",\n\"requestId\""},
		{"too long a record", "989ffbf8", strings.Repeat("x", 256<<10)},
	} {
		bad := strings.Replace(good, row.old, row.new, 1)
		if bad == good {
			t.Fatalf("%s: nothing was changed", row.why)
		}
		if _, ok, err := ParseEMF([]byte(bad), now); !ok || err == nil {
			t.Errorf("%s: taken", row.why)
		}
	}
	for _, other := range []string{``, `START RequestId: 1`, `{"level":"INFO"}`, `[]`, `{"_aws":`} {
		if _, ok, err := ParseEMF([]byte(other), now); ok || err != nil {
			t.Errorf("%q is taken for a record: %v", other, err)
		}
	}
}

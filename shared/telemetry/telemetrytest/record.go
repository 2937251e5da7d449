package telemetrytest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/mocktracer"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
)

// Record starts a tracer that keeps what it is told, of which there is one at a time, and an invocation's span. said is
// all that the spans which have ended since it was last called would tell Datadog.
func Record(t testing.TB) (ctx context.Context, said func() string) {
	t.Helper()
	mt := mocktracer.Start()
	t.Cleanup(mt.Stop)
	span, ctx := tracer.StartSpanFromContext(t.Context(), "aws.lambda")
	return ctx, func() string {
		var all strings.Builder
		for _, s := range mt.FinishedSpans() {
			fmt.Fprintln(&all, s.OperationName(), s.Tags(), s.Links())
		}
		// The invocation's own has not ended.
		if s, ok := span.(mocktracer.Span); ok {
			fmt.Fprintln(&all, s.OperationName(), s.Tags())
		}
		mt.Reset()
		return all.String()
	}
}

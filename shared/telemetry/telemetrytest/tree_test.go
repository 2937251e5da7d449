package telemetrytest_test

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// A tree that hid what is wrong would let every test of spans pass.
func TestTreeSaysWhatIsWrong(t *testing.T) {
	type span = telemetrytest.ServiceSpan
	tid := func(upper string) map[string]string { return map[string]string{"_dd.p.tid": upper} }
	link := func(upper, lower, span uint64) []telemetrytest.SpanLink {
		return []telemetrytest.SpanLink{{TraceID: lower, TraceIDHigh: upper, SpanID: span, Attributes: map[string]string{"link.kind": "k"}}}
	}
	root := span{Service: "s", Name: "root", TraceID: 1, SpanID: 1, Meta: tid("00000000000000aa")}
	for _, row := range []struct {
		why  string
		with []span
		want string
	}{
		{"a child", []span{{
			Service: "s", Name: "a", Type: "web", Resource: "r", TraceID: 1, SpanID: 2, ParentID: 1, Error: 1,
			Meta: map[string]string{"span.kind": "client", "peer.service": "p"},
		}}, "s root [] \n\ts a [web client] r, peer p, failed\n"},
		{"an orphan", []span{{Service: "s", Name: "a", TraceID: 1, SpanID: 2, ParentID: 9}}, "s a [] , parent not there\ns root [] \n"},
		{"another trace", []span{{Service: "s", Name: "a", TraceID: 2, SpanID: 2, ParentID: 1}}, "s root [] \n\ts a [] , parent in another trace\n"},
		{"a link", []span{{Service: "s", Name: "a", TraceID: 2, SpanID: 2, SpanLinks: link(0xaa, 1, 1)}}, "s a [] , link k to s root\ns root [] \n"},
		{"a link with half an id", []span{{Service: "s", Name: "a", TraceID: 2, SpanID: 2, SpanLinks: link(0, 1, 1)}}, "s a [] , link k to nothing\ns root [] \n"},
		{"a link to another trace", []span{{Service: "s", Name: "a", TraceID: 2, SpanID: 2, SpanLinks: link(0xaa, 2, 1)}}, "s a [] , link k to nothing\ns root [] \n"},
		{"a link to no span", []span{{Service: "s", Name: "a", TraceID: 2, SpanID: 2, SpanLinks: link(0xaa, 1, 9)}}, "s a [] , link k to nothing\ns root [] \n"},
		{"two upper halves", []span{{Service: "s", Name: "a", TraceID: 1, SpanID: 2, ParentID: 1, Meta: tid("00000000000000bb"), SpanLinks: link(0xaa, 1, 1)}}, "s root [] \n\ts a [] , link k to nothing\n"},
	} {
		t.Run(row.why, func(t *testing.T) {
			equal(t, "tree", telemetrytest.Tree(append(row.with, root)), row.want)
		})
	}
}

package telemetry

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestWithoutTrace(t *testing.T) {
	for _, row := range []struct{ why, event, want, upstream string }{
		{
			"what Datadog's webhook sends",
			`{"version":"2.0","headers":{"content-type":"application/json","x-datadog-trace-id":"1234","x-datadog-parent-id":"5","x-datadog-sampling-priority":"-1","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00","tracestate":"dd=s:-1","x-datadog-tags":"_dd.p.tid=0af7651916cd43dd"},"body":"{}"}`,
			`{"version":"2.0","headers":{"content-type":"application/json"},"body":"{}"}`,
			"0af7651916cd43dd8448eb211c80319c",
		},
		{
			"no header of a trace: the same bytes, white space included",
			"{\n \"headers\" : { \"a\" : \"b\" } }",
			"{\n \"headers\" : { \"a\" : \"b\" } }",
			"",
		},
		{
			"any case, and both kinds of headers, as Datadog's wrapper reads them",
			`{"Headers":{"X-DataDog-Trace-Id":"77","Baggage":"a=b"},"MULTIVALUEHEADERS":{"TraceParent":["x"],"X-Datadog-Origin":["rum","y"],"z":["1"]}}`,
			`{"Headers":{},"MULTIVALUEHEADERS":{"z":["1"]}}`,
			"77",
		},
		{
			"a name written with escapes",
			`{"headers":{"x-datadog\u002dtrace-id":"9","\u0074raceparent":"n"}}`,
			`{"headers":{}}`,
			"9",
		},
		{
			"the id of a list",
			`{"multiValueHeaders":{"x-datadog-trace-id":["42","43"]}}`,
			`{"multiValueHeaders":{}}`,
			"42",
		},
		{
			"ids that nobody should have to see",
			`{"headers":{"x-datadog-trace-id":"<script>","traceparent":"00-ZZf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}}`,
			`{"headers":{}}`,
			"",
		},
		{
			"a decimal id with too many digits",
			`{"headers":{"x-datadog-trace-id":"123456789012345678901"}}`,
			`{"headers":{}}`,
			"",
		},
		{
			"headers with odd values go too",
			`{"headers":{"x-datadog-trace-id":null,"tracestate":{"a":[1,{"b":"}"}]},"baggage":7,"k":true}}`,
			`{"headers":{"k":true}}`,
			"",
		},
		{
			"the first, the last, and one between",
			`{"headers":{"baggage":"1", "a":"1", "tracestate":"2", "b":"\"}\\", "traceparent":"3"}, "x":[{"headers":{"baggage":"stays"}}]}`,
			`{"headers":{"a":"1","b":"\"}\\"},"x":[{"headers":{"baggage":"stays"}}]}`,
			"",
		},
		{
			"a message's carrier and headers deeper in the event are not an HTTP request's",
			`{"Records":[{"messageId":"m","messageAttributes":{"_datadog":{"stringValue":"{\"x-datadog-trace-id\":\"1\"}","dataType":"String"}},"headers":{"traceparent":"y"}}]}`,
			`{"Records":[{"messageId":"m","messageAttributes":{"_datadog":{"stringValue":"{\"x-datadog-trace-id\":\"1\"}","dataType":"String"}},"headers":{"traceparent":"y"}}]}`,
			"",
		},
		{
			"a scheduled event",
			`{"version":"0","detail-type":"Scheduled Event","detail":{"headers":{"traceparent":"y"},"traceparent":"z"}}`,
			`{"version":"0","detail-type":"Scheduled Event","detail":{"headers":{"traceparent":"y"},"traceparent":"z"}}`,
			"",
		},
		{"headers that are none", `{"headers":null,"multiValueHeaders":["traceparent"]}`, `{"headers":null,"multiValueHeaders":["traceparent"]}`, ""},
		{"not an object", `["headers"]`, `["headers"]`, ""},
		{"not JSON: the handler says so, not we", `{"headers":{"traceparent":"x"`, `{"headers":{"traceparent":"x"`, ""},
		{"nothing", ``, ``, ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			got, upstream := withoutTrace([]byte(row.event))
			if string(got) != row.want || upstream != row.upstream {
				t.Errorf("got  %s %q\nwant %s %q", got, upstream, row.want, row.upstream)
			}
		})
	}
}

func FuzzWithoutTrace(f *testing.F) {
	for _, s := range []string{
		`{"headers":{"x-datadog-trace-id":"1","a":"b"},"multiValueHeaders":{"traceparent":["x"]},"body":"{\"headers\":{}}"}`,
		` { "headers" : { "baggage" : "a" , "q" : [ 1.5e-3 , { } , "\\\"" ] } , "headers" : { "TRACESTATE" : 1 } } `,
		`{"Records":[{"body":"x","messageAttributes":{"_datadog":{"stringValue":"{}"}}}]}`,
		"{\"headers\":{\"x-datadog-\xff\":1,\"\\ud800\":2}}",
		`{"headers":{"a":-0,"b":true,"c":null,"d":""},"z":{}}`,
		`[[[{}]]]`, `"headers"`, `7`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		before := bytes.Clone(event)
		got, upstream := withoutTrace(event)
		if !bytes.Equal(event, before) {
			t.Fatal("the event itself was changed")
		}
		if len(upstream) > 32 || !only(upstream, "0123456789abcdef") {
			t.Fatalf("upstream is %q", upstream)
		}
		if !json.Valid(event) {
			if !bytes.Equal(got, event) {
				t.Fatalf("what is no JSON became %q", got)
			}
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q", event, got)
		}
		if len(got) > len(event) {
			t.Fatalf("%q grew to %q", event, got)
		}
		want, removed := model(decode(t, event))
		if have := decode(t, got); !reflect.DeepEqual(have, want) {
			t.Fatalf("%q became %q, which means %v and not %v", event, got, have, want)
		}
		if !removed && upstream == "" && !bytes.Equal(got, event) && !repeated(event) {
			t.Fatalf("%q became %q without need", event, got)
		}
		// What Datadog's wrapper would find, by its own way of reading.
		var seen struct {
			Headers           map[string]json.RawMessage
			MultiValueHeaders map[string]json.RawMessage
		}
		if json.Unmarshal(got, &seen) == nil {
			for _, m := range []map[string]json.RawMessage{seen.Headers, seen.MultiValueHeaders} {
				for k := range m {
					if isTraceHeader(strings.ToLower(k)) {
						t.Fatalf("%q is still in %q", k, got)
					}
				}
			}
		}
		if again, _ := withoutTrace(got); !bytes.Equal(again, got) {
			t.Fatalf("a second time changes %q to %q", got, again)
		}
	})
}

func decode(t *testing.T, text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// model does on decoded values what withoutTrace does on bytes.
func model(v any) (_ any, removed bool) {
	event, ok := v.(map[string]any)
	if !ok {
		return v, false
	}
	for k, v := range event {
		headers, ok := v.(map[string]any)
		if !ok || !strings.EqualFold(k, "headers") && !strings.EqualFold(k, "multivalueheaders") {
			continue
		}
		for name := range headers {
			if isTraceHeader(strings.ToLower(name)) {
				delete(headers, name)
				removed = true
			}
		}
	}
	return event, removed
}

// repeated tells whether the event has a member twice: decoding keeps the last one, so that model does not see that
// withoutTrace had something to remove in an earlier one.
func repeated(event []byte) bool {
	seen, twice := map[string]bool{}, false
	editObject(event, func(name string, value []byte) ([]byte, bool) {
		twice = twice || seen[name]
		seen[name] = true
		return value, true
	})
	return twice
}

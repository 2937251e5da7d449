package datadog

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Whatever comes in, an alert that comes out holds every rule of package alert, and the same body is the same alert.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, received.UnixMilli())
	}
	for _, s := range []string{
		``, `[]`, `{"a":[[[`, `{"title":"\ud800","tags":[1e999,"a"],"date":1e18,"id":-0.0}`, `{"title":"[P1] [Warn on {a:{b}}]","body":"%%%\n[x](https://u:p@h/?from_ts=1) trace_id=\u202e9"}`,
		`{"title":"x","org":{"id":"a/b"},"id":"é1","cycle_key":"1 2","link":"https://h/event/event?id=9","snapshot":"HTTP://[::1]/"}`,
		`{"title":"A","aggreg_key":"a\u00ad1","aggregate":"1"}`, `{"title":"A","cycle_key":"1","AGGREG_KEY":["a1"],"aggregation_key":1e3}`,
		`{"id":"1",}`, `{"title":"A"}]`, "{\x00\"\x00", "\xff\xfe{\x00", "\x1f\x8b\x08", `{"title":"` + "\xe6\xb1", // bodies that the words once misjudged
		`{"monitor_id":9e30,"value":{"x":1},"scope":",*,a:b,","status":"Recovered","body":"was > 1 was > 2 value=3"}`,
	} {
		f.Add([]byte(s), received.UnixMilli())
	}
	f.Fuzz(func(t *testing.T, raw []byte, millis int64) { decodeTwice(t, raw, millis) })
}

// Random bytes are seldom JSON, so this one lets the values be anything, in a body that always is.
func FuzzDecodeValues(f *testing.F) {
	f.Add("[P2] [Triggered on {service:shop,host:a}] Name", "%%%\nText &amp; [Monitor Status](https://a.datadoghq.com/monitors/12?group=h%3A1&event_id=85&from_ts=1795165200000)\n- - -\n%%%",
		"a:1,b,monitor", "host:a", "https://u:p@a.example/event/event?id=12", "Re-No Data", "1795165200000", "854")
	f.Add("[TEST] [", "@@slack-a@b.c trace_id＝9 **Value**: 5% was **> 1** More than **0** matched in the last **5m**", "$TAGS", "*", "http://[::1%25a]:1/?from_ts=1e9", "recovered!", "2026-11-20T09:00:00Z", "../x")
	f.Fuzz(func(t *testing.T, title, text, tags, scope, link, transition, date, id string) {
		raw, err := json.Marshal(map[string]any{
			"event_title": title, "body": text, "tags": tags, "scope": strings.Split(scope, ","), "link": link, "snapshot": link, "transition": transition,
			"date": date, "event_id": id, "cycle_key": id, "aggreg_key": id, "org": map[string]string{"id": id}, "trace_id": id, "service": scope, "value": date, "status": text,
		})
		if err != nil {
			t.Fatal(err)
		}
		decodeTwice(t, raw, received.UnixMilli())
	})
}

func decodeTwice(t *testing.T, raw []byte, millis int64) {
	// From 2010 to 2100: the clock of a function shows nothing else.
	at := time.UnixMilli(1262304000000 + max(millis, -millis, 0)%2840140800000)
	a, err := Decode(raw, at, nil)
	if err != nil {
		var bad *DecodeError
		if !errors.As(err, &bad) || bad.Words == "" {
			t.Fatalf("not a DecodeError: %v", err)
		}
		return
	}
	sound(t, a)
	again, err := Decode(raw, at, nil)
	if err != nil || !reflect.DeepEqual(a, again) {
		t.Fatalf("decoded again: %+v, %v\nfirst: %+v", again, err, a)
	}
}

// Decoding must take time in proportion to the body, whatever an attacker writes into a log line: 64 KiB of it stay
// far below the second in which a delivery is answered.
func TestDecodeIsLinear(t *testing.T) {
	const n = 64 << 10
	fill := func(s string) string { return strings.Repeat(s, n/len(s)) }
	for _, unit := range []string{
		":", "trace_id=a1 ", "id:", " id=", "*", "** :", "https://", "(https://a.b/", "https://a.b/?c=d ", "[", "](", "[x](https://a.b)", "[[", "{",
		" was > 1", "More than **1** matched in the last **5m**\n", "Value: 1\n", "://@", "&amp;", "&amp", "%", "@", "@a-", "\n", "決", "[TEST]", "a,", "ID ",
	} {
		for _, key := range []string{"title", "body", "tags", "scope", "link", "transition", "date", "id", "status", "incidentId"} {
			m := map[string]string{"title": "A", key: fill(unit)}
			raw, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			decodeTwice(t, raw, received.UnixMilli())
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("64 KiB of %q as %s took %s", unit, key, took)
			}
		}
	}
}

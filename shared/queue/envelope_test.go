package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// wire is an envelope as it stands in the queue. It is written out here, and not made by Encode, because messages of
// this shape may lie in a queue when a later program reads them: it may only be added to.
const wire = `{"v":1,"kind":"alert","delivery":"dd-7654321098765432109","received":"2026-03-04T05:06:07.89Z",` +
	`"request_id":"JKJaXmPLvHcESHA=","alert":{"delivery":"dd-7654321098765432109","source":"datadog",` +
	`"event_id":"7654321098765432109","aggregation":"06ade3da0286048d242ea8e46f521c93","incident":{"org":"4711","monitor":"815","key":"c.99","cycle":true},` +
	`"monitor":{"id":"815","name":"決済のエラー率 <5% & 上昇>"},"transition":"Triggered","severity":5,"priority":"P1",` +
	`"time":"2026-03-04T05:06:00Z","text":"支払い 🔥\nsecond line","tags":["service:checkout","env:prod"]}}`

func wired() Envelope {
	return Envelope{
		Version: 1, Kind: KindAlert, Delivery: "dd-7654321098765432109",
		Received:  time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.UTC),
		RequestID: "JKJaXmPLvHcESHA=",
		Alert: &alert.Alert{
			Delivery: "dd-7654321098765432109", Source: "datadog", EventID: "7654321098765432109",
			Aggregation: "06ade3da0286048d242ea8e46f521c93",
			Incident:    alert.Incident{Org: "4711", Monitor: "815", Key: "c.99", Cycle: true},
			Monitor:     alert.Monitor{ID: "815", Name: "決済のエラー率 <5% & 上昇>"},
			Transition:  alert.Triggered, Severity: alert.Critical, Priority: "P1",
			Time: time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC),
			Text: "支払い 🔥\nsecond line", Tags: []string{"service:checkout", "env:prod"},
		},
	}
}

func TestEncodeWritesTheWireShape(t *testing.T) {
	e := wired()
	e.Version = 99 // Encode knows better
	got, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if got != wire {
		t.Errorf("Encode wrote\n%s\nwant\n%s", got, wire)
	}
}

func TestDecodeReadsTheWireShape(t *testing.T) {
	got, err := Decode(wire)
	if err != nil {
		t.Fatal(err)
	}
	if want := wired(); !reflect.DeepEqual(got, want) {
		t.Errorf("Decode read\n%+v\nwant\n%+v", got, want)
	}
}

// A message that was queued before the alert had an aggregation key of its own is read like any other, by both ways of
// reading.
func TestDecodeReadsAnOlderWireShape(t *testing.T) {
	older := strings.Replace(wire, `"aggregation":"06ade3da0286048d242ea8e46f521c93",`, "", 1)
	if older == wire {
		t.Fatal("the wire shape has no aggregation key to leave out")
	}
	want := wired()
	want.Alert.Aggregation = ""
	for _, body := range []string{older, strings.Replace(older, `"v":1`, `"v":1,"new":{}`, 1)} {
		if got, err := Decode(body); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Decode read\n%+v, %v\nwant\n%+v", got, err, want)
		}
	}
}

func TestUnreadableTravels(t *testing.T) {
	const body = `{"v":1,"kind":"unreadable","delivery":"u-1","received":"2026-03-04T05:06:07Z","unreadable":` +
		`{"reason":"not_json","words":"The body is not JSON.","bytes":5,` +
		`"sha256":"5e7342fd525b1bd14fcd20d2be0ec23ba892c6225c300a3216e705e2de42ea00","excerpt":"a <b>"}}`
	e := Envelope{
		Kind: KindUnreadable, Delivery: "u-1", Received: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Unreadable: NewUnreadable("not_json", "The body is not JSON.", []byte("a <b>"), []byte("a <b>"), nil),
	}
	got, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	// The hash is that of the five bytes "a <b>", by sha256sum.
	if got != body {
		t.Errorf("Encode wrote\n%s\nwant\n%s", got, body)
	}
	back, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	e.Version = 1
	if !reflect.DeepEqual(back, e) {
		t.Errorf("Decode read\n%+v\nwant\n%+v", back, e)
	}
}

func TestAddedFieldsAreIgnored(t *testing.T) {
	added := strings.Replace(wire, `"kind":`, `"added":{"deep":[1,2]},"kind":`, 1)
	added = strings.Replace(added, `"source":`, `"also_added":true,"source":`, 1)
	got, err := Decode(added)
	if err != nil {
		t.Fatal(err)
	}
	if want := wired(); !reflect.DeepEqual(got, want) {
		t.Errorf("Decode read\n%+v\nwant\n%+v", got, want)
	}
}

func TestNewerVersionIsNamed(t *testing.T) {
	for _, body := range []string{
		`{"v":2}`,
		`{"v":2,"kind":["a","new","shape"],"delivery":{"id":1},"alert":"elsewhere"}`, // whatever else has changed
	} {
		_, err := Decode(body)
		var newer *VersionError
		if !errors.As(err, &newer) || newer.Version != 2 {
			t.Fatalf("Decode(%s) = %v, want a VersionError of version 2", body, err)
		}
		const want = "envelope: version 2 is newer than 1, the newest that this program reads; " +
			"deploy the newer dispatcher, then redrive the dead-letter queue if the message is there"
		if err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	change := func(old, instead string) string {
		if !strings.Contains(wire, old) {
			t.Fatalf("the wire shape has no %s to change", old)
		}
		return strings.Replace(wire, old, instead, 1)
	}
	for _, row := range []struct{ why, body, words string }{
		{"nothing", "", "the message is not JSON, at byte 0"},
		{"text", "hello", "the message is not JSON, at byte 1"},
		{"null, which encoding/json takes for anything", "null", "the message has no version of an envelope"},
		{"a number", "7", "a value has the wrong type, at byte 1"},
		{"an array", "[]", "a value has the wrong type, at byte 1"},
		{"half a message", wire[:len(wire)-1], fmt.Sprintf("the message is not JSON, at byte %d", len(wire)-1)},
		{"two messages", wire + wire, fmt.Sprintf("the message is not JSON, at byte %d", len(wire)+1)},
		{"not UTF-8", change("service:checkout", "service:\xff"), "the message is not valid UTF-8"},
		{"no version", change(`"v":1,`, ``), "the message has no version of an envelope"},
		{"version 0", change(`"v":1`, `"v":0`), "the message has no version of an envelope"},
		{"a negative version", change(`"v":1`, `"v":-1`), "the message has no version of an envelope"},
		{"a version that is no number", change(`"v":1`, `"v":"1"`), "a value has the wrong type, at byte 8"},
		{"unknown kind", change(`"kind":"alert"`, `"kind":"start"`), "its kind is neither alert nor unreadable"},
		{"no kind", change(`"kind":"alert",`, ``), "its kind is neither alert nor unreadable"},
		{"no delivery", change(`"delivery":"dd-7654321098765432109",`, ``), "its delivery is not an id of letters, digits, '_', '.' and '-'"},
		{"unsafe delivery", change(`"dd-76`, `"dd/76`), "its delivery is not an id of letters, digits, '_', '.' and '-'"},
		{"another delivery", change(`"dd-76`, `"dd-77`), "its alert has another delivery than the envelope"},
		{"never received", change(`"received":"2026-03-04T05:06:07.89Z",`, ``), "it does not say when it was received"},
		{"received at no time", change(`"2026-03-04T05:06:07.89Z"`, `"yesterday"`), "a value has the wrong form"},
		{"no alert", change(`"alert":{`, `"other":{`), "it is of kind alert and has no alert"},
		{"the other kind", change(`"kind":"alert"`, `"kind":"unreadable"`), "it is of kind unreadable and does not say what was unreadable"},
		{"both", change(`"alert":{`, `"unreadable":{},"alert":{`), "it carries both an alert and an unreadable delivery"},
		{"an aggregation key that is no text", change(`"06ade3da0286048d242ea8e46f521c93"`, `["06ade3da0286048d242ea8e46f521c93"]`), "a value has the wrong type, at byte 239"},
		{"unknown severity", change(`"severity":5`, `"severity":6`), "alert: the severity is 6, not between 1 and 5"},
	} {
		t.Run(row.why, func(t *testing.T) {
			_, err := Decode(row.body)
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("Decode = %v, want a FormatError", err)
			}
			if format.Words != row.words {
				t.Errorf("words %q, want %q", format.Words, row.words)
			}
			if got := format.Error(); got != "envelope: "+row.words {
				t.Errorf("error %q, want the words after \"envelope: \"", got)
			}
		})
	}
}

func TestDecodeCutsWhatANewerProgramAllows(t *testing.T) {
	e := wired()
	e.Alert.Text = strings.Repeat("あ", alert.MaxText+500)
	body, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("あ", alert.MaxText); got.Alert.Text != want {
		t.Errorf("the text has %d bytes, want %d", len(got.Alert.Text), len(want))
	}
	if want := []string{"text cut from 4500 to 4000 characters"}; !reflect.DeepEqual(got.Alert.Cut, want) {
		t.Errorf("Cut = %q, want %q", got.Alert.Cut, want)
	}
	if err := got.Alert.Check(); err != nil {
		t.Error(err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, row := range []struct {
		why    string
		change func(*Envelope)
	}{
		{"no kind", func(e *Envelope) { e.Kind = "" }},
		{"unsafe delivery", func(e *Envelope) { e.Delivery, e.Alert.Delivery = "a b", "a b" }},
		{"two deliveries", func(e *Envelope) { e.Alert.Delivery = "other" }},
		{"never received", func(e *Envelope) { e.Received = time.Time{} }},
		{"a year that JSON has no form for", func(e *Envelope) { e.Received = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"no alert", func(e *Envelope) { e.Alert = nil }},
		{"unreadable of nothing", func(e *Envelope) { e.Kind, e.Alert = KindUnreadable, nil }},
		{"both", func(e *Envelope) { e.Unreadable = &Unreadable{} }},
	} {
		t.Run(row.why, func(t *testing.T) {
			e := wired()
			row.change(&e)
			body, err := Encode(e)
			var format *FormatError
			if !errors.As(err, &format) || body != "" {
				t.Errorf("Encode = %q, %v, want a FormatError", body, err)
			}
		})
	}
}

func TestEncodeBoundsTheSize(t *testing.T) {
	e := wired()
	e.Alert.Text = ""
	body, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	room := MaxBody - len(body) - len(`"text":"",`)

	e.Alert.Text = strings.Repeat("x", room)
	if body, err = Encode(e); err != nil || len(body) != 240<<10 {
		t.Errorf("Encode = %d bytes, %v, want exactly 240 KiB", len(body), err)
	}
	e.Alert.Text += "x"
	_, err = Encode(e)
	if want := "the envelope has 245761 bytes; 245760 are allowed"; err == nil || err.Error() != want {
		t.Errorf("Encode = %v, want %q", err, want)
	}
	var size *SizeError
	if !errors.As(err, &size) {
		t.Errorf("the error is a %T, want a *SizeError", err)
	}
}

// The largest alert there can be, in the characters that take most room, fits: no alert is refused for its size.
func TestTheLargestAlertFits(t *testing.T) {
	full := func(chars int) string { return strings.Repeat("\U0001F525", chars) }
	list := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = full(alert.MaxField)
		}
		return out
	}
	e := wired()
	a := e.Alert
	v := reflect.ValueOf(a).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String && v.Type().Field(i).Name != "Delivery" {
			f.SetString(full(alert.MaxText)) // Bound cuts each to its own limit
		}
	}
	a.Transition, a.Snapshot = alert.Triggered, strings.Repeat("u", alert.MaxURL)
	a.Monitor = alert.Monitor{ID: full(999), Name: full(999), Type: full(999), Query: full(9999), Metric: full(999)}
	a.Scope, a.Tags = list(alert.MaxScopes+1), list(alert.MaxTags+1)
	for range alert.MaxLinks {
		a.Links = append(a.Links, alert.Link{Name: full(alert.MaxField), URL: strings.Repeat("u", alert.MaxURL), From: a.Time, To: a.Time})
	}
	for range alert.MaxRefs {
		a.Refs = append(a.Refs, alert.Ref{Name: full(alert.MaxField), Value: full(alert.MaxField)})
	}
	a.Bound()
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	body, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the largest alert takes %d of %d bytes", len(body), MaxBody)
	if len(body) < 100<<10 {
		t.Errorf("%d bytes: this alert is not the largest", len(body))
	}
}

func FuzzEnvelopeDecode(f *testing.F) {
	for _, body := range []string{
		wire, `{"v":2}`, `null`, ``, `{"v":1,"kind":"unreadable","delivery":"u","received":"2026-01-01T00:00:00Z","unreadable":{}}`,
		strings.Replace(wire, "second", `\u0000\ufffe\uffff\ud800\u2028`, 1),
		strings.Replace(wire, "05:06:00Z", "05:06:00+09:00", 1),
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		e, err := Decode(body)
		var format *FormatError
		var newer *VersionError
		if errors.As(err, &format) || errors.As(err, &newer) {
			return
		}
		if err != nil {
			t.Fatalf("Decode answered a %T", err)
		}
		again, err := Encode(e)
		var size *SizeError
		if errors.As(err, &size) {
			return // an id of the front door may be as long as it likes
		}
		if err != nil {
			t.Fatalf("what Decode returned is not what Encode takes: %v", err)
		}
		if err := Fits(again, nil); err != nil {
			t.Fatal(err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("what Encode wrote is not what Decode takes: %v", err)
		}
		third, err := Encode(back)
		if err != nil || third != again {
			t.Fatalf("once more: %v\n%s\nwant\n%s", err, third, again)
		}
	})
}

// Whatever text comes in, the body is one that SQS takes, and the text comes out as it was.
func FuzzEnvelopeRoundTrip(f *testing.F) {
	for _, text := range []string{
		"", "決済 🔥 <b>&amp;</b>", "\x00\x01\x1f\x7f\u0085\u2028\u2029", "\uFFFE\uFFFF\uFFFD\uFDD0\U0001FFFE\U0010FFFF",
		"\xff\xfe\xed\xa0\x80", `\ufffe \\ufffe "`, "\\\uFFFE", "$VALUE %%% @all",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole := string([]rune(text)) // every byte that is not UTF-8 becomes U+FFFD
		if len(whole) > alert.MaxField {
			return
		}
		e := wired()
		e.RequestID, e.Alert.Text, e.Alert.Status, e.Alert.Tags = text, text, text, []string{text}
		body, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := Fits(body, nil); err != nil {
			t.Fatal(err)
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("not JSON: %s", body)
		}
		got, err := Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		e.RequestID, e.Alert.Text, e.Alert.Status, e.Alert.Tags = whole, whole, whole, []string{whole}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("came out as\n%+v %+v\nwant\n%+v %+v", got, got.Alert, e, e.Alert)
		}
	})
}

package queue

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// FuzzReadPlain: what readPlain takes, encoding/json takes too, and makes the same of it.
func FuzzReadPlain(f *testing.F) {
	f.Add(wire)
	f.Add(full(f))
	for _, s := range otherEnvelopes() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := readPlain(text)
		if !ok {
			return
		}
		var want Envelope
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("it is no envelope: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("it is\n%+v %+v\nwant\n%+v %+v", got, got.Alert, want, want.Alert)
		}
	})
}

// full is an envelope in which everything is set that an alert has.
func full(t testing.TB) string {
	e := wired()
	fill(reflect.ValueOf(e.Alert).Elem())
	e.Alert.Delivery = e.Delivery
	text, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func fill(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("決済\n<&\"" + v.Type().Name())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(int64(alert.High))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

// otherEnvelopes are messages that readPlain leaves to encoding/json.
func otherEnvelopes() []string {
	var all []string
	for _, change := range [][2]string{
		{`"v":1`, `"v":1.0`},
		{`"v":1`, `"V":1`},
		{`"v":1`, `"v":1,"v":1`},
		{`"v":1`, `"v":1,"new":{}`},
		{`"v":1`, `"v":null`},
		{`"v":1`, `"v":99999999999999999999`},
		{`"source":"datadog"`, `"source":7`},
		{`"source":"datadog"`, `"source":"a","source":"b"`},
		{`"source":"datadog"`, `"Source":"a"`},
		{`"aggregation":"`, `"Aggregation":"`},
		{`"aggregation":"`, `"aggregation":"a","aggregation":"`},
		{`"cycle":true`, `"cycle":"true"`},
		{`"cycle":true`, `"cycle":true,"cycle":false`},
		{`"severity":5`, `"severity":"5"`},
		{`"severity":5`, `"severity":5e0`},
		{`05:06:00Z`, `05:06:00`},
		{`05:06:00Z`, `05:06:0\u0030Z`},
		{`"tags":[`, `"tags":[1,`},
		{`"tags":[`, `"tags":[],"tags":[`},
		{`"tags":[`, `"refs":null,"tags":[`},
		{`"tags":[`, `"links":[{"name":"a","name":"b"}],"tags":[`},
		{`"tags":[`, `"refs":[{"name":"a","x":"b"}],"tags":[`},
		{`}}`, `}} x`},
		{`}}`, `}`},
	} {
		all = append(all, strings.Replace(wire, change[0], change[1], 1))
	}
	return append(all, ``, `null`, `[]`, `{"v":1,"unreadable":{}}`)
}

func TestReadPlainTakes(t *testing.T) {
	for _, text := range []string{
		wire, full(t), `{}`, `{"alert":{}}`, strings.Replace(wire, `"tags":[`, `"refs":[],"links":[{}],"tags":[`, 1), strings.Replace(wire, "06:00Z", "06:00+09:00", 1),
	} {
		if _, ok := readPlain(text); !ok {
			t.Errorf("%s is not taken", text)
		}
	}
	for _, text := range otherEnvelopes() {
		if e, ok := readPlain(text); ok {
			t.Errorf("%s is taken as %+v", text, e)
		}
	}
}

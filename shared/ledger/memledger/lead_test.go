package memledger

import (
	"reflect"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// An alert is kept as its JSON says it, whichever way that is found: each value of an alert in which everything is set
// is changed in turn into what JSON carries, and into what it does not.
func TestAlertsAreKeptAsJSONSaysThem(t *testing.T) {
	copied, through := 0, 0
	for i := range len(valuesOf(full())) {
		for _, value := range others(valuesOf(full())[i]) {
			a := full()
			valuesOf(a)[i].Set(value)
			var want alert.Alert
			text, wrong := ledger.EncodeLead(*a)
			if wrong == nil {
				want, wrong = ledger.DecodeLead(text)
			}
			got, err := keptAlert(*a)
			if (err == nil) != (wrong == nil) || !reflect.DeepEqual(got, want) {
				t.Errorf("with %#v it is kept as\n%+v, %v\nwant\n%+v, %v", value, got, err, want, wrong)
			}
			if survives(a) {
				copied++
			} else {
				through++
			}
		}
	}
	if copied < 100 || through < 50 {
		t.Errorf("%d were copied and %d went through their JSON", copied, through)
	}
}

// What is kept shares nothing that can be changed with what was given.
func TestKeptAlertsAreCopies(t *testing.T) {
	given := full()
	kept, err := keptAlert(*given)
	if err != nil || !survives(given) {
		t.Fatal(err)
	}
	given.Scope[0], given.Tags[0], given.Cut[0], given.Links[0].Name, given.Refs[0].Name = "b", "b", "b", "b", "b"
	if !reflect.DeepEqual(&kept, full()) {
		t.Errorf("it became %+v", kept)
	}
}

// full is an alert in which everything is set.
func full() *alert.Alert {
	a := &alert.Alert{Scope: make([]string, 1), Tags: make([]string, 1), Cut: make([]string, 1), Links: make([]alert.Link, 1), Refs: make([]alert.Ref, 1)}
	for _, v := range valuesOf(a) {
		if v.Kind() != reflect.Slice {
			v.Set(others(v)[0])
		}
	}
	return a
}

// valuesOf are the places of an alert that hold something, and those of its lists.
func valuesOf(a *alert.Alert) []reflect.Value {
	var all []reflect.Value
	var add func(reflect.Value)
	add = func(v reflect.Value) {
		switch {
		case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
			for i := range v.NumField() {
				add(v.Field(i))
			}
			return
		case v.Kind() == reflect.Slice && v.Len() > 0:
			add(v.Index(0))
		}
		all = append(all, v)
	}
	add(reflect.ValueOf(a).Elem())
	return all
}

// others are what a value may be: first something usual.
func others(v reflect.Value) []reflect.Value {
	var all []any
	switch v.Kind() {
	case reflect.String:
		all = []any{"決済 <&>\"\u2028\x00\ufffe\ufffd", "", "a\xff", "\xed\xa0\x80"}
	case reflect.Bool:
		all = []any{true, false}
	case reflect.Int:
		all = []any{4, 0, -1}
	case reflect.Slice:
		return []reflect.Value{reflect.MakeSlice(v.Type(), 1, 1), reflect.MakeSlice(v.Type(), 0, 0), reflect.Zero(v.Type())}
	case reflect.Struct:
		at := time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)
		all = []any{
			at,
			time.Time{},
			time.Time{}.UTC(), at.Local(), at.In(time.FixedZone("", 32400)), at.In(time.FixedZone("UTC", 0)), at.In(time.FixedZone("", 61)),
			time.Now(), time.Now().UTC(), time.Unix(0, 0).UTC(), at.AddDate(8000, 0, 0), at.AddDate(-2100, 0, 0), time.UnixMilli(1795165200123).UTC(),
		}
	}
	var values []reflect.Value
	for _, value := range all {
		values = append(values, reflect.ValueOf(value).Convert(v.Type()))
	}
	return values
}

package datadog

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzReadFlat: what readFlat takes, readAny takes too, and makes the same of it.
func FuzzReadFlat(f *testing.F) {
	for _, s := range append(slices.Clone(flat), nested...) {
		f.Add(s)
	}
	f.Add(Template())
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(string(read(f, strings.TrimPrefix(file, "testdata/"))))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, ok := readFlat(raw)
		if !ok {
			return
		}
		want, err := readAny([]byte(raw))
		if err != nil {
			t.Fatalf("it is no body: %v", err)
		}
		if len(got.leaves) == 0 && len(want.leaves) == 0 {
			got.leaves, want.leaves = nil, nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("it is\n%+v\nwant\n%+v", got, want)
		}
	})
}

// flat are bodies that readFlat takes.
var flat = []string{
	`{}`, ` { "a" : "b" , "c":1 }`, `{"b":"2","a":"1","B":"3"}`, `{"a":"1","b":"2","a":"3"}`, `{"a":"1","a":""}`, `{"a":"","a":"1"}`,
	`{"a":null,"b":true,"c":false,"d":-1.50e+3,"e":160076582.0,"f":1e400,"g":8540000000000000001}`,
	`{"a":"\"\\\/\b\f\n\r\t","b":"\u006b\ud83d\ude00 \ud800 <&>","\n":"決済"}`,
}

// nested are some that it leaves to readAny.
var nested = []string{
	``, `null`, `[]`, `"a"`, `{"a":"1"} x`, `{"a":"1",}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e}`, `{"a":tru}`, `{"a" "1"}`, `{a:1}`, `{"a":"\x"}`,
	`{"a":"\u12"}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", `{"a":"`, `{"a":"\`, `{"a":{"b":"1"}}`, `{"a":["1"]}`, "{\"a\":1\u00a0}", "{}\x00",
}

func TestReadFlatTakes(t *testing.T) {
	for _, s := range append(slices.Clone(flat), string(read(t, "ours-triggered.json")), Template()) {
		if _, ok := readFlat(s); !ok {
			t.Errorf("%s is not taken", s)
		}
	}
	for _, s := range nested {
		if b, ok := readFlat(s); ok {
			t.Errorf("%q is taken as %+v", s, b)
		}
	}
	many := map[string]string{}
	for i := range maxFlat + 1 {
		many[strings.Repeat("a", i)] = "1"
		raw, err := json.Marshal(many)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := readFlat(string(raw)); ok != (i < maxFlat) {
			t.Errorf("%d names: %v", i+1, ok)
		}
	}
}

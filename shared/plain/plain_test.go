package plain

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzReader: what a Reader takes is JSON, and means what it means to encoding/json.
func FuzzReader(f *testing.F) {
	for _, s := range append(plainTexts(), otherTexts()...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Read(text)
		got := r.Any()
		if !r.OK() {
			return
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil || !json.Valid([]byte(text)) {
			t.Fatalf("it is no JSON: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("it is %#v, want %#v", got, want)
		}
	})
}

func plainTexts() []string {
	return []string{
		`{}`, `[]`, `""`, `0`, `-0`, `true`, `false`, `null`, " {\t\"a\"\r:\n[ ] } ", `{"a":{"b":[1,{"c":"d"}]},"a":2}`, `[[],[[]],{}]`,
		`[-1.50e+3,0.1,1E-7,120,1e0]`, `"\"\\\/\b\f\n\r\t"`, `"\u006b\ud83d\ude00 \ud800 \u0000"`, `"a\tb\u2028c\n"`, "\"決済 \u2028\x7f\"",
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
	}
}

func otherTexts() []string {
	return []string{
		``, ` `, `{`, `}`, `[`, `{]`, `[1,]`, `[,1]`, `[1 2]`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `{null:1}`, `1 2`, `[]]`,
		`01`, `-`, `-a`, `1.`, `.1`, `1.e1`, `1e`, `1e+`, `+1`, `0x1`, `tru`, `truee`, `fals`, `nul`, `nulll`, `NaN`, "\x00", "1\x00", "1\u00a0", "\ufeff1",
		`"`, `"\"`, `"\`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\n\"", "\"\x00\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\\\xff\"", "\"\\\x01\"", `'a'`,
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1),
	}
}

func TestReaderTakes(t *testing.T) {
	for _, s := range plainTexts() {
		r := Read(s)
		if r.Any(); !r.OK() {
			t.Errorf("%q is not plain", s)
		}
	}
	for _, s := range otherTexts() {
		r := Read(s)
		if got := r.Any(); r.OK() {
			t.Errorf("%q is plain, and %#v", s, got)
		}
	}
}

// What the caller expects and does not find is not plain, and nothing is read after it.
func TestReaderFindsSomethingElse(t *testing.T) {
	for why, c := range map[string]struct {
		text string
		read func(*Reader) any
	}{
		"a number for a text":        {`1`, func(r *Reader) any { return r.String() }},
		"a text for a number":        {`"1"`, func(r *Reader) any { return r.Number() }},
		"a text for a truth":         {`"true"`, func(r *Reader) any { return r.Bool() }},
		"null for a truth":           {`null`, func(r *Reader) any { return r.Bool() }},
		"a list for a scalar":        {`[]`, func(r *Reader) any { s, _ := r.Scalar(); return s }},
		"something escaped verbatim": {`"a\n"`, func(r *Reader) any { return r.Verbatim() }},
		"a text after a failure":     {`"a"`, func(r *Reader) any { r.Fail(); return r.String() }},
		"a number after a failure":   {`1`, func(r *Reader) any { r.Fail(); return r.Number() }},
		"a truth after a failure":    {`true`, func(r *Reader) any { r.Fail(); return r.Bool() }},
	} {
		r := Read(c.text)
		if got := c.read(r); r.OK() || got != reflect.Zero(reflect.TypeOf(got)).Interface() {
			t.Errorf("%s: got %#v, %v", why, got, r.OK())
		}
	}
	for why, read := range map[string]func(*Reader, func()){
		"an object for a list": func(r *Reader, f func()) { r.Object(func(string) { f() }) },
		"after a failure":      func(r *Reader, f func()) { r.Fail(); r.List(f) },
	} {
		r := Read(`["a"]`)
		if read(r, func() { t.Errorf("%s: something is read", why) }); r.OK() {
			t.Errorf("%s: it is plain", why)
		}
	}
	for text, want := range map[string]string{`"a"`: "a", `1.50`: "1.50", `null`: "", `true`: "", `false`: ""} {
		r := Read(text)
		if got, number := r.Scalar(); got != want || number != (text == "1.50") || !r.OK() {
			t.Errorf("%s as a scalar: %q, %v, %v", text, got, number, r.OK())
		}
	}
	r := Read(`"a"`)
	if got := r.Verbatim(); got != "a" || !r.OK() {
		t.Errorf("verbatim: %q, %v", got, r.OK())
	}
}

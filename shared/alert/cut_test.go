package alert

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		why  string
		in   string
		most int
		want string
		cut  bool
	}{
		{"short enough", "abc", 3, "abc", false},
		{"characters, not bytes", "日本語", 3, "日本語", false},
		{"at a character", "日本語", 2, "日本", true},
		{"not between a letter and its mark", "abe\u0301", 3, "ab", true},
		{"behind the marks", "e\u0301x", 2, "e\u0301", true},
		{"a first letter is not given up for its marks", "e\u0301\u0301", 1, "e", true},
		{"marks without end are cut all the same", "ab" + strings.Repeat("\u0301", 20), 15, "ab" + strings.Repeat("\u0301", 13), true},
		{"nothing allowed", "a", 0, "", true},
		{"less than nothing", "a", -1, "", true},
		{"nothing there", "", 0, "", false},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got, cut := Cut(c.in, c.most); got != c.want || cut != c.cut {
				t.Errorf("Cut(%q, %d) = %q, %v; want %q, %v", c.in, c.most, got, cut, c.want, c.cut)
			}
		})
	}
}

func TestEncodedLen(t *testing.T) {
	for in, want := range map[string]int{
		"":             0,
		"<>&":          3, // not \u003c: HTML escaping is off
		"日本":           6, // UTF-8 as it is
		"\"\\\n\r\t":   10,
		"\b\f":         4,
		"\x00\x1f":     12,
		"\x7f":         1,
		"\u2028\u2029": 12,
		"\xff":         6, // \ufffd
		"\uFFFD":       3,
		"😀":            4,
	} {
		if got := EncodedLen(in); got != want {
			t.Errorf("EncodedLen(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestCutEncoded(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
		cut  bool
	}{
		{"日本語", 9, "日本語", false},
		{"日本語", 8, "日本", true},
		{"a\"b", 3, "a\"", true},
		{"a\"b", 2, "a", true},
		{"abe\u0301", 4, "ab", true},
		{"a", 0, "", true},
	} {
		if got, cut := CutEncoded(c.in, c.most); got != c.want || cut != c.cut {
			t.Errorf("CutEncoded(%q, %d) = %q, %v; want %q, %v", c.in, c.most, got, cut, c.want, c.cut)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("日本語 <>& \"\\\n\u2028\xff", 5)
	f.Add("e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301", 3)
	f.Fuzz(func(t *testing.T, s string, most int) {
		var buf bytes.Buffer
		e := json.NewEncoder(&buf)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got, want := EncodedLen(s), buf.Len()-len("\"\"\n"); got != want {
			t.Fatalf("EncodedLen(%q) = %d, encoding/json writes %d", s, got, want)
		}
		for name, c := range map[string]struct {
			cut  func(string, int) (string, bool)
			size func(string) int
		}{"Cut": {Cut, utf8.RuneCountInString}, "CutEncoded": {CutEncoded, EncodedLen}} {
			got, cut := c.cut(s, most)
			if !strings.HasPrefix(s, got) || cut != (len(got) < len(s)) {
				t.Fatalf("%s(%q, %d) = %q, %v", name, s, most, got, cut)
			}
			if cut && most >= 0 && c.size(got) > most || cut && most < 0 && got != "" {
				t.Fatalf("%s(%q, %d) = %q is too long", name, s, most, got)
			}
			if !cut && c.size(s) > max(most, 0) {
				t.Fatalf("%s(%q, %d) did not cut", name, s, most)
			}
			if utf8.ValidString(s) && !utf8.ValidString(got) {
				t.Fatalf("%s(%q, %d) = %q cuts inside a character", name, s, most, got)
			}
			if again, _ := c.cut(got, most); cut && again != got && c.size(got) <= most {
				t.Fatalf("%s(%q, %d) = %q, again %q", name, s, most, got, again)
			}
		}
	})
}

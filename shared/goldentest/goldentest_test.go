package goldentest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test whose failures are looked at.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Errorf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) }

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.txt")
	check := func(got string) string {
		r := &recorder{TB: t}
		Check(r, file, got)
		return r.said
	}
	if said := check("a\n"); !strings.Contains(said, "no such file") || !strings.Contains(said, "with -update this test writes it:\na\n") {
		t.Errorf("without a file it says %q", said)
	}
	if err := os.WriteFile(file, []byte("a\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		"a\nb\n":  "",
		"a\nc\n":  "line 2: it says\n\tc\nand should say\n\tb\n",
		"a\n":     "line 2: it says\n\t\nand should say\n\tb\nline 3: it says\n\t(nothing)\nand should say\n\t\n",
		"a\nb\n ": "line 3: it says\n\t \nand should say\n\t\n",
	} {
		if want != "" {
			want = "it is not as in " + file + "; if that was meant, run this test with -update\n" + want
		}
		if said := check(got); said != want {
			t.Errorf("of %q it says %q, want %q", got, said, want)
		}
	}
	if said := check(strings.Repeat("x\n", 100)); strings.Count(said, "it says") != 20 || !strings.HasSuffix(said, "and more\n") {
		t.Errorf("of a hundred lines it says %q", said)
	}

	*update = true
	defer func() { *update = false }()
	if said := check("new\n"); said != "" {
		t.Errorf("with -update it says %q", said)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "new\n" {
		t.Errorf("with -update it wrote %q, %v", text, err)
	}
}

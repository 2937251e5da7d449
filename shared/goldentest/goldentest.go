// Package goldentest compares what a test has made with a file that somebody has read and found right. After a change that
// was meant, the test's flag -update writes the file anew, for somebody to read again:
//
//	go test ./cmd/alertbridge -run TestHelp -update
package goldentest

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write anew the files that tests compare with, which are to be read by somebody then")

// Check fails the test if the file has something else than got, and tells each line that differs, up to twenty. With
// -update it writes the file first.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%v; with -update this test writes it:\n%s", err, got)
		return
	}
	if diff := differences(got, string(want)); diff != "" {
		t.Errorf("it is not as in %s; if that was meant, run this test with -update\n%s", file, diff)
	}
}

// differences are the lines that are not the same, each with its number.
func differences(got, want string) string {
	const most = 20
	gots, wants := strings.Split(got, "\n"), strings.Split(want, "\n")
	var b strings.Builder
	found := 0
	for i := range max(len(gots), len(wants)) {
		g, w := line(gots, i), line(wants, i)
		if g == w {
			continue
		}
		if found++; found > most {
			b.WriteString("and more\n")
			break
		}
		fmt.Fprintf(&b, "line %d: it says\n\t%s\nand should say\n\t%s\n", i+1, g, w)
	}
	return b.String()
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

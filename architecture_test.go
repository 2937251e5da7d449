package alertbridge_test

// These tests hold docs/architecture.md to the code, and every page to the files that it points to.

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

const architecturePage = "docs/architecture.md"

// Each line of the page's table of sums is worked out.
func TestSumsOnThePageAreRight(t *testing.T) {
	n := newNumbers(t)
	for _, r := range docstest.Table(t, architecturePage, "sums") {
		left, err := n.sum(r["this"])
		if err != nil {
			t.Errorf("%s: %v", r["this"], err)
			continue
		}
		right, err := n.sum(r["than this"])
		if err != nil || left.time != right.time {
			t.Errorf("%s: %v; the sides are %v and %v", r["than this"], err, left, right)
			continue
		}
		holds, known := map[string]bool{"less": left.n < right.n, "at most": left.n <= right.n}[r["is"]]
		if !known || !holds {
			t.Errorf("%s (%v) is not %s, compared with %s (%v): %s", r["this"], left, r["is"], r["than this"], right, r["or else"])
		}
	}
}

// sum works out "3 × a" and "a + b + 10 s".
func (n numbers) sum(text string) (quantity, error) {
	var all quantity
	for i, term := range strings.Split(text, " + ") {
		product := quantity{n: 1}
		for _, factor := range strings.Split(term, " × ") {
			q, err := parseQuantity(factor)
			if err != nil {
				if q, err = n.value(factor); err != nil {
					return q, err
				}
			}
			product = quantity{product.n * q.n, product.time || q.time}
		}
		if i > 0 && product.time != all.time {
			return all, fmt.Errorf("%q adds a time to a number", text)
		}
		all = quantity{all.n + product.n, product.time}
	}
	return all, nil
}

func TestCountersAreOnThePage(t *testing.T) {
	told := map[string]docstest.Row{}
	for _, r := range docstest.Table(t, architecturePage, "counters") {
		told[r["counter"]] = r
	}
	for _, d := range telemetry.Metrics() {
		want := docstest.Row{
			"counter": string(d.Metric), "in Datadog": d.Datadog,
			"dimensions": or(strings.Join(d.Dimensions, ", "), "–"), "meaning": d.Meaning,
		}
		if got := told[string(d.Metric)]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the page says of %s\n\t%v\nthe code\n\t%v", d.Metric, got, want)
		}
		delete(told, string(d.Metric))
	}
	for name := range told {
		t.Errorf("the page tells of %s, which nobody counts", name)
	}
}

// The messages of log records on the page are those that the handlers, and the places where answers go, write.
func TestRecordsAreOnThePage(t *testing.T) {
	var source strings.Builder
	for _, s := range sources(t) {
		if !s.test && under(s.folder, []string{"functions", "shared/answer"}, false) {
			source.WriteString(docstest.Read(t, s.path))
		}
	}
	code := source.String()
	told := map[string]bool{}
	for _, r := range docstest.Table(t, architecturePage, "records") {
		for _, message := range strings.Split(r["message"], ", ") {
			told[message] = true
			if !strings.Contains(code, `"`+message+`"`) {
				t.Errorf("no handler writes %q", message)
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?:LogAttrs\(ctx, [^"\n]*|level, message :?= [^"\n]*)"([^"]+)"`).FindAllStringSubmatch(code, -1) {
		if !told[m[1]] {
			t.Errorf("a handler writes %q, which is not on the page", m[1])
		}
	}
}

// Whoever follows a link or looks for a file that a page names must find it.
func TestPagesPointToWhatIsThere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]*)(?:#[^)]*)?\)`)
	file := regexp.MustCompile("`((?:functions|shared|cmd|events|docs|\\.ci)(?:/[A-Za-z0-9_-]+)*(?:/|\\.[a-z]+)?|[a-z_]+_test\\.go|template\\.yaml|samconfig\\.toml|Makefile)`")
	seen := 0
	for _, page := range pages(t) {
		text := docstest.Read(t, page)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if m[1] == "" || strings.Contains(m[1], "://") {
				continue
			}
			seen++
			if _, err := os.Stat(filepath.FromSlash(path.Join(path.Dir(page), m[1]))); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
		for _, m := range file.FindAllStringSubmatch(text, -1) {
			seen++
			if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d links and files found; are pages still written as this test reads them?", seen)
	}
}

// pages are the repository's pages, README.md and the events' among them.
func pages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".md") {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(names, "events/README.md")
}

// Whoever is told that a test proves something must find the test.
func TestPagesNameTestsThatExist(t *testing.T) {
	tests := map[string]bool{}
	for _, root := range []string{".", "*", "*/*", "*/*/*", "*/*/*/*"} {
		files, err := filepath.Glob(root + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`).FindAllStringSubmatch(docstest.Read(t, file), -1) {
				tests[m[1]] = true
			}
		}
	}
	named := 0
	for _, page := range append(pages(t), ".ci/vulns") {
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`).FindAllString(docstest.Read(t, page), -1) {
			if named++; !tests[name] {
				t.Errorf("%s names %s, which is no test", page, name)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d tests are named; are pages still written as this test reads them?", named)
	}
}

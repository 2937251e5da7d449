package docstest

import (
	"reflect"
	"strings"
	"testing"
)

const page = `
# A page

<!-- table: one -->

| name | what it is |
|---|:--|
| ` + "`a`" + ` | a bar \| and [a link](there.md), twice ([b](c)) |
| b | |

| not | this |
|---|---|
| x | y |

<!-- table: two -->
| n |
|---|
| 1 |
`

func TestTable(t *testing.T) {
	got, err := table(page, "one")
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{"name": "a", "what it is": "a bar | and a link, twice (b)"},
		{"name": "b", "what it is": ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, err := table(page, "two"); err != nil || !reflect.DeepEqual(got, []Row{{"n": "1"}}) {
		t.Errorf("two is %q, %v", got, err)
	}
}

// A test that reads nothing must not pass.
func TestTableThatCannotBeHeldToAnything(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"none":     {page, `no table "three"`},
		"empty":    {"<!-- table: three -->\n\n| a |\n|---|\n", `no table "three" with any row`},
		"twice":    {strings.Repeat("<!-- table: three -->\n| a |\n|---|\n| 1 |\n\n", 2), `a second table "three"`},
		"too long": {"<!-- table: three -->\n| a |\n|---|\n| 1 | 2 |\n", "2 cells under 1 titles"},
	} {
		if _, err := table(c.text, "three"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestCommands(t *testing.T) {
	got := commands("```sh\nmake run # a remark\n# a remark alone\n\naws sqs \\\n  send-message \\\n  --queue-url q\n```\n" +
		"```\nnot a command\n```\n```json\n{}\n```\n   ```sh\n   make test\n   ```\n")
	want := []string{"make run", "aws sqs send-message --queue-url q", "make test"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

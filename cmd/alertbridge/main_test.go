package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/local"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/goldentest"
)

// called is what a command line did.
type called struct {
	status    int
	out, errs string
}

// call runs a command line, in less than a minute.
func call(t *testing.T, in string, args ...string) called {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	status := execute(ctx, args, strings.NewReader(in), &out, &errs)
	return called{status, out.String(), errs.String()}
}

// bridge starts a local run without deliveries, and returns its address.
func bridge(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	up, ended := make(chan string, 1), make(chan error, 1)
	o := local.Options{Listen: "127.0.0.1:0", Policy: gate.DefaultRules(), Tick: time.Second, Quiet: true, Out: &buffer{}, Ready: func(url string) { up <- url }}
	go func() { ended <- local.Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the local run ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the local run does not end")
		}
	})
	select {
	case url := <-up:
		return url
	case err := <-ended:
		ended <- nil
		t.Fatalf("no local run: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("no local run within a minute")
	}
	return ""
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// The first thing that people see is kept as it is, until somebody means to change it.
func TestHelp(t *testing.T) {
	got := call(t, "", "--help")
	if got.status != 0 || got.errs != "" {
		t.Errorf("it ends with %d and %q", got.status, got.errs)
	}
	goldentest.Check(t, "testdata/help.txt", got.out)
	if bare := call(t, ""); bare.out != got.out || bare.status != 0 {
		t.Errorf("without a command it prints %q", bare.out)
	}
}

// Every command explains itself: at length, with examples that it would accept, and with words for each flag.
func TestCommandsExplainThemselves(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" {
			return
		}
		if len(c.Long) < 100 || c.Example == "" || c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: no long text, no example, or a short text that is a sentence", c.CommandPath())
		}
		for _, text := range []string{c.Long, c.Example} {
			for l := range strings.SplitSeq(text, "\n") {
				if len([]rune(l)) > 125 {
					t.Errorf("%s: a line of %d characters: %s", c.CommandPath(), len([]rune(l)), l)
				}
			}
		}
		for l := range strings.SplitSeq(c.Example, "\n") {
			wantCall(t, c, l)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := rootCommand()
	root.InitDefaultHelpCmd()
	walk(root)
}

// wantCall checks an example: a command that there is, with arguments and flags that it takes.
func wantCall(t *testing.T, c *cobra.Command, example string) {
	t.Helper()
	_, line, found := strings.Cut(example, "alertbridge ")
	if !found {
		t.Errorf("%s: the example %q does not call it", c.CommandPath(), example)
		return
	}
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " 2>")
	line, _, _ = strings.Cut(line, "   ") // what stands behind explains
	cmd, args, err := rootCommand().Find(strings.Fields(line))
	if err == nil {
		err = cmd.ParseFlags(args)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: the example %q: %v", c.CommandPath(), example, err)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"sned"}, `alertbridge: there is no command "sned"; did you mean "send"?` + "\n\nHow it is called: alertbridge --help\n"},
		{[]string{"nonsense"}, `there is no command "nonsense"`},
		{[]string{"help", "nonsense"}, `alertbridge: there is no command "nonsense"` + "\n"},
		{[]string{"help", "cases", "lst"}, `there is no command "lst"; did you mean "list"?`},
		{[]string{"--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"run", "x"}, `it takes no arguments, and got "x"` + "\n\nHow it is called: alertbridge run --help\n"},
		{[]string{"run", "--tick", "0s"}, "--tick is 0s and must be above 0"},
		{[]string{"explain", "ab-1", "--agent-page", "agent.example/{task}"}, "--agent-page is \"agent.example/{task}\" and must be an address that begins with https://"},
		{[]string{"explain", "ab-1", "--agent-page", "https://{space}.example/{task}"}, "--agent-page has {space}; write the agent space's id in its place"},
		{[]string{"run", "--speed", "0"}, "--speed is 0 and must be from 1 to 60"},
		{[]string{"run", "--speed", "61"}, "--speed is 61 and must be from 1 to 60"},
		{[]string{"run", "--tick", "often"}, `--tick is "often" and must be a time such as 90s, 20m or 1h30m`},
		{[]string{"run", "--tick", "1"}, `--tick is "1" and must be a time such as 90s, 20m or 1h30m`},
		{[]string{"simulate", "--histories", "1.5"}, `--histories is "1.5" and must be a whole number` + "\n"},
		{[]string{"simulate", "--seed", "-1"}, `--seed is "-1" and must be a whole number that is not below 0`},
		{[]string{"simulate", "--seed", "99999999999999999999"}, `--seed is 99999999999999999999, which is larger than it can be`},
		{[]string{"cases", "list", "--limit", "99999999999999999999"}, `--limit is 99999999999999999999, which is larger than it can be`},
		{[]string{"explain", "ab-1", "--json=maybe"}, `--json is "maybe" and must be true or false`},
		{[]string{"mode", "off", "--for", "soon"}, `--for: "soon" is no time such as 90m, 2h or 3d`},
		{[]string{"send"}, "name a file, a folder, or - for standard input"},
		{[]string{"send", "--url", "example.com", "x"}, `--url is "example.com" and must be an address such as http://127.0.0.1:8080`},
		{[]string{"send", "--url", "ftp://example.com", "x"}, `--url is "ftp://example.com" and must be an address`},
		{[]string{"send", "--token", "t", "--url", "http://example.com/datadog", "x"}, "everybody on the way would see the token; use https"},
		{[]string{"cases", "lst"}, `there is no command "lst"; did you mean "list"?`},
		{[]string{"cases", "list", "--state", "lost"}, `--state is "lost" and must be one of open, all, in_doubt, refused, waiting, starting, started, ended`},
		{[]string{"cases", "list", "--limit", "0"}, "--limit is 0 and must be above 0"},
		{[]string{"cases", "list", "--url", "/x"}, `--url is "/x" and must be an address`},
		{[]string{"cases", "show"}, "name one case by its id"},
		{[]string{"cases", "show", "a", "b"}, "name one case by its id"},
		{[]string{"policy", "chek"}, `there is no command "chek"; did you mean "check"?`},
		{[]string{"policy", "check", "a", "b"}, `it takes one file, and got ["a" "b"]`},
		{[]string{"policy", "show"}, "name one file with a delivery, or - for standard input"},
		{[]string{"policy", "show", "../../events/http/triggered-p1.json", "--policy", "../../policy.yaml", "-o", "xml"}, `--output is "xml" and must be text or json`},
		{[]string{"version", "-o", "xml"}, `--output is "xml" and must be text or json`},
	} {
		got := call(t, "", row.args...)
		if got.status != 2 || !strings.Contains(got.errs, row.says) || got.out != "" {
			t.Errorf("%s: status %d, %q, %q, want 2, %q", row.args, got.status, got.out, got.errs, row.says)
		}
	}
}

// An option that is given without a value is refused, whatever it is of, and before anything is done: with a variable that
// is not set it would otherwise count as not given, and the order go to another bridge.
func TestEmptyOptionsAreRefused(t *testing.T) {
	t.Setenv("USER", "ana")
	for _, args := range [][]string{
		{"mode", "off", "--reason", "x", "--table", ""},
		{"mode", "off", "--reason", "x", "--region", ""},
		{"mode", "off", "--reason", "x", "--by="},
		{"silence", "add", "a=b", "--reason", "x", "--table", ""}, // of the command above it
		{"status", "--profile", ""},
		{"cases", "list", "--agent", ""},
		{"explain", "ab-1", "--org", ""},
		{"play", "nowhere.yaml", "--against", ""},
		{"play", "nowhere.yaml", "--policy", ""},
		{"play", "nowhere.yaml", "--picture", ""},
		{"policy", "check", "--pager-keys", ""},
		{"simulate", "--replay", ""},
		{"simulate", "--out", ""},
		{"send", "nowhere.json", "--token", ""},
		{"verify", "--tags", ""},
		{"version", "--output", ""},
	} {
		name := args[len(args)-1]
		if name == "" {
			name = args[len(args)-2]
		}
		want := "alertbridge: " + strings.TrimSuffix(name, "=") + " is given and empty, as with a variable of the shell that is not set; give it a value, or leave it out\n"
		if got := call(t, "", args...); got.status != 2 || !strings.HasPrefix(got.errs, want) || got.out != "" {
			t.Errorf("%q: status %d, %q, %q, want 2, %q", args, got.status, got.out, got.errs, want)
		}
	}
}

// What could not be written was not said, whichever command it is.
func TestFullDisk(t *testing.T) {
	url := bridge(t)
	for _, args := range [][]string{
		{"version"}, {"simulate", "--replay", "../../docs/scenarios/wrong-key.yaml"}, {"verify", "--url", url}, {"status", "--url", url}, {"--help"},
	} {
		var errs bytes.Buffer
		status := execute(t.Context(), args, strings.NewReader(""), full{}, &errs)
		if status != 1 || errs.String() != "alertbridge: no space left on device\n" {
			t.Errorf("%v: status %d, %q", args, status, errs.String())
		}
	}
}

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestRunNeedsItsPort(t *testing.T) {
	url := bridge(t)
	address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/datadog")
	got := call(t, "", "run", "--listen", address)
	want := "alertbridge: " + address + " is taken by another program; end that one, or choose another address, such as --listen 127.0.0.1:0 for a free port\n"
	if got.status != 1 || got.errs != want || got.out != "" {
		t.Errorf("status %d, %q, %q, want 1, %q", got.status, got.out, got.errs, want)
	}
}

// It decides by the policy that it is given, by the one of its folder, or by the defaults, and says so; and it does not
// start with one that has mistakes.
func TestRunSaysWhichPolicy(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	run := func(args ...string) called {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out := &until{text: "End it with Ctrl-C", then: cancel}
		var errs buffer
		status := execute(ctx, append([]string{"run", "--listen", "127.0.0.1:0", "--quiet-events"}, args...), strings.NewReader(""), out, &errs)
		return called{status, out.String(), errs.String()}
	}
	const none = "It decides by the policy's defaults (there is no policy.yaml in this folder)."
	if got := run(); got.status != 0 || !strings.Contains(got.out, none) {
		t.Errorf("in an empty folder: %+v", got)
	}
	for name, text := range map[string]string{"policy.yaml": "mode: observe\n", "other.yaml": "mode: full\n", "bad.yaml": "mode: half\nhold: 5\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := run(); got.status != 0 || !strings.Contains(got.out, "It decides by the policy in policy.yaml.") {
		t.Errorf("with a policy in the folder: %+v", got)
	}
	if got := run("--policy", "other.yaml"); got.status != 0 || !strings.Contains(got.out, "It decides by the policy in other.yaml.") {
		t.Errorf("with another policy: %+v", got)
	}
	if got := run("--policy", "bad.yaml"); got.status != 1 || !strings.Contains(got.errs, "bad.yaml:1:7: ") || !strings.Contains(got.errs, "bad.yaml:2:") {
		t.Errorf("with a bad policy: %+v", got)
	}
	if got := run("--policy", "missing.yaml"); got.status != 1 || !strings.Contains(got.errs, "missing.yaml") {
		t.Errorf("with none: %+v", got)
	}
}

// As it is run by people: all the events, and the functions' log records where they were asked for. It ends when told.
func TestRunEndsInOrder(t *testing.T) {
	for _, verbose := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out := &until{text: "End it with Ctrl-C", then: cancel}
		var errs buffer
		args := []string{"run", "--listen", "127.0.0.1:0"}
		if verbose {
			args = append(args, "--verbose")
		}
		status := execute(ctx, args, strings.NewReader(""), out, &errs)
		cancel()
		if status != 0 || !strings.Contains(out.String(), " start, ") || strings.Contains(errs.String(), `"message":"alert decided"`) != verbose {
			t.Errorf("verbose %t: status %d\n%s\n%s", verbose, status, tail(out.String()), tail(errs.String()))
		}
	}
}

// until does something once a text was written.
type until struct {
	buffer
	text string
	then func()
}

func (u *until) Write(p []byte) (int, error) {
	n, err := u.buffer.Write(p)
	if strings.Contains(string(p), u.text) {
		u.then()
	}
	return n, err
}

func tail(s string) string { return s[max(0, len(s)-1000):] }

func TestCommandName(t *testing.T) {
	for arg0, want := range map[string]string{
		"alertbridge":       "alertbridge",
		"./bin/alertbridge": "./bin/alertbridge",
		filepath.Join(os.TempDir(), "go-build123", "b001", "exe", "alertbridge"): "go run ./cmd/alertbridge",
	} {
		if got := commandName(arg0); got != want {
			t.Errorf("%s: %s, want %s", arg0, got, want)
		}
	}
}

func TestColorful(t *testing.T) {
	none := func(string) string { return "" }
	if colorful(&buffer{}, none) {
		t.Error("a buffer is no terminal")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if colorful(f, none) {
		t.Error("a file is no terminal")
	}
	// The null device counts as one here, for want of a terminal in tests.
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if !colorful(&output{Writer: null}, none) {
		t.Error("what remembers errors hides a terminal")
	}
	if !colorful(null, none) {
		t.Error("a character device counts as a terminal")
	}
	for name, value := range map[string]string{"NO_COLOR": "1", "TERM": "dumb"} {
		if colorful(null, func(n string) string { return map[string]string{name: value}[n] }) {
			t.Errorf("%s=%s does not switch colours off", name, value)
		}
	}
}

// A command that waits for what nobody writes ends when it is told to.
func TestReadingCanBeEnded(t *testing.T) {
	for _, args := range [][]string{{"archive"}, {"play", "-"}, {"send", "-"}, {"policy", "show", "-", "--policy", "../../policy.yaml"}} {
		in, writer := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan int, 1)
		var out, errs bytes.Buffer
		go func() { ended <- execute(ctx, args, in, &out, &errs) }()
		if _, err := writer.Write([]byte("{")); err != nil { // it reads
			t.Fatal(err)
		}
		cancel()
		select {
		case status := <-ended:
			if said := out.String() + errs.String(); status != 1 || !strings.Contains(said, "it was told to end before all was ") {
				t.Errorf("%v: status %d, %s", args, status, said)
			}
		case <-time.After(time.Minute):
			t.Errorf("%v does not end", args)
		}
		_ = writer.Close() // whoever still reads is let go
	}
}

package alertbridge_test

// Every command on a page has been run, or is on the list of those that need an account. What can be run here is run by
// these tests, each time.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// How a command has been run.
const (
	here = "by this test"
	ci   = "by .ci/run"
	hand = "by hand, on the engines of .ci/engines with the AWS CLI"
	sam  = "by .ci/sam-test, with settings for its engines and with events of its own"
	// cloud: it has not been run, because it needs an AWS account or the Agent.
	cloud = "not, for want of an account"
)

// maxCloud is how many commands of the pages may never have been run.
const maxCloud = 12

// commands are all that the pages name. What stands in large letters is for the reader to fill in.
var commands = map[string]string{
	"make run": here,
	`make run ARGS="--speed 60 --withhold-events"`:                                                 here,
	"go build -o bin/ ./cmd/alertbridge":                                                           here,
	"bin/alertbridge send --fresh events/http/triggered-p1.json":                                   here,
	"bin/alertbridge cases list":                                                                   here,
	"alertbridge policy check":                                                                     here,
	"alertbridge policy show events/http/triggered-p1.json":                                        here,
	"bin/alertbridge run":                                                                          here,
	"bin/alertbridge run --quiet-events":                                                           here,
	"make test":                                                                                    ci,
	"sam build":                                                                                    ci,
	"export ALERTBRIDGE_TOKEN=TOKEN":                                                               here,
	"rm agent.json":                                                                                hand,
	"bin/alertbridge cases list --table LEDGER":                                                    hand,
	"bin/alertbridge cases show CASE-ID --table LEDGER":                                            hand,
	"aws dynamodb delete-table --table-name LEDGER":                                                hand,
	"aws sqs delete-queue --queue-url DEAD-LETTER-QUEUE-URL":                                       hand,
	"aws sqs start-message-move-task --source-arn DEAD-LETTER-QUEUE-ARN":                           hand,
	"bin/alertbridge play docs/scenarios/three-monitors-of-a-service.yaml":                         here,
	"bin/alertbridge play docs/scenarios/flapping.yaml":                                            here,
	"bin/alertbridge play docs/scenarios/*.yaml --expect":                                          here,
	"bin/alertbridge archive dispatcher.log > archive.jsonl":                                       here,
	"bin/alertbridge play archive.jsonl --policy policy.yaml --against cheaper.yaml":               here,
	"aws logs tail /aws/lambda/alertbridge-dispatcher --since 30d --format short > dispatcher.log": cloud,
	"aws sqs receive-message --queue-url DEAD-LETTER-QUEUE-URL --visibility-timeout 0":             hand,
	"sam local invoke IngestFunction --event events/http/wrong-token.json":                         sam,
	"go run ./events/fresh events/sqs/alert.json | sam local invoke DispatcherFunction --event -":  sam,
	"sam local invoke SchedulerFunction --event events/schedule/tick.json":                         sam,
	"go run ./events/fresh events/eventbridge/investigation-completed.json | sam local invoke OutcomeFunction --event - --parameter-overrides AgentSpaces=5b0f7d62-93a4-4e1c-8f25-7c6d1e9a0b34": sam,
	"sam deploy": cloud,
	"aws cloudformation describe-stacks --stack-name alertbridge --query 'Stacks[0].Outputs'":                                                                                                                      cloud,
	"aws secretsmanager create-secret --name alertbridge/agents/NAME --secret-string file://agent.json":                                                                                                            cloud,
	"aws secretsmanager put-secret-value --secret-id AGENT-SECRET-ARN --secret-string file://agent.json":                                                                                                           cloud,
	"aws secretsmanager get-secret-value --secret-id INGEST-TOKEN-ARN --query SecretString --output text":                                                                                                          cloud,
	"bin/alertbridge send --url WEBHOOK-URL --fresh events/http/test-notification.json":                                                                                                                            here,
	`aws logs tail /aws/lambda/alertbridge-dispatcher --since 15m --filter-pattern '{ $.message = "alert decided" }'`:                                                                                              cloud,
	`aws secretsmanager put-secret-value --secret-id INGEST-TOKEN-ARN --secret-string "$(aws secretsmanager get-random-password --password-length 48 --exclude-punctuation --query RandomPassword --output text)"`: cloud,
	"aws secretsmanager create-secret --name alertbridge/pagerduty --secret-string file://pagerduty-key":                                                                                                           cloud,
	"sam delete --stack-name alertbridge": cloud,
	"bin/alertbridge verify":              here,
	"bin/alertbridge verify --url WEBHOOK-URL --table LEDGER --agent-secret AGENT-SECRET-ARN":                    cloud,
	"bin/alertbridge verify --url WEBHOOK-URL --table LEDGER --agent-secret AGENT-SECRET-ARN --start --wait 20m": cloud,
	"bin/alertbridge status":                                                             here,
	"bin/alertbridge status -o json":                                                     here,
	"bin/alertbridge explain EVENT":                                                      here,
	"bin/alertbridge explain CASE-ID":                                                    here,
	"bin/alertbridge explain MONITOR":                                                    here,
	"bin/alertbridge explain CASE-ID --json":                                             here,
	"bin/alertbridge explain https://app.datadoghq.eu/event/event?id=EVENT":              here,
	"bin/alertbridge silence add service=checkout env=~prod.* --for 2h --reason release": here,
	"bin/alertbridge mode critical_only --for 8h --reason night":                         here,
	"bin/alertbridge mode observe --for 2h --reason migration":                           here,
	"bin/alertbridge mode off --for 1h --reason outage":                                  here,
	"bin/alertbridge mode":                                                               here,
	"bin/alertbridge mode clear --reason over":                                           here,
	"bin/alertbridge silence list":                                                       here,
	"bin/alertbridge silence expire SILENCE-ID":                                          here,
	"bin/alertbridge start CASE-ID --reason customers-call":                              here,
	"bin/alertbridge start EVENT --reason looks-real":                                    here,
	"bin/alertbridge retry --reason key-rotated":                                         here,
	"bin/alertbridge stop CASE-ID --reason known-fault":                                  here,
}

func TestEveryCommandIsAccountedFor(t *testing.T) {
	left := maps.Clone(commands)
	for _, page := range pages(t) {
		for _, c := range docstest.Commands(t, page) {
			if commands[c] == "" {
				t.Errorf("%s has a command that nobody says he has run: %s", page, c)
			}
			delete(left, c)
		}
	}
	for c := range left {
		t.Errorf("no page has this command any more: %s", c)
	}
	var never []string
	for c, how := range commands {
		if how == cloud {
			never = append(never, c)
		}
	}
	if len(never) > maxCloud {
		t.Errorf("%d commands have never been run, at most %d may be:\n%s", len(never), maxCloud, strings.Join(never, "\n"))
	}
	makefile, steps := docstest.Read(t, "Makefile"), docstest.Read(t, ".ci/run")+docstest.Read(t, ".ci/sam-test")
	for c, how := range commands {
		target, isMake := strings.CutPrefix(c, "make ")
		target, _, _ = strings.Cut(target, " ")
		if isMake && !regexp.MustCompile(`(?m)^`+target+`: `).MatchString(makefile) {
			t.Errorf("there is no %s", c)
		}
		if how == ci && !strings.Contains(strings.ReplaceAll(steps, "make --no-print-directory ", "make "), c) {
			t.Errorf("%s is said to be run by .ci/run, and is not", c)
		}
		m := regexp.MustCompile(`sam local invoke (\w+) --event `).FindStringSubmatch(c)
		if how == sam && (m == nil || !strings.Contains(steps, `sam local invoke "$1" -e "$2" `) || !strings.Contains(steps, "\n  run "+m[1]+" ")) {
			t.Errorf("%s is said to be run by .ci/sam-test, and is not", c)
		}
	}
}

// The commands of the README are typed in its order, at a bridge that listens on a port of its own.
func TestReadmeOnThisComputer(t *testing.T) {
	if !strings.Contains(docstest.Read(t, "Makefile"), "\t@go build -o bin/ ./cmd/alertbridge && exec bin/alertbridge run $(ARGS)\n") {
		t.Fatal("make run is no longer what this test runs")
	}
	bin := filepath.Join(t.TempDir(), "alertbridge")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/alertbridge").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// At half the page's speed, which is seen in no line: a busy computer has twice the time for a call.
	b, silent := runBridge(t, bin), runBridge(t, bin, "--speed", "30", "--withhold-events")
	for _, line := range strings.Split(fenced(t, "README.md", "output: make run"), "\n") {
		if line != "…" && line != "" && !b.said(line) {
			t.Errorf("make run no longer prints\n%s", line)
		}
	}
	for block, bridge := range map[string]*bridge{"make run, later": b, "run, and the Agent is silent": silent} {
		for line := range strings.SplitSeq(fenced(t, "README.md", "output: "+block), "\n") {
			if line != "…" && line != "" && !bridge.willSay(line) {
				t.Errorf("%s: it no longer prints, within a minute,\n%s", block, line)
			}
		}
	}

	taken, start := 0, 0
	for _, line := range b.text {
		if strings.HasPrefix(line, "202 ") {
			taken++
		}
		if strings.HasPrefix(line, "202     start ") {
			start++
		}
	}
	if says := fmt.Sprintf("Of %d alerts that were taken, %d start", taken, start); !strings.Contains(docstest.Read(t, "README.md"), says) {
		t.Errorf("the README does not say: %s", says)
	}

	t.Setenv("ALERTBRIDGE_TOKEN", "example-ingest-token-for-local-use-only")
	const test = "bin/alertbridge send --url WEBHOOK-URL --fresh events/http/test-notification.json"
	for _, c := range []struct{ command, says string }{
		{"bin/alertbridge send --fresh events/http/triggered-p1.json", "202  join"},
		{"bin/alertbridge cases list", "waiting"},
		{test, "202"},
		{"alertbridge policy check", "policy.yaml can be used."},
		{"alertbridge policy show events/http/triggered-p1.json", "ranks as CRITICAL"},
	} {
		if commands[c.command] != here {
			t.Errorf("the list does not say that this test runs %s", c.command)
		}
		args := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(strings.Replace(c.command, "WEBHOOK-URL", b.url, 1), "bin/"), "alertbridge "))
		if c.command != test && args[0] != "policy" {
			args = append(args, "--url", b.url)
		}
		out, err := exec.Command(bin, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %v\n%s", c.command, err, out)
		}
	}
	numbers := regexp.MustCompile(`[0-9.]+(ms|s| s|µs)?\b`)
	out, err := exec.Command(bin, "verify", "--url", b.url).CombinedOutput()
	if want := fenced(t, "README.md", "output: verify"); err != nil || numbers.ReplaceAllString(string(out), "N") != numbers.ReplaceAllString(want, "N") {
		t.Errorf("verify: %v\n%swant, but for the numbers,\n%s", err, out, want)
	}
	// Without the events nobody has sent the delivery yet.
	quiet := runBridge(t, bin, "--quiet-events")
	out, err = exec.Command(bin, "send", "--fresh", "events/http/triggered-p1.json", "--url", quiet.url).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "202  start") {
		t.Errorf("with --quiet-events: %v\n%s", err, out)
	}
}

// What the pages say that playing prints is what it prints, and a log is archived and played as they say.
func TestPlayOnThisComputer(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "alertbridge")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/alertbridge").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(dir, command string) string {
		t.Helper()
		if commands[command] != here {
			t.Errorf("the list does not say that this test runs %s", command)
		}
		c := exec.Command("sh", "-c", strings.Replace(command, "bin/alertbridge", bin, 1))
		c.Dir = dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	for _, c := range []struct{ page, comment, command string }{
		{"README.md", "output: play three monitors", "bin/alertbridge play docs/scenarios/three-monitors-of-a-service.yaml"},
		{"docs/play.md", "output: play flapping", "bin/alertbridge play docs/scenarios/flapping.yaml"},
	} {
		printed := strings.Split(run(docstest.Root(t), c.command), "\n")
		for line := range strings.SplitSeq(fenced(t, c.page, c.comment), "\n") {
			if line != "…" && !slices.Contains(printed, line) {
				t.Errorf("%s no longer prints\n%s", c.command, line)
			}
		}
	}
	if n := strings.Count(run(docstest.Root(t), "bin/alertbridge play docs/scenarios/*.yaml --expect"), "all came as expected"); n != 15 {
		t.Errorf("%d incidents came as expected", n)
	}
	dir := t.TempDir()
	const record = `2026-11-21T12:00:02 {"message":"alert decided","delivery":"dd-1-9","verdict":"wait","reason":"hold","source":"datadog",` +
		`"event":"9","incident":"1/77/c.9","transition":"Triggered","severity":"HIGH","title":"Search is slow","time":"2026-11-21T12:00:00Z",` +
		`"alert":{"received":"2026-11-21T12:00:01Z","monitor":"77","priority":"P2","org":"1","cycle":true,"tags":["env:prod"]}}` + "\n"
	for name, text := range map[string]string{
		"dispatcher.log": record, "policy.yaml": docstest.Read(t, "policy.yaml"), "cheaper.yaml": "mode: critical_only\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(dir, "bin/alertbridge archive dispatcher.log > archive.jsonl")
	out := run(dir, "bin/alertbridge play archive.jsonl --policy policy.yaml --against cheaper.yaml")
	if !strings.Contains(out, "The Agent is told of these only under policy.yaml (1):") {
		t.Errorf("it prints\n%s", out)
	}
}

// bridge is `alertbridge run` in a process of its own.
type bridge struct {
	url  string
	text []string // until it was up

	mu    sync.Mutex
	later []string
}

func (b *bridge) said(line string) bool { return slices.Contains(b.text, line) }

// willSay waits up to a minute for a line that comes when it is up.
func (b *bridge) willSay(line string) bool {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		b.mu.Lock()
		there := slices.Contains(b.later, line) || b.said(line) // a slow computer ticks while it plays
		b.mu.Unlock()
		if there {
			return true
		}
	}
	return false
}

// runBridge starts a bridge, waits until it is up and has played the corpus, and ends it when the test is over.
func runBridge(t *testing.T, bin string, args ...string) *bridge {
	t.Helper()
	out, in := io.Pipe()
	cmd := exec.CommandContext(t.Context(), bin, append([]string{"run", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &bridge{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	address := regexp.MustCompile(`front door (http://\S+/datadog)`)
	up := time.AfterFunc(time.Minute, func() { _ = in.CloseWithError(fmt.Errorf("it was not up within a minute")) })
	for lines.Scan() {
		b.text = append(b.text, lines.Text())
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			b.url = m[1]
		}
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "curl ") {
			break
		}
	}
	if !up.Stop() || b.url == "" {
		t.Fatalf("it did not come up: %v\n%s", lines.Err(), strings.Join(b.text, "\n"))
	}
	go func() {
		for lines.Scan() {
			b.mu.Lock()
			b.later = append(b.later, lines.Text())
			b.mu.Unlock()
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	return b
}

// fenced is the first fenced block after a comment.
func fenced(t *testing.T, page, comment string) string {
	t.Helper()
	_, after, ok := strings.Cut(docstest.Read(t, page), "<!-- "+comment+" -->")
	if !ok {
		t.Fatalf("%s has no comment %q", page, comment)
	}
	_, after, _ = strings.Cut(after, "```")
	_, after, _ = strings.Cut(after, "\n")
	block, _, _ := strings.Cut(after, "```")
	return block
}

// What the on-call sees stands on the page as it is told.
func TestReadmeSaysWhatIsTold(t *testing.T) {
	text := docstest.Read(t, "README.md")
	golden := "\n" + docstest.Read(t, "shared/answer/words/testdata/words.golden")
	blocks := strings.Split(text, "<!-- output: told -->")[1:]
	if len(blocks) != 2 {
		t.Fatalf("%d examples, want 2", len(blocks))
	}
	for _, after := range blocks {
		_, after, _ = strings.Cut(after, "```text\n")
		block, _, _ := strings.Cut(after, "```")
		if !strings.Contains(golden, "\n"+block+"\n== ") {
			t.Errorf("nobody is told\n%s", block)
		}
	}
}

func TestReadmeTables(t *testing.T) {
	s := newFollowed(t)
	cells := func(table, column string) []string {
		var all []string
		for _, r := range docstest.Table(t, "README.md", table) {
			all = append(all, strings.Split(r[column], ", ")...)
		}
		slices.Sort(all)
		return all
	}
	if got, want := cells("outputs", "output"), slices.Sorted(maps.Keys(s.Template.Outputs)); !slices.Equal(got, want) {
		t.Errorf("the README has the outputs\n\t%v\nthe template\n\t%v", got, want)
	}
	if got, want := cells("alarms", "alarm"), s.ofType("AWS::CloudWatch::Alarm"); !slices.Equal(got, want) {
		t.Errorf("the README has the alarms\n\t%v\nthe template\n\t%v", got, want)
	}
	var drops []string
	for reason, verdict := range gate.Reasons() {
		if verdict == gate.Drop {
			drops = append(drops, string(reason))
		}
	}
	slices.Sort(drops)
	if got := cells("drops", "reason"); !slices.Equal(got, drops) {
		t.Errorf("the README has the reasons\n\t%v\nthe gate\n\t%v", got, drops)
	}
	shipped := docstest.Read(t, "policy.yaml")
	for _, r := range docstest.Table(t, "README.md", "drops") {
		key, there := r["can be changed in the policy by"]
		if !there || key != "" && !strings.Contains(shipped, "\n"+key+":") {
			t.Errorf("%s can be changed by %q, which is no key of the policy", r["reason"], key)
		}
	}
}

// What the README asks the reader to paste works.
func TestReadmeSnippets(t *testing.T) {
	text := docstest.Read(t, "README.md")
	secrets := 0
	for _, block := range jsonBlocks(text) {
		var fields map[string]any
		if err := json.NewDecoder(bytes.NewReader([]byte(block))).Decode(&fields); err != nil {
			t.Errorf("%v:\n%s", err, block)
		}
		if fields["url"] == nil {
			continue
		}
		secrets++
		c, err := agent.NewCredentials(oneSecret(block), agent.CredentialOptions{Host: "event-ai.eu-central-1.api.aws"})
		if err == nil {
			_, err = c.Current(t.Context())
		}
		if err != nil {
			t.Errorf("%v:\n%s", err, block)
		}
	}
	if secrets != 2 {
		t.Errorf("%d shapes of the Agent's secret, want 2", secrets)
	}
	header := `{"` + datadog.TokenHeader + `": "$ALERTBRIDGE_TOKEN"}`
	if !strings.Contains(text, "`"+header+"`") {
		t.Errorf("the README does not tell the header %s", header)
	}
	named := newFollowed(t, "AWS::StackName", "alertbridge")
	var groups []string
	for _, name := range named.ofType("AWS::Logs::LogGroup") {
		groups = append(groups, named.properties(name)["LogGroupName"].(string))
	}
	told := regexp.MustCompile(`/aws/[a-z/-]+`).FindAllString(text, -1)
	for _, group := range told {
		if !slices.Contains(groups, group) {
			t.Errorf("the README names the log group %s, the template has %v", group, groups)
		}
	}
	if len(told) == 0 {
		t.Error("the README names no log group; does this test still read it right?")
	}
}

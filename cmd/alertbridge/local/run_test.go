package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// patience is how long a test waits for what takes milliseconds.
const patience = time.Minute

// running is a local run in a test.
type running struct {
	url    string // of the front door
	base   string
	out    *buffer
	logs   *buffer
	played []Played
	stop   func() error // ends it and returns Run's error
}

// runFor starts a local run and waits until it is up.
func runFor(t *testing.T, o Options) *running {
	t.Helper()
	r := &running{out: &buffer{}, logs: &buffer{}}
	if o.Policy == nil {
		o.Policy = gate.DefaultRules() // as the manifest of the events has it: each alert for itself
	}
	o.Listen, o.Out, o.Logs, o.Name = "127.0.0.1:0", r.out, r.logs, "alertbridge"
	if o.Tick == 0 {
		o.Tick = 20 * time.Millisecond
	}
	up, ended := make(chan struct{}), make(chan error, 1)
	o.Ready = func(url string) { r.url, r.base = url, strings.TrimSuffix(url, Path) }
	o.OnPlayed = func(p Played) { r.played = append(r.played, p) }
	o.Up = func() { close(up) }
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- Run(ctx, o) }()
	var once sync.Once
	var result error
	r.stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case result = <-ended:
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
		})
		return result
	}
	t.Cleanup(func() { _ = r.stop() })
	select {
	case <-up:
	case err := <-ended:
		t.Fatalf("it ended by itself: %v", err)
	case <-time.After(patience):
		t.Fatalf("it did not come up:\n%s", r.out)
	}
	return r
}

// Every delivery gets through the front door what the manifest says, each is one line, and each start shows the request.
func TestRunPlaysTheEvents(t *testing.T) {
	r := runFor(t, Options{})
	corpus, err := events.Load()
	if err != nil || len(r.played) != len(corpus.HTTP) {
		t.Fatalf("%d deliveries were played, want %d (%v)", len(r.played), len(corpus.HTTP), err)
	}
	starts := 0
	for _, p := range r.played {
		reason := gate.Reason(p.Seen.Reason)
		if p.Seen.Status != p.Status || p.Seen.Refused != p.Rejected || gate.Verdict(p.Seen.Verdict) != p.Verdict || reason != p.Reason {
			t.Errorf("%s: %+v, want status %d (%s), verdict %s (%s)", p.Case, p.Seen, p.Status, p.Rejected, p.Verdict, p.Reason)
		}
		if p.Verdict == gate.Start {
			starts++
		}
	}
	if err := r.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	out := r.out.String()
	if n := len(regexp.MustCompile(`(?m)^\d{3} `).FindAllString(out, -1)); n != len(corpus.HTTP) {
		t.Errorf("%d lines for %d deliveries", n, len(corpus.HTTP))
	}
	if n := strings.Count(out, "        the Agent received this (investigation started):\n        {\n          \"eventType\": \"incident\","); n != starts {
		t.Errorf("%d requests are shown for %d starts", n, starts)
	}
	for _, want := range []string{
		"202     start    new_incident        Triggered     dd-1000042-8873248385148318284        Checkout answers slowly\n",
		"202     join     duplicate_delivery  Triggered     dd-1000042-8873248385148318284        Checkout answers slowly\n",
		"401     -        unauthenticated     -             -                                     Send the bridge's ingest token",
		"415     drop     form_encoded        -             raw-",
		"\nIt stays up. Send one more:\n",
		fmt.Sprintf(" %d start, ", starts),
		fmt.Sprintf("The Agent received %d requests and started %d investigations.\n", starts, starts),
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it did not print %q", want)
		}
	}
	for _, never := range []string{"\x1b", "/webhook/generic/"} {
		if strings.Contains(out, never) || strings.Contains(r.logs.String(), "/webhook/generic/") {
			t.Errorf("it printed %q", never)
		}
	}
	if !strings.Contains(r.logs.String(), `"message":"alert decided"`) || strings.Contains(out, `"message":"alert decided"`) {
		t.Error("the functions' log records are not in the logs, or not only there")
	}
}

// By the policy as it is shipped the same story is worth three investigations: what is critical starts, the rest is given
// time to recover, is only observed, or is one storm.
func TestRunDecidesByThePolicy(t *testing.T) {
	shipped, err := policy.Load("../../../policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := runFor(t, Options{Policy: shipped, Called: "the policy in policy.yaml"})
	want := map[string]string{
		"triggered-p1":                "start new_incident",
		"duplicate-delivery":          "join duplicate_delivery",
		"triggered-second-group":      "join not_told",      // the same monitor, and what the Agent is told was sent already
		"triggered-p2-logs":           "wait hold",          // P2 is held for 30 s
		"recovered":                   "drop recovered",     // in time: nothing was spent
		"triggered-next-cycle":        "wait hold",          //
		"triggered-after-warn":        "wait hold",          // P3, 2 min
		"renotify-without-case":       "wait would_start",   // P4 is only observed
		"no-priority":                 "wait hold",          // an error counts as P2; the fifth case of env prod that is no P4 or P5
		"lowest-priority":             "wait would_start",   // P5, and staging
		"triggered-without-cycle-key": "wait storm",         // one more than five in five minutes
		"without-any-key":             "join in_storm",      //
		"composite":                   "start new_incident", // critical: storms do not hold it up
		"handles":                     "start new_incident", //
		"slo":                         "join in_storm",
		"error-tracking":              "join covered", // of the service whose case waits already
	}
	starts := 0
	for _, p := range r.played {
		got := p.Seen.Verdict + " " + p.Seen.Reason
		if want[p.Case] != "" && got != want[p.Case] {
			t.Errorf("%s: %s, want %s", p.Case, got, want[p.Case])
		}
		if p.Seen.Verdict == "start" {
			starts++
		}
		delete(want, p.Case)
	}
	if len(want) > 0 || starts != 3 {
		t.Errorf("%d starts, want 3; not played: %v", starts, want)
	}
	if err := r.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	for _, says := range []string{" It decides by the policy in policy.yaml.\n", "The Agent received 3 requests and started 3 investigations.\n"} {
		if !strings.Contains(r.out.String(), says) {
			t.Errorf("it did not print %q", says)
		}
	}
}

// An Agent of the policy that is not the default one has its cases too.
func TestRunPlaysEveryAgent(t *testing.T) {
	pol, err := policy.Parse("policy.yaml", []byte("agents: {baskets: {}}\nroutes:\n- match: [service = basket]\n  agent: baskets\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := runFor(t, Options{Quiet: true, Policy: pol})
	var said struct{ Delivery string }
	reply := paste(t, regexp.MustCompile(`(?m)^  (curl .*)$`).FindStringSubmatch(r.out.String())[1])
	if err := json.Unmarshal([]byte(reply), &said); err != nil {
		t.Fatal(err)
	}
	if s := r.decided(t, said.Delivery); s.Verdict != "start" || s.Outcome != "accepted" {
		t.Errorf("%+v, want a start that was accepted", s)
	}
	for agent, n := range map[string]int{"": 0, "default": 0, "baskets": 1} {
		var list caseview.List
		if status := r.get(t, "/cases?state=started&agent="+agent, &list); status != 200 || len(list.Cases) != n {
			t.Errorf("cases of the Agent %q: %d, %d cases, want %d", agent, status, len(list.Cases), n)
		}
	}
	var refused struct{ Error string }
	if status := r.get(t, "/cases?agent=basket", &refused); status != 400 || refused.Error != `the policy has no Agent "basket"; it has baskets, default` {
		t.Errorf("cases of no Agent: %d, %q", status, refused.Error)
	}
}

// The command that is printed can be pasted, and starts an investigation, again and again where nothing is joined.
func TestThePrintedCommandStartsOneMore(t *testing.T) {
	r := runFor(t, Options{Quiet: true})
	command := regexp.MustCompile(`(?m)^  (curl .*)$`).FindStringSubmatch(r.out.String())
	if command == nil {
		t.Fatalf("no curl command is printed:\n%s", r.out)
	}
	var seen []string
	for i := range 2 {
		if i > 0 {
			nextSecond()
		}
		reply := paste(t, command[1])
		var said struct{ Delivery string }
		if err := json.Unmarshal([]byte(reply), &said); err != nil || said.Delivery == "" {
			t.Fatalf("the answer is %s", reply)
		}
		s := r.decided(t, said.Delivery)
		if s.Verdict != string(gate.Start) || s.Reason != string(gate.NewIncident) {
			t.Errorf("verdict %s (%s), want a start", s.Verdict, s.Reason)
		}
		if slices.Contains(seen, said.Delivery) {
			t.Error("the second time is the same delivery")
		}
		seen = append(seen, said.Delivery)
	}
}

// paste executes the command in a shell; without curl it does the same over net/http.
func paste(t *testing.T, command string) string {
	t.Helper()
	_, noCurl := exec.LookPath("curl")
	shell, noShell := exec.LookPath("sh")
	if noCurl == nil && noShell == nil {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		out, err := exec.CommandContext(ctx, shell, "-c", command).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	command = strings.ReplaceAll(command, `'$(date +%s)'`, fmt.Sprint(time.Now().Unix()))
	parts := regexp.MustCompile(`^curl -sS --noproxy '\*' '([^']*)' -H '([^:]*): ([^']*)' -H '([^:]*): ([^']*)' --data '([^']*)'$`).FindStringSubmatch(command)
	if parts == nil {
		t.Fatalf("the command is not understood: %s", command)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, parts[1], strings.NewReader(parts[6]))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(parts[2], parts[3])
	req.Header.Set(parts[4], parts[5])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// nextSecond waits, less than a second, for the shell's date to change.
func nextSecond() {
	now := time.Now()
	time.Sleep(time.Until(now.Truncate(time.Second).Add(time.Second)))
}

// decided asks what became of a delivery until it has its verdict.
func (r *running) decided(t *testing.T, delivery string) Seen {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var s Seen
		if status := r.get(t, "/deliveries/"+delivery, &s); status == http.StatusOK && s.Decided {
			return s
		}
	}
	t.Fatalf("delivery %s gets no verdict:\n%s", delivery, r.out)
	return Seen{}
}

func (r *running) get(t *testing.T, path string, into any) int {
	t.Helper()
	resp, err := http.Get(r.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode
}

func TestWhatCanBeAsked(t *testing.T) {
	r := runFor(t, Options{})
	first := r.played[0].Seen
	var said struct{ Error, Message string }

	var list caseview.List
	if status := r.get(t, "/cases?limit=2", &list); status != 200 || len(list.Cases) != 2 || !list.More {
		t.Errorf("two cases: %d, %+v", status, list)
	}
	if status := r.get(t, "/cases?state=started&limit=100", &list); status != 200 || len(list.Cases) < 30 || list.More {
		t.Errorf("all that are started: %d, %d cases, more %t", status, len(list.Cases), list.More)
	}
	if status := r.get(t, "/cases?state=waiting", &list); status != 200 || len(list.Cases) != 0 || list.Cases == nil {
		t.Errorf("none waits: %d, %+v", status, list)
	}
	var c caseview.Case
	if status := r.get(t, "/cases/"+first.Case, &c); status != 200 || c.Title != "Checkout answers slowly" || c.State != "started" ||
		c.Severity != "CRITICAL" || c.Attempts != 1 || c.Incident != "1000042/24018841/c.8873248385148318284" {
		t.Errorf("the first case: %d, %+v", status, c)
	}
	// The first delivery came twice. Asked by its id, the last request counts; asked by the request, that one.
	var s Seen
	if status := r.get(t, "/deliveries/"+first.Delivery, &s); status != 200 || s.Reason != "duplicate_delivery" {
		t.Errorf("the first delivery: %d, %+v", status, s)
	}
	if status := r.get(t, "/deliveries/"+first.Delivery+"?request="+first.Request, &s); status != 200 || s != first {
		t.Errorf("the first request: %d, %+v, want %+v", status, s, first)
	}
	for path, want := range map[string]int{
		"/cases/nothing": 404, "/deliveries/nothing": 404, "/deliveries/" + first.Delivery + "?request=nothing": 404,
		"/deliveries/nothing?request=" + first.Request: 404,
		"/cases?limit=x": 400, "/cases?limit=0": 400, "/cases?state=x": 400, "/": 404, "/else": 404,
	} {
		said.Error, said.Message = "", ""
		if status := r.get(t, path, &said); status != want || said.Error+said.Message == "" {
			t.Errorf("%s: %d, %+v, want %d with words", path, status, said, want)
		}
	}
}

func TestRunSaysWhyItCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, want := range map[string]string{
		taken.Addr().String():   taken.Addr().String() + " is taken by another program; end that one, or choose another address",
		"127.0.0.1:nonsense":    `cannot listen on "127.0.0.1:nonsense"`,
		"192.0.2.1:0":           `cannot listen on "192.0.2.1:0"`,
		"not an address at all": "--listen takes an address of this computer and a port",
	} {
		err := Run(t.Context(), Options{Listen: address, Tick: time.Second, Out: io.Discard})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

// buffer can be written and read at the same time.
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

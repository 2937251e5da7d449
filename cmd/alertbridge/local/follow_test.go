package local

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// priced are rules that start everything at once, at 60 cents a minute.
func priced() gate.Rules {
	r := gate.DefaultRules()
	r.Budget = gate.Budget{Month: 300_000_000, Case: 4_000_000, Second: 10_000, Bucket: 5, CriticalPerDay: 20}
	return r
}

// startsOne sends the printed delivery, and returns the case that it starts.
func (r *running) startsOne(t *testing.T) string {
	t.Helper()
	var said struct{ Delivery string }
	reply := paste(t, regexp.MustCompile(`(?m)^  (curl .*)$`).FindStringSubmatch(r.out.String())[1])
	if err := json.Unmarshal([]byte(reply), &said); err != nil {
		t.Fatal(err)
	}
	s := r.decided(t, said.Delivery)
	if s.Verdict != "start" || s.Outcome != "accepted" {
		t.Fatalf("%+v, want a start that was accepted", s)
	}
	return s.Case
}

// becomes waits until the case is as it should be.
func (r *running) becomes(t *testing.T, id string, is func(caseview.Case) bool) caseview.Case {
	t.Helper()
	var c caseview.Case
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		c = caseview.Case{}
		if status := r.get(t, "/cases/"+id, &c); status == 200 && is(c) {
			return c
		}
	}
	t.Fatalf("the case stays as %+v, %+v\n%s", c, c.Investigation, r.out)
	return c
}

func ended(c caseview.Case) bool { return c.State == "ended" }

// lines are what was printed of a case, each by its first four columns, and by itself what people were told of it.
func (r *running) lines(id string) (list, told []string) {
	for line := range strings.SplitSeq(r.out.String(), "\n") {
		before, _, ours := strings.Cut(line, "  "+id+" ")
		columns := strings.Join(strings.Fields(before), " ")
		switch rest, is := strings.CutPrefix(columns, "told "); {
		case ours && is:
			told = append(told, rest)
		case ours:
			list = append(list, columns)
		}
	}
	return list, told
}

// tells waits until people were told this of a case, and gives all that they were told.
func (r *running) tells(t *testing.T, id, last string) (told []string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, told = r.lines(id); slices.Contains(told, last) {
			return told
		}
	}
	t.Fatalf("people were told %q, and never %q\n%s", told, last, r.out)
	return nil
}

// An alert starts, and seconds later its investigation has come to its end and to its price.
func TestRunFollowsAnInvestigation(t *testing.T) {
	t.Parallel() // it waits for seconds
	r := runFor(t, Options{Quiet: true, Policy: priced(), Speed: MaxSpeed, Tick: time.Second})
	id := r.startsOne(t)
	c := r.becomes(t, id, ended)
	v := c.Investigation
	if c.How != "completed" || v == nil || !v.Confirmed || v.Status != "completed" || v.Ran != 300 || *v.Dollars != 3 || v.Price != caseview.TruePrice {
		t.Errorf("%+v, %+v", c, v)
	}
	told := r.tells(t, id, "pager change ended")
	if want := []string{"datadog event started", "datadog event ended", "pager change ended"}; !slices.Equal(told, want) {
		t.Errorf("people were told %q, want %q", told, want)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	// On a busy computer the API can be ahead of an event, which then tells nothing new.
	lines, _ := r.lines(id)
	got := strings.Join(lines, "\n")
	if !regexp.MustCompile(`^event - \w+ confirmed\n(event - pending_start -\n)?(event - in_progress -\n)?(event|tick) .* ?ended( completed)?$`).MatchString(got) {
		t.Errorf("it printed\n%s", got)
	}
	if text := r.out.String(); !strings.Contains(text, "task "+v.Task+" is completed, ran 5m0s, $3.00\n") ||
		!strings.Contains(text, "        | It ran for 5m and cost $3.00.\n") ||
		!strings.Contains(text, "        | > The stand-in has looked at nothing and found nothing.\n") ||
		!strings.Contains(text, "Its clock goes 60 times as fast as yours: a minute takes 1s.\n") {
		t.Errorf("it printed\n%s", text)
	}
}

// The one stand-in plays every Agent of the policy, and what an event is about is found in the account that has it.
func TestRunFollowsEveryAgent(t *testing.T) {
	t.Parallel() // it waits for seconds
	pol, err := policy.Parse("policy.yaml", []byte("agents: {baskets: {}}\nroutes:\n- match: [service = basket]\n  agent: baskets\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := runFor(t, Options{Quiet: true, Policy: pol, Speed: MaxSpeed, Tick: time.Second})
	if c := r.becomes(t, r.startsOne(t), ended); c.Agent != "baskets" || c.How != "completed" {
		t.Errorf("%+v", c)
	}
}

// The Agent's events do not arrive: the tick finds the task by the API, and then its end.
func TestRunWithoutEvents(t *testing.T) {
	t.Parallel() // it waits for seconds
	r := runFor(t, Options{Quiet: true, Policy: priced(), Speed: MaxSpeed, Tick: 500 * time.Millisecond, APIOnly: true})
	id := r.startsOne(t)
	c := r.becomes(t, id, ended)
	if v := c.Investigation; c.How != "completed" || !v.Confirmed || v.Ran != 300 || *v.Dollars != 3 {
		t.Errorf("%+v, %+v", c, v)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	lines, _ := r.lines(id)
	if first, last := lines[0], lines[len(lines)-1]; first != "tick confirms started > started -" || last != "tick ends started > ended completed" {
		t.Errorf("it printed %q", lines)
	}
}

// The Agent investigates, and nothing that it says of it arrives: nobody knows, so of what is critical somebody is paged.
func TestRunWithAnAgentThatIsSilent(t *testing.T) {
	t.Parallel() // it waits for seconds
	r := runFor(t, Options{Quiet: true, Policy: priced(), Speed: MaxSpeed, Tick: 500 * time.Millisecond, WithholdEvents: true})
	id := r.startsOne(t)
	c := r.becomes(t, id, func(c caseview.Case) bool { return c.Investigation != nil && c.Investigation.Missed })
	if c.State != "started" || c.Investigation.Confirmed || c.Investigation.Absent.IsZero() {
		t.Errorf("%+v, %+v", c, c.Investigation)
	}
	told := r.tells(t, id, "pager incident triggered unconfirmed")
	if want := []string{"datadog event started", "datadog event unconfirmed", "pager incident triggered unconfirmed"}; !slices.Equal(told, want) {
		t.Errorf("people were told %q, want %q", told, want)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	lines, _ := r.lines(id)
	for _, line := range lines {
		if strings.HasPrefix(line, "event ") || strings.Contains(line, "confirms") {
			t.Errorf("it printed %q", line)
		}
	}
	if text := r.out.String(); !strings.Contains(text, "The Agent takes what it is sent and investigates, and nobody hears of it") ||
		!strings.Contains(text, "the Agent received this (investigation started):\n") ||
		!strings.Contains(text, "\ntick    misses ") || !strings.Contains(text, "  not confirmed for 1") ||
		!strings.Contains(text, "The Agent received 1 request and started 1 investigation.\n") {
		t.Errorf("it printed\n%s", text)
	}
}

// The Agent answers 200 and makes nothing of the start, and everything that people look at says so.
func TestRunWithAnAgentThatLosesStarts(t *testing.T) {
	t.Parallel() // it waits for seconds
	r := runFor(t, Options{Quiet: true, Policy: priced(), Speed: MaxSpeed, Tick: 500 * time.Millisecond, LoseStarts: true})
	id := r.startsOne(t)
	c := r.becomes(t, id, func(c caseview.Case) bool { return c.Investigation != nil && c.Investigation.Missed })
	if c.State != "started" || c.Investigation.Confirmed || c.Investigation.Absent.IsZero() {
		t.Errorf("%+v, %+v", c, c.Investigation)
	}
	told := r.tells(t, id, "pager incident triggered unconfirmed")
	if want := []string{"datadog event started", "datadog event unconfirmed", "pager incident triggered unconfirmed"}; !slices.Equal(told, want) {
		t.Errorf("people were told %q, want %q", told, want)
	}
	paged := func(s caseview.Told) bool {
		return s.Target == "pagerduty" && s.Moment == "unconfirmed" && s.As == "told"
	}
	r.becomes(t, id, func(c caseview.Case) bool { return slices.ContainsFunc(c.Told, paged) }) // it is told before it is noted
	var story explain.Story
	r.get(t, "/explain?id="+id, &story)
	if len(story.Cases) != 1 || !slices.ContainsFunc(story.Cases[0].Told, paged) ||
		!slices.ContainsFunc(story.Events, func(e explain.Event) bool { return e.Text == "told PagerDuty: unconfirmed" }) {
		t.Errorf("%+v", story)
	}
	var s operate.Status
	if r.get(t, "/status", &s); len(s.Accounts) != 1 || len(s.Accounts[0].Unconfirmed) != 1 || s.Accounts[0].Unconfirmed[0].Case != id {
		t.Errorf("%+v", s)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if text := r.out.String(); !strings.Contains(text, "the Agent received this (answered 200, and lost):\n") ||
		!strings.Contains(text, "\ntick    misses ") || !strings.Contains(text, "  not confirmed for 1") ||
		!strings.Contains(text, "The Agent received 1 request and started 0 investigations.\n") {
		t.Errorf("it printed\n%s", text)
	}
}

func TestPace(t *testing.T) {
	noon := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	p := pace{began: noon, speed: 60}
	if got := p.at(noon.Add(2 * time.Second)); !got.Equal(noon.Add(2 * time.Minute)) {
		t.Errorf("after two seconds it is %s", got)
	}
	if got := (pace{}).at(noon); !got.Equal(noon) {
		t.Errorf("without a pace it is %s", got)
	}
	if err := p.Sleep(t.Context(), 60*time.Millisecond); err != nil {
		t.Error(err)
	}
}

// A pause is as much shorter as the run goes faster, ends with its context, and is never longer than is asked for.
func TestPauses(t *testing.T) {
	p := newPace(60)
	for range 100 {
		if d := p.Jitter(time.Second); d < 0 || d >= time.Second {
			t.Fatalf("a pause of %s, of one second at most", d)
		}
	}
	began := time.Now()
	if err := p.Sleep(t.Context(), 6*time.Second); err != nil || time.Since(began) < 100*time.Millisecond {
		t.Errorf("six seconds of the run took %s: %v", time.Since(began), err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Sleep(ended, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("it sleeps on: %v", err)
	}
}

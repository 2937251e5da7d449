package playback_test

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// small is a budget of two investigations at 480 s × $0.0083 = $3.984, and not one cent more than $8.
const small = "hold: 0s\nbudget: {dollars_a_month: 8, bucket: 2}\n"

// after are worlds in which the Agent does not simply take a start: the lines that say so, and what is said of it in the end.
var after = []struct {
	name, policy, world string
	lines, sum          string
	// spent is what the second alert is told that the budget counts; "" when it is not over.
	spent string
}{
	{
		name: "refused", policy: small, world: "agent: {at: 0s, is: refuses}\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► refused errors_in_body errors: priority must be one of CRITICAL, HIGH`,
		sum: "0 starts, $0.00\n1 case was refused\n",
	},
	{
		name: "two refused", policy: small, world: "agent: {at: 0s, is: refuses}\n" + second,
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► refused errors_in_body errors: priority must be one of CRITICAL, HIGH
0:30:00 start new_incident P2 Search is slow
0:30:00 ► refused errors_in_body errors: priority must be one of CRITICAL, HIGH`,
		sum: "0 starts, $0.00\n2 cases were refused\n",
	},
	{
		name: "left in doubt", policy: small + "in_doubt: stop\n", world: "agent: {at: 0s, is: gibberish}\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► in doubt unreadable_answer the Agent answered 200 with a body that is not JSON
0:08:00 ► in doubt, and nothing more is tried by itself unreadable_answer the Agent answered 200 with a body that is not JSON`,
		sum: "0 starts, $0.00\nreserved besides for starts in doubt: $3.98\nthe budget counts $3.98\n1 case is left in doubt\n",
	},
	{
		// The Agent has it, and says so when it is repeated: one start is seen, and money is kept for two.
		name: "in doubt, and taken all the while", policy: small, world: "agent: {at: 0s, is: fails, for: 4m}\n" + second,
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► investigation CRITICAL Checkout is slow
0:00:00 ► in doubt server_error the Agent answered 500 Internal Server Error: message: Inte…
0:01:00 ► in doubt server_error the Agent answered 500 Internal Server Error: message: Inte…
0:03:00 ► in doubt server_error the Agent answered 500 Internal Server Error: message: Inte…
0:08:00 ► started after all the Agent accepted
0:30:00 wait budget P2 Search is slow`,
		sum:   "1 start, $3.98\nreserved besides for starts in doubt: $3.98\nthe budget counts $7.97\n1 case still waits at the end\n",
		spent: "$7.97",
	},
	{
		// Nobody but the play knows that the first one runs: by the Agent's word nothing is paid.
		name: "refused, and taken", policy: small, world: "agent: {at: 0s, is: takes and refuses}\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► investigation CRITICAL Checkout is slow
0:00:00 ► refused errors_in_body errors: priority must be one of CRITICAL, HIGH`,
		sum: "1 start, $3.98\nnot in the budget, for the Agent has denied them: $3.98 of these\nthe budget counts $0.00\n1 case was refused\n",
	},
	{
		// A doubt that is stopped by hand counts as refused; its money is not given back.
		name: "stopped by hand", policy: small + "in_doubt: stop\n", world: "agent: {at: 0s, is: hangs, for: 4m}\nhand: {at: 5m, stop: 1}\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:08 ► in doubt timed_out the request was sent, and no answer came in time
0:05:00 ► stop by hand on-call: by the scenario
0:05:00 ► refused stopped by hand by on-call: by the scenario; it is not know…`,
		sum: "0 starts, $0.00\nreserved besides for starts in doubt: $3.98\nthe budget counts $3.98\n1 case was refused\n",
	},
	{
		// It is tried again and again; that it still cannot be reached is no news.
		name: "not listened to", policy: small, world: "agent: {at: 0s, is: down, for: 10m}\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► waits again agent_down connection_failed: the connection was refused
0:10:00 ► investigation CRITICAL Checkout is slow`,
		sum: "1 start, $3.98\n",
	},
	{
		// By the Agent's own word the true price takes the place of all that was reserved.
		name: "followed", policy: small, world: "agent: {at: 0s, is: takes and refuses, for: 10s}\ninvestigations: {appears: 30s, runs: 4m, ends: failed}\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► investigation CRITICAL Checkout is slow
0:00:00 ► refused errors_in_body errors: priority must be one of CRITICAL, HIGH
0:00:31 ► started after all the Agent shows task TASK p…
0:05:11 ► is over failed $1.99: Checkout is slow`,
		sum: "1 start, $3.98 as reckoned; 1 investigation over, $1.99 by the Agent's word\n" +
			"less than reckoned, by the Agent's word: $1.99\nthe budget counts $1.99\n",
	},
	{
		// 20 min × $0.0083 are $9.96, more than the whole month's money: so the second one waits.
		name: "followed, and longer than reckoned", policy: small, world: "investigations: {appears: 0s, triage: 0s, waits: 0s, runs: 20m}\n" + second,
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► investigation CRITICAL Checkout is slow
0:20:00 ► is over completed $9.96: Checkout is slow
0:30:00 wait budget P2 Search is slow`,
		sum: "1 start, $3.98 as reckoned; 1 investigation over, $9.96 by the Agent's word\n" +
			"more than reckoned, by the Agent's word: $5.98\nthe budget counts $9.96\n1 case still waits at the end\n",
		spent: "$9.96",
	},
	{
		// The Agent took it, and its API shows nothing of it: the money is given back.
		name: "followed, and nothing there", policy: small, world: "investigations: {ends: nothing}\nlasts: 3h\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► investigation CRITICAL Checkout is slow`,
		sum: "1 start, $3.98\nnot in the budget, for the Agent has denied them: $3.98 of these\nthe budget counts $0.00\n",
	},
	{
		// Without a budget nothing is counted that could differ.
		name: "followed, and no budget", policy: "hold: 0s\nbudget: {dollars_a_month: unlimited}\n", world: "investigations: {runs: 4m, ends: failed}\n",
		lines: `
0:00:00 start new_incident P1 Checkout is slow
0:00:00 ► investigation CRITICAL Checkout is slow
0:05:01 ► is over failed $1.99: Checkout is slow`,
		sum: "1 start, $3.98 as reckoned; 1 investigation over, $1.99 by the Agent's word\n",
	},
}

const (
	first  = "title: A\nalerts:\n  - {at: 0s, monitor: Checkout is slow, priority: P1}\n"
	second = "  - {at: 30m, monitor: Search is slow, priority: P2}\n"
)

// worldAfter is a world of the table above: one alert, or two.
func worldAfter(t *testing.T, text string) *playback.World {
	t.Helper()
	alerts := first
	if rest, two := strings.CutSuffix(text, second); two {
		text, alerts = rest, first+second
	}
	return worldOf(t, alerts+text)
}

// What became of a start that the Agent did not simply take stands in the time line, with the reason, and what is left of
// it at the foot. The money adds up to what the budget counts.
func TestAftermath(t *testing.T) {
	task := regexp.MustCompile(`task [0-9a-f-]{36}`)
	for _, row := range after {
		r := play(t, worldAfter(t, row.world), parsePolicy(t, row.policy))
		var out strings.Builder
		if err := playback.WriteText(&out, r); err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(out.String(), "\n\n  ")
		lines, sum, _ := strings.Cut(strings.TrimSpace(text), "\n\n")
		var got []string
		for l := range strings.SplitSeq(lines, "\n") {
			l = strings.Join(strings.Fields(l), " ")
			for _, c := range r.Cases {
				l = strings.TrimSuffix(l, " "+c.ID)
			}
			if strings.HasPrefix(l, "TIME") || strings.Contains(l, "► the Agent") {
				continue
			}
			got = append(got, strings.Replace(task.ReplaceAllString(l, "task TASK"), " Triggered ", " ", 1))
		}
		if text := "\n" + strings.Join(got, "\n"); text != row.lines {
			t.Errorf("%s: its lines are%s\nand should be%s", row.name, text, row.lines)
		}
		_, sum, _ = strings.Cut(sum, "\n") // the alerts are counted elsewhere
		if sum = strings.ReplaceAll("\n"+sum, "\n  ", "\n")[1:] + "\n"; sum != row.sum {
			t.Errorf("%s: in the end it says\n%s\nand should say\n%s", row.name, sum, row.sum)
		}
		if last := r.Alerts[len(r.Alerts)-1]; row.spent != "" && !strings.HasPrefix(last.Because, row.spent+" of $8.00 spent this month") {
			t.Errorf("%s: the budget says %q, and should count %s", row.name, last.Because, row.spent)
		}
	}
}

// Where all starts succeed nothing is said of it, in no form.
func TestNoAftermath(t *testing.T) {
	for _, name := range incidents {
		r := play(t, playback.OfScenario(load(t, name)), policy.Default())
		rep := playback.NewReport([]*playback.Result{r}, nil)
		if rep.AftermathReport != (playback.AftermathReport{}) {
			t.Errorf("%s: %+v", name, rep.AftermathReport)
		}
		if trouble := name == "agent-down" || name == "wrong-key"; (len(rep.Files[0].Troubles) > 0) != trouble {
			t.Errorf("%s: %+v", name, rep.Files[0].Troubles)
		}
		if a := r.Aftermath(); a.Counted != r.Dollars {
			t.Errorf("%s: the budget counts %s, and the starts are reckoned to cost %s", name, a.Counted, r.Dollars)
		}
	}
}

// A policy that leaves a doubt alone keeps money for one start; one that repeats it has it started, and keeps money for two.
func TestCompareAftermath(t *testing.T) {
	w := worldAfter(t, "agent: {at: 0s, is: gibberish, for: 5m}\n")
	repeat, stop := play(t, w, parsePolicy(t, small)), play(t, w, parsePolicy(t, small+"in_doubt: stop\n"))
	c := playback.Compare([]*playback.Result{repeat}, []*playback.Result{stop})
	var out strings.Builder
	if err := c.WriteText(&out, [2]string{"repeat.yaml", "stop.yaml"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	const want = `repeat.yaml stop.yaml
starts 1 0
dollars $3.98 $0.00
cases left in doubt 0 1
dollars that the budget counts $7.97 $3.98
delay of P1: median, nine of ten 0:08:00, 0:08:00 -

The Agent is told of these only under repeat.yaml (1):
2026-11-02 09:00:00Z P1 Checkout is slow; under the other: start new_incident, its case is left in doubt
`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	if rep := c.Report(); rep.InDoubt != 1 || rep.Refused != 0 || *rep.Besides != 3.984 || *rep.Denied != 0 || *rep.Counted != 3.984 {
		t.Errorf("%+v", rep.AftermathReport)
	}

	w = worldAfter(t, "agent: {at: 0s, is: refuses, for: 1m}\n")
	c = playback.Compare([]*playback.Result{play(t, w, parsePolicy(t, small))}, []*playback.Result{play(t, w, parsePolicy(t, "routes:\n  - match: [priority = P1]\n    mode: off\n"))})
	out.Reset()
	if err := c.WriteText(&out, [2]string{"a", "b"}); err != nil || !regexp.MustCompile(`(?m)^cases refused +1 +0$`).MatchString(out.String()) || strings.Contains(out.String(), "counts") {
		t.Errorf("%v: it says\n%s", err, out.String())
	}
}

// Where the Agents' work is followed, the budget counts what they say: why the second alert was not started under one
// policy stands beside what it would cost under the other.
func TestCompareFollowed(t *testing.T) {
	w := worldAfter(t, "investigations: {runs: 20m}\n"+second)
	little, enough := []*playback.Result{play(t, w, parsePolicy(t, small))}, []*playback.Result{play(t, w, parsePolicy(t, "hold: 0s\n"))}
	var out strings.Builder
	if err := playback.Compare(little, enough).WriteText(&out, [2]string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	if row := regexp.MustCompile(`(?m)^dollars that the budget counts +\$9\.96 +\$19\.92$`); !row.MatchString(out.String()) {
		t.Errorf("it says\n%s", out.String())
	}
	rep := playback.NewReport(little, nil)
	if rep.Counted == nil || *rep.Counted != 9.96 || *rep.Besides != 0 || *rep.Denied != 0 {
		t.Errorf("%+v", rep.AftermathReport)
	}
}

// What JSON says of money adds up to the millionth, which the text rounds: the starts to their files, these to the whole,
// and with what differs to what the budget counts.
func TestMoneyInJSONAddsUp(t *testing.T) {
	millionths := func(d float64) int { return int(math.Round(d * 1e6)) }
	w := worldAfter(t, "agent: {at: 20m, is: hangs}\ninvestigations: {runs: 7m1s}\n"+second)
	rep := playback.NewReport([]*playback.Result{
		play(t, playback.OfScenario(load(t, "budget-used-up")), policy.Default()), play(t, w, parsePolicy(t, small)),
		play(t, worldAfter(t, "agent: {at: 0s, is: takes and refuses}\n"), parsePolicy(t, small)),
	}, nil)
	all := 0
	for _, f := range rep.Files {
		sum := 0
		for _, s := range f.Starts {
			if s.Dollars != 3.984 { // 480 s × $0.0083
				t.Errorf("%s: a start is reckoned to cost %v", f.File, s.Dollars)
			}
			sum += millionths(s.Dollars)
		}
		if sum != millionths(f.Dollars) {
			t.Errorf("%s: the starts cost %d in all, and the file %v", f.File, sum, f.Dollars)
		}
		all += sum
	}
	if all != millionths(rep.Dollars) {
		t.Errorf("the files cost %d in all, and the whole %v", all, rep.Dollars)
	}
	if *rep.Besides <= 0 || *rep.Denied <= 0 || *rep.ByWord >= 0 {
		t.Errorf("%v besides, %v denied, %v by the Agent's word: it is no test of these", *rep.Besides, *rep.Denied, *rep.ByWord)
	}
	if counted := all + millionths(*rep.Besides) - millionths(*rep.Denied) + millionths(*rep.ByWord); counted != millionths(*rep.Counted) {
		t.Errorf("it adds up to %d, and the budget counts %v", counted, *rep.Counted)
	}
}

// JSON has each trouble of all files, in order, and its reason by name.
func TestAftermathInJSON(t *testing.T) {
	refused := play(t, worldAfter(t, "agent: {at: 0s, is: refuses}\n"+second), parsePolicy(t, small))
	left := play(t, worldAfter(t, "agent: {at: 0s, is: gibberish}\n"), parsePolicy(t, small+"in_doubt: stop\n"))
	rep := playback.NewReport([]*playback.Result{refused, left}, nil)
	if rep.Refused != 2 || rep.InDoubt != 1 || *rep.Besides != 3.984 || *rep.Denied != 0 || *rep.Counted != 3.984 {
		t.Errorf("%+v", rep.AftermathReport)
	}
	if f := rep.Files[0]; f.Refused != 2 || f.InDoubt != 0 || f.Besides != nil {
		t.Errorf("%+v", f.AftermathReport)
	}
	begin := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	id := rep.Alerts[2].Case
	const words = "the Agent answered 200 with a body that is not JSON"
	want := []playback.TroubleReport{
		{At: begin, Case: id, Became: "in_doubt", Reason: "unreadable_answer", Words: words},
		{At: begin.Add(8 * time.Minute), Case: id, Became: "left_in_doubt", Reason: "unreadable_answer", Words: words},
	}
	got := slices.Clone(rep.Files[1].Troubles)
	for i := range got {
		got[i].At = got[i].At.Truncate(time.Minute)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got := rep.Files[0].Troubles; len(got) != 2 || got[0].Became != string(gate.Refused) || got[0].Reason != "errors_in_body" || !got[0].At.Before(got[1].At) {
		t.Errorf("%+v", got)
	}
}

// What is opened by hand costs what the Agent of its alert costs, though no decision of an alert has opened it.
func TestPriceOfWhatIsOpenedByHand(t *testing.T) {
	w := worldOf(t, "title: A\nalerts:\n  - {at: 0s, monitor: M, priority: P4, tags: [env:prod, team:a], event: 1}\nhand: {at: 20m, start_alert: 1}\n")
	r := play(t, w, parsePolicy(t, "agents:\n  cheap: {slots: {total: 1, critical: 0}, budget: {dollars_a_month: 50, price_a_second: 0.001, expected: 4m}}\n"+
		"routes:\n  - {match: [team = a], agent: cheap}\n"))
	if after := r.Aftermath(); len(r.Starts) != 1 || r.Dollars.String() != "$0.24" || after.Counted != r.Dollars || after.Denied != 0 { // 240 s × $0.001
		t.Errorf("%d starts, %s; %+v", len(r.Starts), r.Dollars, after)
	}
	if limits := limitsOf(r); limits["slots: 1"] == "" {
		t.Errorf("the picture's limits are %v", limits)
	}
}

package alertbridge_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

const costPage = "docs/cost.md"

// Both tables are read below, and the page has no third one that nobody holds to anything.
func TestCostPageHasNoOtherTables(t *testing.T) {
	if got := docstest.Tables(t, costPage); !slices.Equal(got, []string{"shipped", "moments"}) {
		t.Errorf("the tables are %v", got)
	}
}

// What the shipped policy comes to, reckoned from what it says of an alert.
func TestCostOfTheShippedPolicy(t *testing.T) {
	r := policy.Default().For(paidFor("1", time.Time{}))
	b := r.Budget
	second := b.Case / gate.Dollars(r.Estimate/time.Second)
	earned := time.Duration(float64(30*24*time.Hour) * float64(b.Case) / float64(b.Month)).Round(time.Minute)
	row := func(what, value, from string) docstest.Row {
		return docstest.Row{"what": what, "value": value, "from": from}
	}
	want := []docstest.Row{
		row("one investigation", b.Case.String(), fmt.Sprintf("price_a_second × expected: $%g × %d s", float64(second)/1e6, r.Estimate/time.Second)),
		row("a month, at most, of what is not critical", b.Month.String(), "dollars_a_month"),
		row("investigations that this pays for", fmt.Sprint(int64(b.Month/b.Case)), ""),
		row("one is earned every", fmt.Sprintf("%d h %d min", earned/time.Hour, earned%time.Hour/time.Minute), "evenly over 30 days"),
		row("saved up, at most", fmt.Sprint(b.Bucket), "bucket: "+(b.Case*gate.Dollars(b.Bucket)).String()+" at once"),
		row("at the same time, at most", fmt.Sprint(r.Slots), fmt.Sprintf("slots, %s of them for critical cases only", map[int]string{1: "one", 2: "two"}[r.CriticalSlots])),
		row("critical ones a day, whatever has been spent", fmt.Sprint(b.CriticalPerDay), "critical_per_day: "+(b.Case*gate.Dollars(b.CriticalPerDay)).String()),
	}
	got := docstest.Table(t, costPage, "shipped")
	if !slices.EqualFunc(got, want, func(a, b docstest.Row) bool { return maps.Equal(a, b) }) {
		t.Errorf("the page says\n%v\nand the policy comes to\n%v", got, want)
	}
	text := strings.Join(strings.Fields(docstest.Read(t, costPage)), " ")
	for _, says := range []string{
		fmt.Sprintf("$%g when this was written, about %s a minute", float64(second)/1e6, second*60),
		fmt.Sprintf("%d critical investigations on each day, %s in 30 days", b.CriticalPerDay, whole(b.Case*gate.Dollars(b.CriticalPerDay)*30)),
		fmt.Sprintf("and besides at most the %s of", whole(b.Month)),
		fmt.Sprintf("a storm of 300 alerts in one night is %s", whole(b.Case*300)),
		fmt.Sprintf("for %s hours after the last time it did", map[time.Duration]string{6 * time.Hour: "six", 12 * time.Hour: "twelve"}[r.MaxAge]),
	} {
		if !strings.Contains(text, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}

// What following and telling add to CloudWatch's bill, counted in the template and in the list of counters. A counter is a
// metric for the stack, and one more for each value of its dimension; those that count only what goes wrong cost nothing
// while nothing does.
func TestReadmeCostOfWhatIsOptional(t *testing.T) {
	alarms := func(given ...string) int { return len(newStack(t, given...).ofType("AWS::CloudWatch::Alarm")) }
	plain := alarms()
	perAlarm, perMetric, polling, secret := 0.10, 0.30, 650_000*0.40/1e6, 0.40
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

	ways := len(gate.Outcomes())
	following := map[telemetry.Metric]int{telemetry.InvestigationEnded: 1 + ways, telemetry.AgentUsage: 1}
	wrong := []telemetry.Metric{telemetry.StartUnconfirmed, telemetry.AgentAPIFailed, telemetry.AgentUsageHigh, telemetry.EventFailed}
	places := []string{tell.Events, tell.Pager}
	telling := map[telemetry.Metric]int{telemetry.AnswerTold: 1 + len(places)}
	untold := []telemetry.Metric{telemetry.AnswerFailed, telemetry.AnswerGivenUp}
	for _, d := range telemetry.Metrics() {
		n := max(following[d.Metric], telling[d.Metric])
		if n > 0 && (n > 1) != (len(d.Dimensions) > 0) {
			t.Errorf("%s is counted as %d metrics, and has the dimensions %v", d.Metric, n, d.Dimensions)
		}
		optional := strings.HasPrefix(d.Datadog, "alertbridge.answer.") || strings.HasPrefix(d.Datadog, "alertbridge.investigation.") ||
			strings.HasPrefix(d.Datadog, "alertbridge.event.") || strings.HasPrefix(d.Datadog, "alertbridge.agent.usage") ||
			d.Metric == telemetry.StartUnconfirmed || d.Metric == telemetry.AgentAPIFailed
		if optional != (n > 0 || slices.Contains(wrong, d.Metric) || slices.Contains(untold, d.Metric)) {
			t.Errorf("nobody has reckoned with what %s costs", d.Metric)
		}
	}
	sum := func(of map[telemetry.Metric]int) (n int) {
		for _, k := range of {
			n += k
		}
		return n
	}
	price := func(dollars float64) string { return fmt.Sprintf("$%.2f", dollars) }
	upTo := func(dollars float64) string { return price(math.Ceil(dollars*10) / 10) }

	readme := strings.Join(strings.Fields(docstest.Read(t, "README.md")), " ")
	n, m := alarms("AgentSpaces", "space-1")-plain, sum(following)
	k, l := alarms("PagerDutySecretArn", pagerKey)-plain, sum(telling)
	follows := polling + float64(n)*perAlarm + float64(m)*perMetric
	tells := float64(k)*perAlarm + float64(l)*perMetric + secret
	for _, says := range []string{
		fmt.Sprintf("| CloudWatch alarms | %d × $0.10 ", plain),
		fmt.Sprintf("**With `AgentSpaces`** it is up to %s more: polling a second queue (650,000 × $0.40 per million, %s), %s alarms (%s), %s metrics (%s: ",
			upTo(follows), price(polling), words[n], price(float64(n)*perAlarm), words[m], price(float64(m)*perMetric)),
		fmt.Sprintf("by each of %s ways", words[ways]),
		strings.ToUpper(words[len(wrong)][:1]) + words[len(wrong)][1:] + " more counters, of what goes wrong,",
		fmt.Sprintf("**With somebody to tell** it is up to %s more: %s alarm (%s), %s metrics (%s: what was told, in all and at each of %s places), a secret for PagerDuty's key (%s)",
			upTo(tells), words[k], price(float64(k)*perAlarm), words[l], price(float64(l)*perMetric), words[len(places)], price(secret)),
		strings.ToUpper(words[len(untold)][:1]) + words[len(untold)][1:] + " more counters, of what could not be told,",
	} {
		if !strings.Contains(readme, says) {
			t.Errorf("the README does not say %q", says)
		}
	}
	page := strings.Join(strings.Fields(docstest.Read(t, costPage)), " ")
	if says := fmt.Sprintf("Following the Agent adds up to %s a month to both, telling people up to %s ", upTo(follows), upTo(tells)); !strings.Contains(page, says) {
		t.Errorf("%s does not say %q", costPage, says)
	}
}

// whole is an amount without its cents, as people write it.
func whole(d gate.Dollars) string {
	n := int64(d) / 1_000_000
	if n < 1000 {
		return fmt.Sprintf("$%d", n)
	}
	return fmt.Sprintf("$%d,%03d", n/1000, n%1000)
}

// moment is what the table says of the budget and the slot, and what shows that it is so.
type moment struct {
	budget, slot string
	shows        func(*testing.T, *till)
}

// One case at each moment of the table, in a ledger and with the shipped policy: what counts as spent, and how many
// slots are taken. The numbers are written here by hand: an investigation is reckoned to cost 480 s × $0.0083 = $3.984.
var moments = map[string]moment{
	"an alert is decided: join, wait or drop": {"nothing", "none", func(t *testing.T, c *till) {
		c.arrive(t, paidFor("1", c.now), gate.Wait)
		c.arrive(t, paidFor("1", c.now.Add(time.Second)), gate.Join)
		test := paidFor("2", c.now)
		test.Test = true
		c.arrive(t, test, gate.Drop)
		c.holds(t, 0, 0, nil)
	}},
	"a case starts": {"what an investigation is reckoned to cost counts as spent from here on", "taken", func(t *testing.T, c *till) {
		c.begins(t, delivery.Received)
		c.holds(t, 3_984_000, 1, nil)
	}},
	"the Agent was not reached, its door is shut, or it refuses": {"given back", "given back", func(t *testing.T, c *till) {
		for i, why := range []delivery.Reason{delivery.ConnectionFailed, delivery.Unauthorized, delivery.BadRequest} {
			each := open(c.now)
			each.begins(t, why)
			each.holds(t, 0, 0, nil)
			if each.called != 1 || !each.account(t).Money.Paced.Before(each.now.Add(time.Second)) {
				t.Errorf("%d: %d calls, and the refill is used up until %s", i, each.called, each.account(t).Money.Paced)
			}
		}
	}},
	"a start in doubt is repeated": {"reckoned to cost as much again, once, however often it is repeated", "taken again, if it was free by then", func(t *testing.T, c *till) {
		c.begins(t, delivery.TimedOut)
		c.holds(t, 3_984_000, 1, nil)
		for range 10 {
			c.tick(t, time.Minute)
		}
		c.holds(t, 7_968_000, 1, nil)
		if c.called != 4 { // after 1, 2 and 5 minutes; the next would be after 15
			t.Errorf("the Agent was called %d times", c.called)
		}
		taken := gate.Account{Running: map[string]gate.Reservation{}}
		for i := range 3 {
			taken.Running[fmt.Sprint(i)] = gate.Reservation{Until: c.now.Add(time.Hour), Critical: true}
		}
		doubt := c.only(t)
		doubt.Until = c.now
		view := gate.View{Cases: map[string]gate.Case{doubt.ID: doubt}, Account: taken}
		if d := gate.Due(view, doubt.ID, c.rules, c.now); d.Start != nil {
			t.Error("it is repeated though all slots are taken")
		}
		delete(taken.Running, "2")
		if d := gate.Due(view, doubt.ID, c.rules, c.now); d.Start == nil {
			t.Error("it is not repeated though a slot is free")
		}
	}},
	"the reckoned time is over": {"booked to the month in which it started", "given back", func(t *testing.T, c *till) {
		c.now = time.Date(2026, 11, 30, 23, 55, 0, 0, time.UTC)
		c.begins(t, delivery.Received) // a minute later
		c.tick(t, 7*time.Minute)
		c.holds(t, 3_984_000, 1, nil)
		c.tick(t, time.Minute) // 00:04
		c.holds(t, 0, 0, map[string]gate.Dollars{"2026-11": 3_984_000})
	}},
	"an investigation ends, where the Agent is followed": {"what it has cost is booked to that month, in place of what was reckoned", "given back", func(t *testing.T, c *till) {
		c.rules.Followed = true
		c.begins(t, delivery.Received)
		c.now = c.now.Add(6 * time.Minute)
		id := c.only(t).ID
		ran := func(s gate.Status, ago time.Duration) gate.Task {
			return gate.Task{ID: "task-1", Case: id, Status: s, Created: c.now.Add(-5 * time.Minute), Updated: c.now.Add(-ago)}
		}
		c.learns(t, id, ran(gate.InProgress, 4*time.Minute)) // and it counts as running
		c.holds(t, 3_984_000, 1, nil)
		c.learns(t, id, ran(gate.Completed, time.Minute)) // 180 s × $0.0083
		c.holds(t, 0, 0, map[string]gate.Dollars{"2026-11": 1_494_000})
	}},
	"nothing more is tried for a start in doubt": {"booked: it may have been paid for", "given back", func(t *testing.T, c *till) {
		c.rules.InDoubt = gate.StopIt
		c.begins(t, delivery.TimedOut)
		c.tick(t, 7*time.Minute)
		c.holds(t, 3_984_000, 1, nil)
		c.tick(t, time.Minute)
		c.holds(t, 0, 0, map[string]gate.Dollars{"2026-11": 3_984_000})
		if got := c.only(t); got.State != gate.InDoubt || !got.Resting {
			t.Errorf("the case is %s, resting %t", got.State, got.Resting)
		}
	}},
}

func TestCostMoments(t *testing.T) {
	rows := docstest.Table(t, costPage, "moments")
	if len(rows) != len(moments) {
		t.Errorf("the page has %d moments, and %d are tried", len(rows), len(moments))
	}
	for _, row := range rows {
		m := moments[row["moment"]]
		if m.shows == nil || m.budget != row["the budget"] || m.slot != row["the slot"] {
			t.Errorf("nothing shows that when %v", row)
			continue
		}
		t.Run(row["moment"], func(t *testing.T) { m.shows(t, open(time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC))) })
	}
}

// A case that recovers while it is held costs nothing, and says what was not spent.
func TestCostOfWhatRecovers(t *testing.T) {
	c := open(time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC))
	c.arrive(t, paidFor("1", c.now), gate.Wait)
	c.now = c.now.Add(20 * time.Second)
	over := paidFor("1", c.now)
	over.Transition = alert.Recovered
	c.arrive(t, over, gate.Drop)
	c.tick(t, time.Minute)
	c.holds(t, 0, 0, nil)
	if got := c.only(t); got.How != gate.EndRecovered || !strings.Contains(got.Note, "$3.98") || c.called != 0 {
		t.Errorf("it ended %s, %q, after %d calls", got.How, got.Note, c.called)
	}
}

// Five investigations are saved up. The sixth waits until the even refill has earned one more, 9 h 33 min 41.76 s after
// the first began to use it; a critical one goes beyond the budget.
func TestCostWhenTheMoneyIsUsedUp(t *testing.T) {
	c := open(time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC))
	first := c.now.Add(time.Minute)
	for i := range 6 {
		c.arrive(t, paidFor(fmt.Sprint(i), c.now), gate.Wait)
		c.tick(t, time.Minute)
		c.now = c.now.Add(9 * time.Minute)
	}
	waiting := c.list(t, gate.Queue)
	earned := first.Add(9*time.Hour + 33*time.Minute + 41*time.Second + 760*time.Millisecond)
	if c.called != 5 || len(waiting) != 1 || waiting[0].Why != gate.WhyBudget || !waiting[0].Until.Equal(earned) {
		t.Fatalf("%d were started, and these wait: %+v; want one for its money until %s", c.called, waiting, earned)
	}
	critical := paidFor("critical", c.now)
	critical.Severity, critical.Priority = alert.Critical, "P1"
	if d := c.arrive(t, critical, gate.Start); !d.Start.Beyond {
		t.Error("the critical case does not say that it goes beyond the budget")
	}
}

// till is a ledger in which alerts and ticks are decided one after the other, and an Agent that answers as it is told.
type till struct {
	ledger *memledger.Ledger
	now    time.Time
	rules  gate.Rules // of what is not critical; those of an alert are the policy's
	answer delivery.Reason
	called int
}

func open(now time.Time) *till {
	return &till{ledger: memledger.New(), now: now, rules: policy.Default().For(paidFor("1", now)), answer: delivery.Received}
}

// Call is the Agent's.
func (c *till) Call(context.Context, agent.Message) delivery.Answer {
	c.called++
	return delivery.Answer{Reason: c.answer}
}

func (c *till) run(t *testing.T, d gate.Decision) {
	t.Helper()
	s := start.Starter{Ledger: c.ledger, Agents: map[string]start.Agent{policy.DefaultAgent: c}, Now: func() time.Time { return c.now }}
	if _, err := s.Run(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// arrive decides an alert, whose verdict must be the one that is told.
func (c *till) arrive(t *testing.T, a alert.Alert, verdict gate.Verdict) gate.Decision {
	t.Helper()
	r := policy.Default().For(a)
	q := ledger.Question{Delivery: a.Delivery, Incident: a.Incident, Pointers: r.Pointers(), Agent: r.Agent, Group: r.Group, Surge: r.Surge, Leads: true}
	v, err := c.ledger.Look(t.Context(), q, c.now)
	if err != nil {
		t.Fatal(err)
	}
	d := gate.Arrive(v, gate.Arrival{Alert: a}, r, c.now)
	if d.Verdict != verdict {
		t.Fatalf("the verdict is %s, %s, want %s", d.Verdict, d.Reason, verdict)
	}
	c.run(t, d)
	return d
}

// tick lets time pass and looks at what is due then.
func (c *till) tick(t *testing.T, later time.Duration) {
	t.Helper()
	c.now = c.now.Add(later)
	due, err := c.ledger.Due(t.Context(), policy.DefaultAgent, c.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range due {
		v, err := c.ledger.LookCase(t.Context(), id, policy.DefaultAgent, c.now)
		if err != nil {
			t.Fatal(err)
		}
		c.run(t, gate.Due(v, id, c.rules, c.now))
	}
}

// begins starts one case, a minute after its alert came, and the Agent answers so.
func (c *till) begins(t *testing.T, why delivery.Reason) {
	t.Helper()
	c.answer = why
	c.arrive(t, paidFor("1", c.now), gate.Wait)
	c.tick(t, time.Minute)
	if c.called != 1 {
		t.Fatalf("the Agent was called %d times", c.called)
	}
}

// learns takes in what the Agent says of a case.
func (c *till) learns(t *testing.T, id string, task gate.Task) {
	t.Helper()
	v, err := c.ledger.LookCase(t.Context(), id, policy.DefaultAgent, c.now)
	if err != nil {
		t.Fatal(err)
	}
	c.run(t, gate.Learn(v, id, gate.News{Tasks: []gate.Task{task}}, c.rules, c.now))
}

func (c *till) account(t *testing.T) gate.Account {
	t.Helper()
	v, err := c.ledger.LookCase(t.Context(), "", policy.DefaultAgent, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return v.Account
}

// holds holds the account to what runs counts as spent with, the slots that are taken, and what is booked.
func (c *till) holds(t *testing.T, running gate.Dollars, slots int, booked map[string]gate.Dollars) {
	t.Helper()
	a := c.account(t)
	var sum gate.Dollars
	taken := 0
	for _, res := range a.Running {
		sum += res.Money
		if res.Until.After(c.now) {
			taken++
		}
	}
	if sum != running || taken != slots || !maps.Equal(a.Money.Spent, booked) {
		t.Errorf("%s runs in %d slots and %v is booked, want %s in %d and %v", sum, taken, a.Money.Spent, running, slots, booked)
	}
}

func (c *till) list(t *testing.T, b gate.Bucket) []gate.Case {
	t.Helper()
	cases, _, err := c.ledger.List(t.Context(), policy.DefaultAgent, b, 10, "", c.now)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// only is the one case that there is.
func (c *till) only(t *testing.T) gate.Case {
	t.Helper()
	var all []gate.Case
	for _, b := range []gate.Bucket{gate.Queue, gate.Timed, gate.Doubtful, gate.Declined, gate.Closed} {
		all = append(all, c.list(t, b)...)
	}
	if len(all) != 1 {
		t.Fatalf("there are %d cases", len(all))
	}
	return all[0]
}

// paidFor is an alert of production with priority P2, of a monitor of its own.
func paidFor(monitor string, at time.Time) alert.Alert {
	return alert.Alert{
		Delivery: fmt.Sprintf("12.%s-%d", monitor, at.Unix()), OrgID: "12", Incident: alert.Incident{Org: "12", Monitor: monitor, Key: "g.1"},
		Monitor: alert.Monitor{ID: monitor, Name: "Monitor " + monitor}, Title: "Monitor " + monitor, Transition: alert.Triggered,
		Severity: alert.High, Priority: "P2", Time: at, Tags: []string{"env:prod"},
	}
}

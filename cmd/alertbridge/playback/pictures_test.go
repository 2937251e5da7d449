package playback_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// picture plays one of the scenarios that the pictures are drawn of, and asks 720 times whether a critical alert would
// start at once.
func picture(t *testing.T, name string) *playback.Result {
	t.Helper()
	w := playback.OfScenario(load(t, "../pictures/"+name))
	r, err := playback.Play(t.Context(), w, policy.Default(), playback.Watch{Probes: 720})
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range playback.Expect(r) {
		t.Error(diff)
	}
	if len(r.Probes) != 720 {
		t.Errorf("%d probes", len(r.Probes))
	}
	for _, p := range r.Probes {
		if p.Verdict != gate.Start || p.Reason != gate.NewIncident {
			t.Errorf("a critical alert at %s would get %s %s", p.At, p.Verdict, p.Reason)
		}
	}
	return r
}

// 10,000 alerts of 40 groups within ten minutes are four faults: one for each monitor and environment.
func TestStormOfTenThousandAlerts(t *testing.T) {
	r := picture(t, "storm")
	groups := map[string]bool{}
	first, last := r.World.Begin.Add(time.Hour), r.World.Begin
	for _, d := range r.Alerts {
		groups[d.Alert.Monitor.ID+strings.Join(d.Alert.Scope, ",")] = true
		if d.At.Before(first) {
			first = d.At
		}
		if d.At.After(last) {
			last = d.At
		}
		if d.Verdict == "" {
			t.Fatalf("the alert %s has no verdict", d.Alert.Delivery)
		}
	}
	if len(r.Alerts) != 10_000 || len(groups) != 40 || last.Sub(first) > 10*time.Minute {
		t.Errorf("%d alerts of %d groups within %s", len(r.Alerts), len(groups), last.Sub(first))
	}
	if len(r.Starts) != 4 || r.Calls != 4 {
		t.Errorf("%d starts by %d calls", len(r.Starts), r.Calls)
	}
}

// A month of more noise than the budget pays for: what is not critical starts only while there is money for it, and every
// critical alert has its investigation. That critical ones go beyond the budget is seen in the incident budget-used-up.
func TestThirtyDaysOfNoise(t *testing.T) {
	r := picture(t, "noise")
	const price, budget = 3_984_000, 300_000_000 // $0.0083 for 480 seconds; both in millionths
	if days := r.World.End.Sub(r.World.Begin).Hours() / 24; days != 30 || len(r.Alerts) < 1500 {
		t.Errorf("%d alerts in %.0f days", len(r.Alerts), days)
	}
	var spent gate.Dollars
	critical, triggered, waited := 0, 0, 0
	for i, s := range r.Starts {
		if s.Dollars != price {
			t.Fatalf("a start is reckoned to cost %s", s.Dollars)
		}
		running := gate.Dollars(0)
		for _, before := range r.Starts[:i] {
			if s.At.Sub(before.At) < 8*time.Minute {
				running++
			}
		}
		if s.Severity == "CRITICAL" {
			critical++
		} else if spent+price > budget {
			t.Errorf("%s %q starts at %s, and $%.2f were spent", s.Severity, s.Title, s.At, float64(spent)/1e6)
		} else if running > 1 {
			t.Errorf("%s %q starts at %s beside %d others", s.Severity, s.Title, s.At, running)
		}
		spent += price
	}
	for _, d := range r.Alerts {
		if d.Rank == alert.Critical && d.Alert.Transition == alert.Triggered && !d.Alert.Test {
			triggered++
		}
	}
	for _, c := range r.Cases {
		if !c.Ended.IsZero() && c.How == gate.EndRecovered && c.Ended.Sub(c.Began) > 10*time.Minute {
			waited++
		}
	}
	if triggered != 5 || critical != 5 || len(r.Starts) != 75 {
		t.Errorf("%d of %d critical alerts started, %d starts in all", critical, triggered, len(r.Starts))
	}
	if waited < 20 {
		t.Errorf("only %d cases waited for money until they recovered: there is not more noise than the budget pays for", waited)
	}
}

// With money for it, the case that collects a storm is started once, after the five minutes in which a storm collects, and
// says how many services it is about: 40 without the five that have cases of their own.
func TestStormIsOneStart(t *testing.T) {
	s := load(t, "deploy-breaks-forty-services")
	r := play(t, playback.OfScenario(s), parsePolicy(t, "budget: {bucket: 10}\nslots: {total: 8}\n"))
	var storms []string
	for _, st := range r.Starts {
		if !strings.Contains(st.Title, "Error rate of service") {
			storms = append(storms, st.At.Sub(r.World.Begin).Truncate(time.Minute).String()+" "+st.Title)
		}
	}
	if len(r.Starts) != 6 || len(storms) != 1 || !strings.Contains(storms[0], "6m0s") || !strings.Contains(storms[0], "35 services in prod") {
		t.Errorf("%d starts, of storms: %v", len(r.Starts), storms)
	}
}

// A picture is well-formed, is the same each time, and says in words what it shows.
func TestPicture(t *testing.T) {
	s := load(t, "wrong-key")
	s.Title = `A < B & "C"`
	draw := func() []byte {
		r, err := playback.Play(t.Context(), playback.OfScenario(s), policy.Default(), playback.Watch{Probes: 10})
		if err != nil {
			t.Fatal(err)
		}
		return playback.Picture(r)
	}
	svg := draw()
	if !bytes.Equal(svg, draw()) {
		t.Error("it is another one the second time")
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("it is no XML: %v\n%s", err, svg)
		}
	}
	for _, words := range []string{
		"A &lt; B &amp; &#34;C&#34;", "2 alerts: 0 start, 2 wait, 0 join, 0 drop. 2 investigations, $7.97.", "slots: 3",
		"Alerts in 52.5 s, by verdict", "minutes since 2026-11-02 09:00 UTC", "prefers-color-scheme: dark",
		"A critical alert would start at once: at 7 of 10 times", // not at 21:00, 31:30 and 42:00, while the door is shut
	} {
		if !strings.Contains(string(svg), words) {
			t.Errorf("it does not say %q", words)
		}
	}
}

// limitsOf are the words beside a picture's limits, with their lines.
func limitsOf(r *playback.Result) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`<path class="limit" d="([^"]*)"/><text [^>]*>([^<]*)</text>`).FindAllSubmatch(playback.Picture(r), -1) {
		all[string(m[2])] = string(m[1])
	}
	return all
}

const twoAgents = `
agents:
  pay:
    slots: {total: 1, critical: 0}
    budget: {dollars_a_month: 33, price_a_second: 0.0167, expected: 16m, bucket: 1}
routes:
  - {match: [service = payments], agent: pay}
`

// What all Agents run and cost stands beside the slots and the budgets of all of them that have something to do.
func TestPictureOfSeveralAgents(t *testing.T) {
	const world = "title: A\nlasts: 2d\nalerts:\n  - {at: 0s, monitor: Web, priority: P2, tags: [env:prod, service:web]}\n"
	const pay = "  - {at: 0s, monitor: Pay, priority: P2, tags: [env:prod, service:payments]}\n"
	for _, row := range []struct{ name, alerts, policy, want string }{
		{"both", pay, twoAgents, "a month's budget of 2 Agents: $333.00, slots of 2 Agents: 4"}, // $300 and 3 slots are the default
		{"one", "", twoAgents, "a month's budget: $300.00, slots: 3"},
		{"one is only observed", pay, strings.Replace(twoAgents, "agent: pay", "agent: pay, mode: observe", 1), "a month's budget: $300.00, slots: 3"},
		{"one without a budget", pay, strings.Replace(twoAgents, "33", "unlimited", 1), "slots of 2 Agents: 4"},
	} {
		limits := limitsOf(play(t, worldOf(t, world+row.alerts), parsePolicy(t, row.policy)))
		if got := strings.Join(slices.Sorted(maps.Keys(limits)), ", "); got != row.want {
			t.Errorf("%s: it says %q, and should say %q", row.name, got, row.want)
		}
	}
}

// Each month has its own budget, on top of what those before have cost: of $100, 25 starts of $3.984 in November and as many
// in December use up neither.
func TestPictureOfTwoMonths(t *testing.T) {
	w := worldOf(t, "title: A\nbegins: 2026-11-01T00:00:00Z\nlasts: 61d\nalerts:\n"+
		"  - {at: 0s, monitor: A, priority: P2, tags: [env:prod], every: 20h, for: 60d, recovers: 15m}\n")
	r := play(t, w, parsePolicy(t, "budget: {dollars_a_month: 100}\n"))
	if n := slices.IndexFunc(r.Starts, func(s playback.Start) bool { return s.At.Month() == time.December }); n != 25 || len(r.Starts) != 50 {
		t.Fatalf("%d starts, %d of them in November", len(r.Starts), n)
	}
	var before, at, after float64
	path := limitsOf(r)["a month's budget: $100.00"]
	if _, err := fmt.Sscanf(path, "M84.0 %fH%fV%fH936.0", &before, &at, &after); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	// 30 of 61 days are over. The panel is 130 pixels high for $400, the round sum above all of it.
	if dollar := 130.0 / 400; math.Abs(at-(84+852*30.0/61)) > 0.1 || math.Abs(before-after-25*3.984*dollar) > 0.1 || math.Abs(574-before-100*dollar) > 0.1 {
		t.Errorf("its line is %s", path)
	}
}

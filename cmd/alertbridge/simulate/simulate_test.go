package simulate

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// histories is how many worlds every test run plays: each fault has its turn with each edge three times. make simulate plays
// more, from other seeds.
const histories = 2520

// raced: the race detector is on, and everything takes eight times as long. .ci/test runs these tests without it, too.
var raced bool

// No world breaks a promise, and together they cover what there is to cover, and nothing that is said to be impossible.
func TestWorlds(t *testing.T) {
	n := histories
	few := testing.Short() || raced
	if few {
		n = 200
	}
	rep, err := Many(t.Context(), 1, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rep.Broken {
		t.Errorf("seed %d: %s", r.Seed, r.Breaches[0])
	}
	if rep.Histories != n || rep.MedianAlerts < 30 || rep.MedianFaults < 2 {
		t.Errorf("%d worlds, in the middle %d alerts and %d faults", rep.Histories, rep.MedianAlerts, rep.MedianFaults)
	}
	for _, name := range rep.Cover.Missing() {
		if !few {
			t.Errorf("not covered: %s", name)
		}
	}
	// Half of those that are not known are plans: nobody asks about one whose end was not heard. Of the others events were lost, or
	// the API was silent for hours.
	if rep.Events < n*5 || !few && rep.Heard < 8*rep.Unheard || rep.Heard < 5*rep.Unheard || rep.Unheard == 0 {
		t.Errorf("%d events; the work of %d cases was known to its end, and that of %d was not", rep.Events, rep.Heard, rep.Unheard)
	}
	if rep.Answers < n/3*20 { // in one of three worlds
		t.Errorf("people were told %d things", rep.Answers)
	}
	reached := rep.Cover.names()
	for name := range Impossible() {
		if slices.Contains(reached, name) {
			t.Errorf("%s is said to be impossible, and seed %d reached it", name, rep.Cover.First[name])
		}
	}
	t.Logf("%d messages in %s, %.0f a second", rep.Messages, rep.Took, float64(rep.Messages)/rep.Took.Seconds())
}

// A world is a matter of its seed alone.
func TestSameWorldAgain(t *testing.T) {
	for seed := uint64(1); seed <= 50; seed++ {
		if !reflect.DeepEqual(Generate(seed), Generate(seed)) {
			t.Fatalf("seed %d makes two worlds", seed)
		}
	}
}

// readBack is the world of a scenario's text.
func readBack(t *testing.T, text []byte) (World, gate.Policy) {
	t.Helper()
	s, err := scenario.Parse("x.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	p, err := policy.Parse("x.yaml", s.Policy.Text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	w, err := FromScenario(s, p)
	if err != nil {
		t.Fatal(err)
	}
	return w, w.Policy
}

// A world that is written as a scenario and read again is the same world: the same seed and beginning, the same is
// delivered, done by hand and goes wrong at the same times and in the same order, and the policy says the same of every
// alert.
func TestWorldsSurviveBeingWritten(t *testing.T) {
	alerts, events := 0, map[Kind]int{}
	for seed := uint64(1); seed <= 500; seed++ {
		w := Generate(seed)
		back, p := readBack(t, Scenario(w, nil, "x.yaml"))
		if back.Calm != w.calm() || back.Seed != w.Seed || !back.Begins.Equal(w.Begins) || len(back.Events) != len(w.Events) {
			t.Fatalf("seed %d: %d %s %d events, want %d", seed, back.Seed, back.Begins, len(back.Events), len(w.Events))
		}
		if got, want := back.faults(), w.faults(); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d goes wrong otherwise:\n%+v\n%+v", seed, got, want)
		}
		if got, want := back.orders(), w.orders(); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d is ordered otherwise:\n%+v\n%+v", seed, got, want)
		}
		got, want := back.deliveries(), w.deliveries()
		for i := range want {
			if got[i].At != want[i].At || !bytes.Equal(got[i].Body, want[i].Body) {
				t.Fatalf("seed %d delivers otherwise: %s %s\n%s %s", seed, got[i].At, got[i].Body, want[i].At, want[i].Body)
			}
			a, err := datadog.Decode(want[i].Body, w.Begins.Add(want[i].At), nil)
			if err != nil {
				continue // it is one that nobody can read
			}
			alerts++
			means, says := w.Settings.For(a), p.For(a)
			says.Route, says.Source, says.Version = "", nil, ""
			says.ModeFixed = says.ModeFixed && says.Mode != gate.ModeFull // against full every other mode is the stricter one
			if len(says.Keys) == 0 {
				says.Keys = nil
			}
			if !reflect.DeepEqual(means, says) {
				t.Fatalf("seed %d: its settings mean %+v\nand the policy says %+v\nof %s", seed, means, says, want[i].Body)
			}
		}
		if !slices.Equal(p.Agents(), w.Settings.Agents()) {
			t.Fatalf("seed %d: the agents are %v", seed, p.Agents())
		}
		for _, e := range w.Events {
			if events[e.Kind]++; e.Of > 0 {
				events[e.Kind+" by name"]++
			}
		}
	}
	for _, k := range append(Faults(), Delivery, Garbled, SetMode, Silence, Promote, Stop, Retry, Redrive, Promote+" by name", Stop+" by name") {
		if events[k] < 5 {
			t.Errorf("only %d events are of the kind %q", events[k], k)
		}
	}
	if alerts < 10_000 {
		t.Errorf("only %d alerts", alerts)
	}
}

// And it goes the same way, step by step.
func TestWrittenWorldsGoTheSameWay(t *testing.T) {
	for seed := uint64(1); seed <= 40; seed++ {
		w := Generate(seed)
		back, _ := readBack(t, Scenario(w, nil, "x.yaml"))
		var first, second bytes.Buffer
		if _, err := Replay(w, &first); err != nil {
			t.Fatal(err)
		}
		if _, err := Replay(back, &second); err != nil || first.String() != second.String() {
			t.Errorf("seed %d went two ways, %v", seed, err)
		}
		if !strings.HasSuffix(first.String(), "no promise was broken\n") {
			t.Errorf("seed %d:\n%s", seed, first.String()[max(0, first.Len()-500):])
		}
	}
}

// And play shows what was judged: every verdict at the same moment.
func TestWrittenWorldsPlayTheSameWay(t *testing.T) {
	verdicts := 0
	for seed := uint64(1); seed <= 60; seed++ {
		w := Generate(seed)
		p, err := prepare(w)
		if err != nil {
			t.Fatal(err)
		}
		judged, played := map[string]string{}, map[string]string{}
		p.say = func(c virtual.Committed) {
			if d := c.Change.Delivery; d != nil {
				judged[d.ID] = fmt.Sprint(c.At.UTC(), d.Verdict, d.Reason, d.Case)
			}
		}
		p.play()
		p.bridge.Close()
		s, err := scenario.Parse("x.yaml", Scenario(w, nil, "x.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, own := readBack(t, Scenario(w, nil, "x.yaml"))
		r, err := playback.Play(t.Context(), playback.OfScenario(s), own, playback.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range r.Alerts {
			if a.Alert.Delivery != "" && a.Reason != gate.Duplicate {
				played[a.Alert.Delivery] = fmt.Sprint(a.Decided.UTC(), a.Verdict, a.Reason, a.Case)
			}
		}
		for id, want := range judged {
			if got := played[id]; got != want && !strings.HasPrefix(id, "raw-") { // play knows what is unreadable by no id
				t.Errorf("seed %d: %s got %q, and when it was judged %q", seed, id, got, want)
			}
		}
		verdicts += len(played)
	}
	if verdicts < 2000 {
		t.Errorf("only %d verdicts", verdicts)
	}
}

// sendTwice makes a bridge that sends every start twice.
func sendTwice(p *player) {
	called := map[int]bool{}
	old := p.onCall
	p.onCall = func(c virtual.Call) {
		old(c)
		if !called[c.Invocation] {
			called[c.Invocation] = true
			old(c)
		}
	}
}

// A bridge that sends every start twice is found out, and the world is made small: an alert that is started at once, and
// nothing else.
func TestShrink(t *testing.T) {
	breakIt = sendTwice
	defer func() { breakIt = nil }()
	w, r, err := Shrink(Generate(4))
	if err != nil || len(r.Breaches) == 0 || r.Breaches[0].Promise != "3" {
		t.Fatalf("broken: %v, %v", r.Breaches, err)
	}
	if len(w.Events) != 1 || w.Events[0].Kind != Delivery || w.Settings.Storm != 0 || w.Settings.Month != 0 {
		t.Errorf("what is left are %d events: %+v", len(w.Events), w)
	}
}

// A bridge that tells twice, one that opens or closes no incident, and one that tells too much of a case are found out.
func TestTellingIsJudged(t *testing.T) {
	defer func() { breakIt = nil }()
	for name, c := range map[string]struct {
		least  int // of 90 worlds in which it is seen: not in each is somebody woken for such a thing at the end
		breaks func(*player)
	}{
		"everything is told twice": {80, func(p *player) {
			p.onShown = func(d virtual.Delivery) {
				p.shown(d)
				p.shown(d)
			}
		}},
		"no incident is closed": {20, func(p *player) {
			p.onShown = func(d virtual.Delivery) {
				if d.Answer.Page != answer.Resolve {
					p.shown(d)
				}
			}
		}},
		"nobody is woken for a doubt": {5, func(p *player) {
			p.onShown = func(d virtual.Delivery) {
				if d.Target != tell.Pager || d.Answer.Moment != answer.Doubtful {
					p.shown(d)
				}
			}
		}},
		"nobody is woken for what was refused": {2, func(p *player) {
			p.onShown = func(d virtual.Delivery) {
				if d.Target != tell.Pager || d.Answer.Moment != answer.Refused {
					p.shown(d)
				}
			}
		}},
		"each telling stands by itself": {80, func(p *player) {
			n := 0
			p.onShown = func(d virtual.Delivery) {
				n++
				d.Answer.ID += number(n)
				for range 2 {
					d.Answer.ID += "again"
					p.shown(d)
				}
			}
		}},
	} {
		breakIt = c.breaks
		found := 0
		for seed := uint64(405); seed <= 672; seed += 3 { // those in which people are told
			r, err := Run(Generate(seed))
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range r.Breaches {
				if b.Promise != "told" {
					t.Errorf("%s, seed %d: %s", name, seed, b)
				}
			}
			if len(r.Breaches) > 0 {
				found++
			}
		}
		if found < c.least {
			t.Errorf("%s: seen in %d worlds of 90", name, found)
		}
	}
}

// What was broken in a world is broken in the same way in the scenario that is written of it. The bridges are wrong in ways
// that need a fault to be seen: one calls again after a crash, and one when the Agent hangs.
func TestBrokenWorldsAreBrokenAsScenarios(t *testing.T) {
	defer func() { breakIt = nil }()
	for name, breaks := range map[string]func(*player){
		"every start is sent twice": sendTwice,
		"what a crash cuts off is told as sent": func(p *player) {
			p.weather.OnMet = after(p.weather.OnMet, func(f scenario.Fault, _ int) {
				if f.Kind == scenario.CrashAfter && f.Step == scenario.Commit {
					p.model.Turned(500, p.bridge.Now())
				}
			})
		},
		"what the Agent's API says is withheld": func(p *player) {
			old := p.onTold
			p.onTold = func(t virtual.Told) {
				if t.Role == virtual.Follower {
					old(t)
				}
			}
		},
		"an Agent that hangs has objected": func(p *player) {
			old := p.onCall
			p.onCall = func(c virtual.Call) {
				old(c)
				if p.weather.AgentState(c.At) == scenario.AgentHanging {
					p.model.Objected(c.Case, "hung", c.At)
				}
			}
		},
	} {
		breakIt = breaks
		w, r := World{}, Result{}
		for seed := uint64(1); seed < 300 && len(r.Breaches) == 0; seed++ {
			var err error
			if w, r, err = Shrink(Generate(seed)); err != nil {
				t.Fatal(err)
			}
		}
		if len(r.Breaches) == 0 {
			t.Errorf("%s: nothing was broken", name)
			continue
		}
		text := Scenario(w, r.Breaches, "broken.yaml")
		title := "Promise " + r.Breaches[0].Promise + " is broken"
		if r.Breaches[0].Promise == "slots" {
			title = "What is counted of slots does not add up"
		}
		back, _ := readBack(t, text)
		var out bytes.Buffer
		again, err := Replay(back, &out)
		if err != nil || !reflect.DeepEqual(again.Breaches, r.Breaches) || !strings.Contains(out.String(), r.Breaches[0].String()) {
			t.Errorf("%s: %v, and as a scenario %v, %v\n%s", name, r.Breaches, again.Breaches, err, text)
		}
		for _, want := range []string{
			fmt.Sprintf("# alertbridge simulate made this world from seed %d.\n", w.Seed), fmt.Sprintf("#   after %s, %s\n", short(r.Breaches[0].At.Sub(w.Begins)), r.Breaches[0]),
			fmt.Sprintf("\ntitle: %s (seed %d)\n", title, w.Seed),
			"#   alertbridge play broken.yaml\n", "#   alertbridge simulate --replay broken.yaml\n",
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: without %q:\n%s", name, want, text)
			}
		}
		if lines := strings.Count(string(text), "\n"); lines > 50 {
			t.Errorf("%s: %d lines:\n%s", name, lines, text)
		}
		breakIt = nil
		if r, err := Run(back); err != nil || len(r.Breaches) > 0 {
			t.Errorf("%s: a bridge that is mended still breaks %v, %v", name, r.Breaches, err)
		}
	}
}

func after(first, then func(scenario.Fault, int)) func(scenario.Fault, int) {
	return func(f scenario.Fault, i int) {
		first(f, i)
		then(f, i)
	}
}

// What lasts longer than the ledger remembers cannot be judged.
func TestFromScenarioRefuses(t *testing.T) {
	s, err := scenario.Parse("x.yaml", []byte("title: A\nlasts: 21d\nalerts: {at: 0s, monitor: M}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FromScenario(s, policy.Default()); err == nil || !strings.Contains(err.Error(), "x.yaml lasts longer than 20 days") {
		t.Errorf("it says %v", err)
	}
}

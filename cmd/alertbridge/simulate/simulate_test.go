package simulate

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// histories is how many worlds every test run plays; make simulate plays more, from other seeds.
const histories = 2000

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
	reached := rep.Cover.names()
	for name := range Impossible() {
		if slices.Contains(reached, name) {
			t.Errorf("%s is said to be impossible, and seed %d reached it", name, rep.Cover.First[name])
		}
	}
	t.Logf("%d messages in %s, %.0f a second", rep.Messages, rep.Took, float64(rep.Messages)/rep.Took.Seconds())
}

// Worlds in which a promise only seemed to be broken, each with what its story needs to happen.
func TestOnlySeemsBroken(t *testing.T) {
	for _, tt := range []struct {
		file, why string
		reason    gate.Reason
		alerts    int
	}{
		{"over-while-a-tick-runs", "a reservation ended, and was forgotten, while a tick ran that had found no slot at its beginning", gate.NoSlot, 1},
		{"waits-elsewhere", "a storm's case has waited too long for another Agent, and an incident leaves it", gate.InStorm, 2},
	} {
		text, err := os.ReadFile("testdata/" + tt.file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		w, err := ParseWorld(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(w)
		if err != nil || len(r.Breaches) > 0 {
			t.Errorf("%s is said to be broken (%s): %v, %v", tt.file, tt.why, r.Breaches, err)
		}
		if got := r.Cover.Reasons[tt.reason]; got != tt.alerts {
			t.Errorf("%s: %d alerts got %s, want %d", tt.file, got, tt.reason, tt.alerts)
		}
	}
}

// A world is a matter of its seed alone, survives being written down, and goes the same way again.
func TestSameWorldAgain(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		w := Generate(seed)
		if !reflect.DeepEqual(w, Generate(seed)) {
			t.Fatalf("seed %d makes two worlds", seed)
		}
		text, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseWorld(text)
		if err != nil || !reflect.DeepEqual(w, back) {
			t.Fatalf("seed %d is another world when it was written down: %v", seed, err)
		}
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

// A bridge that sends every start twice is found out, and the world is made small: an alert that is started at once, and
// nothing else.
func TestShrink(t *testing.T) {
	breakIt = func(p *player) {
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
	defer func() { breakIt = nil }()
	w, r, err := Shrink(Generate(4))
	if err != nil || len(r.Breaches) == 0 || r.Breaches[0].Promise != "3" {
		t.Fatalf("broken: %v, %v", r.Breaches, err)
	}
	if len(w.Events) != 1 || w.Events[0].Kind != Delivery || w.Settings.Storm != 0 || w.Settings.Month != 0 {
		t.Errorf("what is left are %d events: %+v", len(w.Events), w)
	}
}

func TestParseWorldRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{`:               "unexpected EOF",
		`{"sede":1}`:      `unknown field "sede"`,
		`{"settings":{}}`: "below what it can be",
		`{"events":[{"kind":"delivery"}],"settings":{"max_age":1}}`: "event 1 is a delivery without an alert",
	} {
		if _, err := ParseWorld([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// FuzzParseWorld: what is read can be written and is then the same.
func FuzzParseWorld(f *testing.F) {
	f.Add([]byte(`{"seed":1,"settings":{"max_age":3600000000000,"slots":3},"events":[{"at":1,"kind":"garbled"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := ParseWorld(text)
		if err != nil {
			return
		}
		once, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseWorld(once)
		if again, _ := json.Marshal(back); err != nil || !bytes.Equal(once, again) {
			t.Errorf("%s became %s, %v", once, again, err)
		}
	})
}

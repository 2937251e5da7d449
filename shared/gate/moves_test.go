package gate

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

var allStates = []State{"", Waiting, Starting, InDoubt, Started, Refused, Ended}

func stateOf(name string) State {
	if name == "–" {
		return ""
	}
	return State(strings.ReplaceAll(name, " ", "_"))
}

func TestMovesAreOnThePage(t *testing.T) {
	onPage := map[State][]State{Ended: {}}
	for _, row := range page(t, "moves").rows {
		from := stateOf(row["from"])
		onPage[from] = append(onPage[from], stateOf(row["to"]))
	}
	for _, from := range allStates {
		got, want := slices.Sorted(slices.Values(Moves()[from])), slices.Sorted(slices.Values(onPage[from]))
		if !slices.Equal(got, want) {
			t.Errorf("from %q: the gate moves to %v, the page says %v", from, got, want)
		}
	}
	ways := map[State][]How{}
	for _, row := range page(t, "endings").rows {
		from := stateOf(row["from"])
		ways[from] = append(ways[from], How(row["how"]))
	}
	if !reflect.DeepEqual(ways, Endings()) {
		t.Errorf("the gate ends cases as %v, the page says %v", Endings(), ways)
	}
}

// TestPictureShowsTheMoves: the picture and the table are the same.
func TestPictureShowsTheMoves(t *testing.T) {
	text, err := os.ReadFile("../../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[[2]State]bool{}
	for _, m := range regexp.MustCompile(`(?m)^    (\S+) --> (\S+) :`).FindAllStringSubmatch(string(text), -1) {
		drawn[[2]State{State(strings.Replace(m[1], "[*]", "", 1)), State(m[2])}] = true
	}
	for _, row := range page(t, "moves").rows {
		move := [2]State{stateOf(row["from"]), stateOf(row["to"])}
		if !drawn[move] {
			t.Errorf("the picture does not show %v", move)
		}
		delete(drawn, move)
	}
	if len(drawn) > 0 {
		t.Errorf("the picture shows %v, and the table does not", drawn)
	}
}

// rightMove is a write that obeys every rule for this pair of states, if any does.
func rightMove(from, to State) CaseWrite {
	r := Case{ID: "ab-1", Agent: "default", State: from, Version: 4, Attempt: 2, Severity: alert.High, Firing: 1}
	n := r
	n.State = to
	n.Version = 5
	if from == "" {
		r, n.Version, n.Attempt = Case{}, 1, 0
	}
	if to == Starting && from != Starting {
		n.Attempt = r.Attempt + 1
	}
	if to == InDoubt && from != InDoubt {
		n.Doubts++
	}
	if from == Waiting && to == Started {
		n.Work = n.Work.with(Task{ID: "task-1"})
	}
	w := CaseWrite{Read: r, Now: n}
	if from == "" {
		w.Lead = &alert.Alert{}
	}
	return w
}

func TestCheckAllowsTheMovesAndNoOther(t *testing.T) {
	for _, from := range allStates {
		for _, to := range allStates {
			hows := []How{""}
			if to == Ended {
				hows = []How{"", EndRecovered, EndExpired, EndSilenced, EndObserved, EndAssumed, EndCompleted, "solved"}
			}
			for _, how := range hows {
				w := rightMove(from, to)
				w.Now.How = how
				if from == Ended {
					w.Read.How = how
				}
				err := Change{Cases: []CaseWrite{w}}.Check()
				ok := slices.Contains(Moves()[from], to) || from == to && from != ""
				if to == Ended && from != Ended {
					ok = ok && slices.Contains(Endings()[from], how)
				}
				if (err == nil) != ok {
					t.Errorf("%q to %q %q: %v, want it allowed: %v", from, to, how, err, ok)
				}
			}
		}
	}
	w := rightMove(Waiting, "vanished")
	if (Change{Cases: []CaseWrite{w}}).Check() == nil {
		t.Error("a state that nobody knows is allowed")
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, tt := range []struct {
		why  string
		make func() CaseWrite
	}{
		{"a case without an id", func() CaseWrite { w := rightMove(Waiting, Starting); w.Now.ID = ""; return w }},
		{"a start without a new attempt: its settle could be another's", func() CaseWrite { w := rightMove(Waiting, Starting); w.Now.Attempt--; return w }},
		{"a start that skips an attempt", func() CaseWrite { w := rightMove(Waiting, Starting); w.Now.Attempt++; return w }},
		{"an attempt that goes back", func() CaseWrite { w := rightMove(Starting, Waiting); w.Now.Attempt--; return w }},
		{"a doubt that is not counted", func() CaseWrite { w := rightMove(Starting, InDoubt); w.Now.Doubts--; return w }},
		{"a doubt that is forgotten", func() CaseWrite { w := rightMove(InDoubt, Starting); w.Read.Doubts = 1; return w }},
		{"waiting again after a doubt", func() CaseWrite {
			w := rightMove(Starting, Waiting)
			w.Read.Doubts, w.Now.Doubts = 1, 1
			return w
		}},
		{"refused after a doubt", func() CaseWrite {
			w := rightMove(Starting, Refused)
			w.Read.Doubts, w.Now.Doubts = 2, 2
			return w
		}},
		{"fewer than no incidents that fire", func() CaseWrite { w := rightMove(Waiting, Waiting); w.Now.Firing = -1; return w }},
		{"opened without the alert that opens it", func() CaseWrite { w := rightMove("", Waiting); w.Lead = nil; return w }},
		{"opened at another version than the first", func() CaseWrite { w := rightMove("", Waiting); w.Now.Version = 2; return w }},
		{"more steps than are kept", func() CaseWrite { w := rightMove(Waiting, Starting); w.Now.Steps = make([]Step, MaxSteps+1); return w }},
		{"a version that goes back", func() CaseWrite { w := rightMove(Waiting, Starting); w.Now.Version = 3; return w }},
		{"a version that skips one", func() CaseWrite { w := rightMove(Waiting, Starting); w.Now.Version = 6; return w }},
		{"a move without a new version", func() CaseWrite { w := rightMove(Waiting, Starting); w.Now.Version = 4; return w }},
	} {
		if err := (Change{Cases: []CaseWrite{rightMove(Waiting, Starting), tt.make()}}).Check(); err == nil {
			t.Errorf("allowed: %s", tt.why)
		} else if tt.why != "a case without an id" && !strings.Contains(err.Error(), "case ab-1: ") {
			t.Errorf("%s: the error does not name the case: %v", tt.why, err)
		}
	}
	for _, ok := range []CaseWrite{
		rightMove(InDoubt, Started),
		{Read: Case{ID: "ab-1", State: InDoubt, Doubts: 2, Version: 3}, Now: Case{ID: "ab-1", State: Refused, Doubts: 2, Version: 4}},
		{Read: Case{ID: "ab-1", State: Refused, Version: 3}, Now: Case{ID: "ab-1", State: Refused, Version: 3}},
	} {
		if err := (Change{Cases: []CaseWrite{ok}}).Check(); err != nil {
			t.Errorf("refused: %v", err)
		}
	}
}

// TestFieldsAreOnThePage: each field of a case is of the kind that the page says. What is decided cannot change without
// a new version; what is counted can.
func TestFieldsAreOnThePage(t *testing.T) {
	kinds := map[string]string{}
	for _, row := range page(t, "fields").rows {
		if kinds[row["field"]] != "" {
			t.Errorf("the page has %s twice", row["field"])
		}
		kinds[row["field"]] = row["kind"]
	}
	base := Case{
		ID: "ab-1", Agent: "default", State: Waiting, Why: WhyHold, How: EndExpired, Until: noon, Opened: noon, StartAt: noon,
		Severity: alert.Low, Attempt: 1, Doubts: 1, Note: "n", Version: 4, Firing: 1, Joined: 1, Last: noon,
		Steps: []Step{{At: noon, Text: "one"}},
	}
	typ := reflect.TypeOf(base)
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		kind := kinds[name]
		delete(kinds, name)
		w := CaseWrite{Read: base, Now: base}
		switch f := reflect.ValueOf(&w.Now).Elem().Field(i); f.Interface().(type) {
		case State:
			f.SetString(string(Started))
		case string, Why, How:
			f.SetString(f.String() + "x")
		case time.Time:
			f.Set(reflect.ValueOf(noon.Add(time.Second)))
		case int, alert.Severity:
			f.SetInt(f.Int() + 1)
		case bool:
			f.SetBool(true)
		case time.Duration:
			f.SetInt(f.Int() + int64(time.Second))
		case Order:
			f.Set(reflect.ValueOf(Order{By: "x"}))
		case Work:
			f.Set(reflect.ValueOf(Work{Asked: 1}))
		case []Step:
			f.Set(reflect.ValueOf([]Step{{At: noon, Text: "another"}}))
		case []string:
			f.Set(reflect.ValueOf([]string{"x"}))
		case []Member:
			f.Set(reflect.ValueOf([]Member{{Incident: "x"}}))
		default:
			t.Fatalf("field %s is of a kind that this test cannot change", name)
		}
		refused := Change{Cases: []CaseWrite{w}}.Check() != nil
		switch kind {
		case "decided":
			if !refused {
				t.Errorf("%s changes without a new version", name)
			}
		case "counted", "fixed", "version": // that nothing changes a fixed field is checked on every decision of every test
			if refused {
				t.Errorf("%s, which is %s, counts as decided", name, kind)
			}
		default:
			t.Errorf("the page says %q of %s", kind, name)
		}
	}
	if len(kinds) > 0 {
		t.Errorf("the page has fields that no case has: %v", kinds)
	}
}

package gate

import (
	"fmt"
	"slices"
	"time"
)

// Moves is the table of states: what leads from one to another, and nothing else does. The zero State is a case that
// is not there yet.
func Moves() map[State][]State {
	return map[State][]State{
		"":       {Waiting, Starting},
		Waiting:  {Starting, Started, Ended}, // Started: the Agent shows a start that was taken to be undelivered
		Starting: {Started, Waiting, Refused, InDoubt},
		InDoubt:  {Starting, Started, Refused}, // Starting: a repeat; Refused: by hand or on the Agent's evidence
		Started:  {Ended},
		Refused:  {Starting, Started}, // Starting: by hand; Started: the Agent shows that it has it
		Ended:    {},
	}
}

// Endings lists the ways in which a case can end from a state that leads to Ended.
func Endings() map[State][]How {
	return map[State][]How{
		Waiting: {EndRecovered, EndExpired, EndSilenced, EndObserved},
		Started: append([]How{EndAssumed}, Outcomes()...),
	}
}

// Check tells what is wrong with a change that no decision may make: a move that is not in the table, a doubt that is
// forgotten, a version that does not tell of a change. Both ledgers refuse such a change before they write anything.
func (c Change) Check() error {
	for _, w := range c.Cases {
		if err := w.check(); err != nil {
			return fmt.Errorf("case %s: %w", w.Now.ID, err)
		}
	}
	return nil
}

func (w CaseWrite) check() error {
	r, n := w.Read, w.Now
	switch {
	case n.ID == "":
		return fmt.Errorf("it has no id")
	case r.State == n.State && r.State == "":
		return fmt.Errorf("it has no state")
	case r.State != n.State && !allowed(r.State, n.State):
		return fmt.Errorf("nothing leads from %q to %q", r.State, n.State)
	case n.State == Ended && r.State != Ended && !slices.Contains(Endings()[r.State], n.How):
		return fmt.Errorf("it cannot end as %q from %q", n.How, r.State)
	case r.Doubts > 0 && r.State == Starting && (n.State == Waiting || n.State == Refused):
		return fmt.Errorf("it was in doubt and cannot become %q", n.State)
	case n.Doubts < r.Doubts || n.Attempt < r.Attempt || n.Firing < 0:
		return fmt.Errorf("a count went down that may not: attempt %d to %d, doubts %d to %d, firing %d",
			r.Attempt, n.Attempt, r.Doubts, n.Doubts, n.Firing)
	case n.State == InDoubt && r.State != InDoubt && n.Doubts == 0:
		return fmt.Errorf("it is in doubt and no doubt is counted")
	case n.State == Starting && r.State != Starting && n.Attempt != r.Attempt+1:
		return fmt.Errorf("it starts without a new attempt")
	case r.State == Waiting && n.State == Started && !n.Confirmed():
		return fmt.Errorf("it becomes started, and neither was it starting nor has the Agent shown it")
	case r.State == Ended && n.How != r.How && !(r.HasStarted() && n.HasStarted()):
		return fmt.Errorf("it has ended as %q and cannot have ended as %q", r.How, n.How)
	case n.Shadow && n.State != Waiting && n.State != Ended:
		return fmt.Errorf("it is only observed, and cannot become %q", n.State)
	case r.Version == 0 && (w.Lead == nil || n.Version != 1):
		return fmt.Errorf("it is opened without the alert that opens it")
	case r.Version > 0 && n.Version != r.Version && n.Version != r.Version+1:
		return fmt.Errorf("its version went from %d to %d", r.Version, n.Version)
	case len(n.Steps) > MaxSteps:
		return fmt.Errorf("it has %d steps; at most %d are kept", len(n.Steps), MaxSteps)
	case r.Version > 0 && n.Version == r.Version && decided(r) != decided(n):
		return fmt.Errorf("it changes without a new version")
	}
	return nil
}

func allowed(from, to State) bool { return slices.Contains(Moves()[from], to) }

// decidedPart is the part of a case that the state machine decides, comparable. Steps beyond their bound, which nobody may
// write, are only counted.
type decidedPart struct {
	state              State
	why                Why
	how                How
	until, startAt     time.Time
	severity, att, dbt int
	noRepeat, resting  bool
	note               string
	hand               Order
	called             time.Time
	work               string
	count              int
	steps              [MaxSteps]Step
}

func decided(c Case) decidedPart {
	d := decidedPart{
		c.State, c.Why, c.How, c.Until, c.StartAt, int(c.Severity), c.Attempt, c.Doubts, c.NoRepeat, c.Resting,
		c.Note, c.Hand, c.Called, c.Work.text(), len(c.Steps),
		[MaxSteps]Step{},
	}
	copy(d.steps[:], c.Steps)
	return d
}

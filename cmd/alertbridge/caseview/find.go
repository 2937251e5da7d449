package caseview

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Ledger is what cases are read from: memledger or dynamoledger.
type Ledger interface {
	ledger.Lister
	LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error)
	Post(ctx context.Context, id string, now time.Time) (gate.Post, error)
}

// States that can be asked for: Open is every one but ended, and All is every one.
const (
	Open = "open"
	All  = "all"
)

// States lists what Find can be asked for, in the order in which it answers.
func States() []string {
	return []string{
		Open, All, string(gate.InDoubt), string(gate.Refused), string(gate.Waiting), string(gate.Starting),
		string(gate.Started), string(gate.Ended),
	}
}

// buckets are where the cases of each state are kept, what needs somebody's hand first.
var buckets = []struct {
	bucket gate.Bucket
	states []gate.State
}{
	{gate.Doubtful, []gate.State{gate.InDoubt}},
	{gate.Declined, []gate.State{gate.Refused}},
	{gate.Queue, []gate.State{gate.Waiting}},
	{gate.Timed, []gate.State{gate.Refused, gate.InDoubt, gate.Starting, gate.Started}},
	{gate.Closed, []gate.State{gate.Ended}},
}

// Find reads at most limit cases that are in this state: those that need a hand first, then those that wait, the most
// severe first, then those under way, then those that ended, the latest first. For those that ended it reads all that
// the ledger still has.
func Find(ctx context.Context, l Ledger, agent, state string, limit int, now time.Time) (List, error) {
	if !slices.Contains(States(), state) {
		return List{}, fmt.Errorf("there is no state %q; choose one of %s", state, strings.Join(States(), ", "))
	}
	found := List{Cases: []Case{}}
	for _, b := range buckets {
		if !slices.ContainsFunc(b.states, func(s gate.State) bool { return wanted(state, s) }) {
			continue
		}
		most := limit + 1 - len(found.Cases)
		if b.bucket == gate.Closed {
			most = 0 // they come with the oldest first
		}
		cases, err := read(ctx, l, agent, b.bucket, state, most, now)
		if err != nil {
			return List{}, err
		}
		for _, c := range cases {
			if len(found.Cases) == limit {
				found.More = true
				return found, nil
			}
			found.Cases = append(found.Cases, Of(c, now))
		}
	}
	return found, nil
}

// read pages through a bucket until it has most cases of the state, or all of them when most is 0.
func read(ctx context.Context, l Ledger, agent string, b gate.Bucket, state string, most int, now time.Time) ([]gate.Case, error) {
	var cases []gate.Case
	for from := ""; ; {
		page, next, err := l.List(ctx, agent, b, ledger.MaxPage, from, now)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			if wanted(state, c.State) {
				cases = append(cases, c)
			}
		}
		if from = next; from == "" || most > 0 && len(cases) >= most {
			break
		}
	}
	if b == gate.Closed {
		slices.Reverse(cases)
	}
	return cases, nil
}

func wanted(asked string, s gate.State) bool {
	return asked == All || asked == Open && s != gate.Ended || asked == string(s)
}

// Get reads one case, and what people were told of it; false when the ledger has none with this id.
func Get(ctx context.Context, l Ledger, agent, id string, now time.Time) (Case, bool, error) {
	v, err := l.LookCase(ctx, id, agent, now)
	if err != nil {
		return Case{}, false, err
	}
	c, there := v.Cases[id]
	if !there {
		return Case{}, false, nil
	}
	p, err := l.Post(ctx, id, now)
	if err != nil {
		return Case{}, false, err
	}
	shown := Of(c, now)
	shown.Told = ToldOf(p)
	return shown, true, nil
}

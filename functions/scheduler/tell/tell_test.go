package tell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

// The whole way is tested in folder functions, over the real handlers. Here is what they seldom meet.

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// newTeller is one over an empty ledger, whose places take everything.
func newTeller(l ledger.Ledger, o ledger.Outbox, targets ...Target) *Teller {
	return &Teller{
		Ledger: l, Outbox: o, Targets: targets, Policy: gate.DefaultRules(), Now: func() time.Time { return noon },
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}
}

// What a moment is worth when it can be told depends on what became of its case.
func TestImmaterial(t *testing.T) {
	confirmed := gate.Work{Tasks: []gate.TaskWork{{ID: "task-1", Status: gate.InProgress}}}
	for name, c := range map[string]struct {
		moment gate.Moment
		c      gate.Case
		after  time.Duration
		with   []gate.Moment
		then   time.Duration // so much later these happened
		told   int           // events so far
		pager  bool
		gone   bool
		fires  bool   // something of it, by the ledger
		want   string // the beginning; "" is material
	}{
		"no case":                         {moment: gate.HasEnded, gone: true, want: "its case is not"},
		"it waits":                        {moment: gate.Waits, c: gate.Case{State: gate.Waiting}},
		"it waited":                       {moment: gate.Waits, c: gate.Case{State: gate.Started}, want: "it does not wait"},
		"it runs, for hours":              {moment: gate.WasStarted, c: gate.Case{State: gate.Started}, after: 5 * time.Hour},
		"it ran, and just ended":          {moment: gate.WasStarted, c: gate.Case{State: gate.Ended}, after: 10 * time.Minute},
		"it ran, and ended":               {moment: gate.WasStarted, c: gate.Case{State: gate.Ended}, after: 11 * time.Minute, want: "its investigation is over"},
		"it ran, and may resolve a page":  {moment: gate.WasStarted, c: gate.Case{State: gate.Ended}, after: 11 * time.Minute, pager: true},
		"it is held":                      {moment: gate.IsHeld, c: gate.Case{State: gate.Waiting}},
		"it was held":                     {moment: gate.IsHeld, c: gate.Case{State: gate.Starting}, want: "it does not wait"},
		"it is refused":                   {moment: gate.WasRefused, c: gate.Case{State: gate.Refused, Firing: 1}, after: 5 * time.Hour},
		"it was over when it was refused": {moment: gate.WasRefused, c: gate.Case{State: gate.Refused}, want: "nothing of it fires"},
		"it was refused, and starts":      {moment: gate.WasRefused, c: gate.Case{State: gate.Starting}, want: "it is not refused"},
		"it was refused, and fires again": {moment: gate.WasRefused, c: gate.Case{State: gate.Refused, Firing: 1}, with: []gate.Moment{gate.HasRecovered}, then: time.Second},
		"it recovered, and is refused":    {moment: gate.WasRefused, c: gate.Case{State: gate.Refused, Firing: 1}, with: []gate.Moment{gate.HasRecovered}, then: -time.Second},
		"it recovered, and is in doubt":   {moment: gate.IsDoubtful, c: gate.Case{State: gate.InDoubt, Resting: true, Firing: 1}, with: []gate.Moment{gate.HasRecovered}, then: -time.Second},
		"a doubt that fires again":        {moment: gate.IsDoubtful, c: gate.Case{State: gate.InDoubt, Resting: true, Firing: 1}, with: []gate.Moment{gate.HasRecovered, gate.RecoverAgain}, then: time.Second},
		"there is a plan":                 {moment: gate.WasPlanned, c: gate.Case{State: gate.Ended, How: gate.EndCompleted}, after: 5 * time.Hour, told: MaxEvents - 1},
		"there is a plan too many":        {moment: gate.WasPlanned, c: gate.Case{State: gate.Ended, How: gate.EndCompleted}, told: MaxEvents, want: "it was told 4 times"},
		"there is a plan for nothing":     {moment: gate.WasPlanned, c: gate.Case{State: gate.Ended, How: gate.EndFailed}, want: "its investigation was taken up"},
		"it recovered":                    {moment: gate.HasRecovered, c: gate.Case{State: gate.Refused}},
		"it recovered, and starts":        {moment: gate.HasRecovered, c: gate.Case{State: gate.Starting}, pager: true, want: "it was started after all"},
		"it started, and recovered":       {moment: gate.HasRecovered, c: gate.Case{State: gate.Started}, want: "where every answer is shown"},
		"it started, and may be open":     {moment: gate.HasRecovered, c: gate.Case{State: gate.Started}, pager: true},
		"it failed, and may be open":      {moment: gate.HasRecovered, c: gate.Case{State: gate.Ended, How: gate.EndFailed}, pager: true},
		"it recovered, and was completed": {moment: gate.HasRecovered, c: gate.Case{State: gate.Ended, How: gate.EndCompleted}, pager: true, want: "it was started after all"},
		"it recovered again":              {moment: gate.RecoverAgain, c: gate.Case{State: gate.InDoubt, Resting: true}, with: []gate.Moment{gate.HasRecovered}, pager: true},
		"it recovered again, for all":     {moment: gate.RecoverAgain, c: gate.Case{State: gate.InDoubt, Resting: true}, with: []gate.Moment{gate.HasRecovered}, want: "where every answer is shown"},
		"it is in doubt":                  {moment: gate.IsDoubtful, c: gate.Case{State: gate.InDoubt, Resting: true, Firing: 1}, after: 5 * time.Hour},
		"it was in doubt":                 {moment: gate.IsDoubtful, c: gate.Case{State: gate.Started, Firing: 1}, want: "it is not left in doubt"},
		"it was in doubt, and is tried":   {moment: gate.IsDoubtful, c: gate.Case{State: gate.InDoubt, Firing: 1}, want: "it is not left in doubt"},
		"it was in doubt, and recovered":  {moment: gate.IsDoubtful, c: gate.Case{State: gate.InDoubt, Resting: true}, want: "nothing of it fires"},
		"a doubt recovered":               {moment: gate.HasRecovered, c: gate.Case{State: gate.InDoubt, Resting: true}},
		"a doubt recovered, and fires":    {moment: gate.HasRecovered, c: gate.Case{State: gate.InDoubt, Resting: true, Firing: 1}, pager: true, fires: true, want: "something of it fires again"},
		"a doubt recovered, uncounted":    {moment: gate.HasRecovered, c: gate.Case{State: gate.InDoubt, Resting: true, Firing: 1}, pager: true},
		"it was stopped":                  {moment: gate.WasNot, c: gate.Case{State: gate.Refused}, told: 2},
		"it was stopped, a fourth":        {moment: gate.WasNot, c: gate.Case{State: gate.Refused}, told: 3, want: "it was told 3 times"},
		"it was stopped, and recovered":   {moment: gate.HasRecovered, c: gate.Case{State: gate.Refused}, with: []gate.Moment{gate.WasNot}, want: "it was stopped by hand"},
		"it was stopped, and started":     {moment: gate.WasNot, c: gate.Case{State: gate.Started}, want: "it was started after all"},
		"it is unconfirmed":               {moment: gate.WasMissed, c: gate.Case{State: gate.Started}},
		"it was unconfirmed":              {moment: gate.WasMissed, c: gate.Case{State: gate.Started, Work: confirmed}, want: "the Agent has shown"},
		"it was unconfirmed, to its end":  {moment: gate.WasMissed, c: gate.Case{State: gate.Ended}, want: "it is over"},
		"it ended, a day ago":             {moment: gate.HasEnded, c: gate.Case{State: gate.Ended}, after: 23 * time.Hour, told: 3},
		"it ended again":                  {moment: gate.EndedAgain, c: gate.Case{State: gate.Ended, How: gate.EndCompleted}, told: 3},
		"it ended again, to no avail":     {moment: gate.EndedAgain, c: gate.Case{State: gate.Ended, How: gate.EndFailed}, want: "it has come to nothing"},
		"it ended again, a fifth":         {moment: gate.EndedAgain, c: gate.Case{State: gate.Ended, How: gate.EndCompleted}, told: 4, want: "it was told 4 times"},
		"it ended unstarted":              {moment: gate.WasNot, c: gate.Case{State: gate.Ended}, told: 3},
		"a fourth that is no end":         {moment: gate.WasMissed, c: gate.Case{State: gate.Started}, told: 3, want: "it was told 3 times"},
		"a fourth for the pager":          {moment: gate.WasMissed, c: gate.Case{State: gate.Started}, told: 3, pager: true},
		"a fifth":                         {moment: gate.HasEnded, c: gate.Case{State: gate.Ended}, told: 4, want: "it was told 4 times"},
		"a fifth for the pager":           {moment: gate.HasEnded, c: gate.Case{State: gate.Ended}, told: 4, pager: true},
	} {
		target := Target{Name: "there", Pager: c.pager}
		h := gate.Happened{Moment: c.moment, At: noon.Add(-c.after)}
		tl := &telling{round: &round{Teller: newTeller(nil, nil)}, c: c.c, there: !c.gone, post: gate.Post{Happened: []gate.Happened{h}}, fires: firing{true, c.fires}, here: firing{true, c.fires}}
		for _, m := range c.with {
			tl.post.Happened = append(tl.post.Happened, gate.Happened{Moment: m, At: h.At.Add(c.then)})
		}
		for i := range c.told {
			tl.post.Told = append(tl.post.Told, gate.Told{Target: "there", Moment: gate.Moments()[i], As: gate.WasTold}, gate.Told{Target: "elsewhere", As: gate.WasTold})
		}
		if got := tl.immaterial(t.Context(), target, h); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q…", name, got, c.want)
		}
	}
}

// An Agent is out while its door is shut, while it rests after a failure, and while that is tried again.
func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		a    gate.Account
		want state
	}{
		"new":                         {gate.Account{}, isWell},
		"one doubt":                   {gate.Account{Down: gate.Down{Doubts: 1}}, isWell},
		"resting":                     {gate.Account{Down: gate.Down{Fails: 1, Until: noon.Add(time.Second)}}, isOut},
		"to be tried":                 {gate.Account{Down: gate.Down{Fails: 1, Until: noon.Add(-2 * time.Minute)}}, isOut},
		"not tried any more":          {gate.Account{Down: gate.Down{Fails: 1, Until: noon.Add(-3 * time.Minute)}}, isUnknown},
		"shut":                        {gate.Account{Shut: gate.Shut{Since: noon.Add(-time.Hour)}}, isOut},
		"shut, and once out of reach": {gate.Account{Shut: gate.Shut{Since: noon}, Down: gate.Down{Until: noon.Add(-time.Hour)}}, isOut},
	} {
		if got := health(c.a, noon); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// An outage goes on until something shows that it is over; one of which nobody was told is forgotten when nothing tries.
func TestOutage(t *testing.T) {
	since, down := noon.Add(-time.Hour), gate.Happened{Moment: gate.AgentIsDown, At: noon.Add(-time.Hour)}
	up := gate.Happened{Moment: gate.AgentIsUp, At: noon.Add(-time.Minute)}
	told := func(m gate.Moment) gate.Told {
		return gate.Told{Target: "there", Moment: m, As: gate.WasTold, At: noon}
	}
	out := gate.Account{Agent: "default", Down: gate.Down{Fails: 3, Until: noon}}
	stale := gate.Account{Agent: "default", Down: gate.Down{Fails: 3, Until: since}}
	for name, c := range map[string]struct {
		p       gate.Post
		a       gate.Account
		unknown bool // what has been noted cannot be told: the place is away
		want    string
		over    bool
		left    int // moments in the post
	}{
		"nothing tries, and nobody was told": {gate.Post{Happened: []gate.Happened{down}}, stale, false, "", true, 0},
		"nothing tries, and it was told":     {gate.Post{Happened: []gate.Happened{down}, Told: []gate.Told{told(gate.AgentIsDown)}}, stale, false, "", false, 1},
		"it lasts":                           {gate.Post{Happened: []gate.Happened{down}}, out, false, "down", false, 1},
		"it lasts, and was told":             {gate.Post{Happened: []gate.Happened{down}, Told: []gate.Told{told(gate.AgentIsDown)}}, out, false, "", false, 1},
		"it is over":                         {gate.Post{Happened: []gate.Happened{down}, Told: []gate.Told{told(gate.AgentIsDown)}}, gate.Account{Agent: "default"}, false, "up", true, 0},
		"it is over, to be told later":       {gate.Post{Happened: []gate.Happened{down}, Told: []gate.Told{told(gate.AgentIsDown)}}, gate.Account{Agent: "default"}, true, "", false, 2},
		"it was over, and nobody knows":      {gate.Post{Happened: []gate.Happened{down, up}, Told: []gate.Told{told(gate.AgentIsDown)}}, out, false, "", false, 1},
	} {
		l := memledger.New()
		c.p.ID, c.p.Agent, c.p.Version, c.p.Until = gate.AgentPost("default"), "default", 1, noon.Add(-time.Minute)
		if err := l.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Now: c.p}}); err != nil {
			t.Fatal(err)
		}
		var got []string
		target := Target{Name: "there", Place: placeOf(func(a answer.Answer) answer.Result {
			if c.unknown {
				return answer.Result{End: answer.Later, Why: delivery.Answer{Reason: delivery.ConnectionFailed}}
			}
			got = append(got, string(a.Moment))
			return answer.Result{End: answer.Delivered}
		})}
		for range 2 { // once more tells nothing more
			if err := newTeller(l, l, target).Tell(t.Context(), []gate.Account{c.a}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		p, _ := l.Post(t.Context(), c.p.ID, noon)
		if strings.Join(got, " ") != c.want || p.Over != c.over || len(p.Happened) != c.left {
			t.Errorf("%s: told %q, want %q; the post %+v", name, got, c.want, p)
		}
	}
}

// Two ticks that overlap: while the one tells of an outage, the other neither tells nor forgets it, whether it still sees
// the Agent out or not. Its end is told once.
func TestOutageIsToldByOneTick(t *testing.T) {
	well, shut := []gate.Account{{Agent: "default"}}, []gate.Account{{Agent: "default", Shut: gate.Shut{Since: noon}}}
	for name, seen := range map[string][]gate.Account{"well": well, "out": shut} {
		l := memledger.New()
		p := gate.Post{
			ID: gate.AgentPost("default"), Agent: "default", Version: 1, Until: noon.Add(-time.Minute),
			Happened: []gate.Happened{{Moment: gate.AgentIsDown, At: noon.Add(-time.Hour)}},
		}
		if err := l.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Now: p}}); err != nil {
			t.Fatal(err)
		}
		var got []string
		var target Target
		target = Target{Name: "there", Pager: true, Place: placeOf(func(a answer.Answer) answer.Result {
			if got = append(got, string(a.Page)); len(got) == 1 {
				if err := newTeller(l, l, target).Tell(t.Context(), seen); err != nil {
					t.Error(err)
				}
			}
			return answer.Result{End: answer.Delivered}
		})}
		for i, accounts := range [][]gate.Account{shut, well, well} {
			tick := newTeller(l, l, target)
			tick.Now = func() time.Time { return noon.Add(time.Duration(i) * time.Minute) }
			if err := tick.Tell(t.Context(), accounts); err != nil {
				t.Error(err)
			}
		}
		if p, _ = l.Post(t.Context(), p.ID, noon); strings.Join(got, " ") != "trigger resolve" || !p.Over {
			t.Errorf("the other one sees it %s: told %q; the post %+v", name, got, p)
		}
	}
}

// A post that another tick has claimed, since the index named it, is left to that one.
func TestPostThatIsClaimedMeanwhile(t *testing.T) {
	l := memledger.New()
	w := gate.PostWrite{ID: "ab-1", Agent: "default", Moments: []gate.Moment{gate.WasStarted}}
	if err := l.Commit(t.Context(), gate.Change{At: noon, Posts: []gate.PostWrite{w}}); err != nil {
		t.Fatal(err)
	}
	before, err := l.Post(t.Context(), "ab-1", noon)
	if err != nil {
		t.Fatal(err)
	}
	claimed := before
	claimed.Version, claimed.Until = before.Version+1, noon.Add(soon)
	o := &overtaken{Ledger: l, by: gate.Change{At: noon, Told: &gate.ToldWrite{Read: before.Version, Now: claimed}}}
	target := Target{Name: "there", Place: placeOf(func(a answer.Answer) answer.Result {
		t.Errorf("told of %s", a.ID)
		return answer.Result{End: answer.Delivered}
	})}
	if err := newTeller(l, o, target).Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
		t.Error(err)
	}
	if p, _ := l.Post(t.Context(), "ab-1", noon); p.Version != claimed.Version {
		t.Errorf("the post is written: %+v", p)
	}
}

// overtaken is an outbox in which something happens after it was asked what is due.
type overtaken struct {
	*memledger.Ledger
	by gate.Change
}

func (o *overtaken) Posts(ctx context.Context, agent string, now time.Time) ([]string, error) {
	ids, err := o.Ledger.Posts(ctx, agent, now)
	return ids, errors.Join(err, o.Ledger.Commit(ctx, o.by))
}

// An outage whose telling was cut off may have been told: it is not forgotten when nothing tries any more, and its end closes
// the incident that it may have opened.
func TestOutageThatMayHaveBeenTold(t *testing.T) {
	l := memledger.New()
	at := noon
	var got []string
	target := Target{Name: "there", Pager: true, Place: placeOf(func(a answer.Answer) answer.Result {
		if got = append(got, string(a.Page)+" "+a.PageKey); len(got) == 1 {
			panic("the process dies")
		}
		return answer.Result{End: answer.Delivered}
	})}
	tick := func(after time.Duration, a gate.Account) error {
		at = at.Add(after)
		a.Agent = "default"
		teller := newTeller(l, l, target)
		teller.Now = func() time.Time { return at }
		return teller.Tell(t.Context(), []gate.Account{a})
	}
	down := gate.Account{Down: gate.Down{Fails: 3, Until: noon.Add(OutageAfter)}}
	if err := tick(0, down); err != nil {
		t.Fatal(err)
	}
	if err := tick(OutageAfter, down); err == nil {
		t.Error("nobody says that the process died")
	}
	if err := errors.Join(tick(time.Hour, down), tick(time.Minute, gate.Account{})); err != nil { // an hour later nothing tries
		t.Error(err)
	}
	key := gate.AgentPost("default") + "@20261121T120000.000Z"
	if want := []string{"trigger " + key, "resolve " + key}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// The answer to the last note of an outage is lost. It was taken, and nothing is told once more.
func TestLastNoteOfAnOutage(t *testing.T) {
	l := memledger.New()
	down := gate.Happened{Moment: gate.AgentIsDown, At: noon.Add(-time.Hour)}
	p := gate.Post{
		ID: gate.AgentPost("default"), Agent: "default", Version: 1, Until: noon.Add(-time.Minute), Happened: []gate.Happened{down},
		Told: []gate.Told{{Target: "there", Moment: gate.AgentIsDown, As: gate.WasTold, At: noon}},
	}
	if err := l.Commit(t.Context(), gate.Change{At: noon, Told: &gate.ToldWrite{Now: p}}); err != nil {
		t.Fatal(err)
	}
	if err := newTeller(&loses{Ledger: l, after: 1}, l, Target{Name: "there", Place: placeOf(func(answer.Answer) answer.Result {
		return answer.Result{End: answer.Delivered}
	})}).Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
		t.Error(err)
	}
	if p, _ = l.Post(t.Context(), p.ID, noon); !p.Over || len(p.Happened) != 0 {
		t.Errorf("the post is %+v", p)
	}
}

// loses is a ledger that takes every change, and whose answers are lost after so many.
type loses struct {
	*memledger.Ledger
	after int
}

func (l *loses) Commit(ctx context.Context, c gate.Change) error {
	err := l.Ledger.Commit(ctx, c)
	if l.after--; l.after < 0 && err == nil {
		return ledger.ErrUnknown
	}
	return err
}

type placeOf func(answer.Answer) answer.Result

func (p placeOf) Deliver(_ context.Context, a answer.Answer) answer.Result { return p(a) }

// A ledger that cannot be read or written is said, with the case; after some of these the round ends, for it is the store.
func TestLedgerThatFails(t *testing.T) {
	boom := errors.New("no answer")
	place := Target{Name: "there", Place: placeOf(func(answer.Answer) answer.Result { return answer.Result{End: answer.Delivered} })}
	for name, c := range map[string]struct {
		f    *failing
		want string
	}{
		"the case":               {&failing{look: boom}, "case ab-1 could not be told of: no answer"},
		"the post":               {&failing{post: boom}, "case ab-1 could not be told of: no answer"},
		"the note":               {&failing{commit: boom}, "what was told is not noted, and may be told once more: no answer"},
		"races without an end":   {&failing{commit: ledger.ErrConflict}, "what was told is not noted, and may be told once more: " + ledger.ErrConflict.Error()},
		"the post after a race":  {&failing{commit: ledger.ErrConflict, postAfter: boom}, "may be told once more: no answer"},
		"one that is unreadable": {&failing{look: ledger.ErrUnreadable}, "could not be told of: " + ledger.ErrUnreadable.Error()},
	} {
		l := memledger.New()
		for i := range 6 {
			w := gate.PostWrite{ID: fmt.Sprint("ab-", i), Agent: "default", Moments: []gate.Moment{gate.WasStarted}}
			if err := l.Commit(t.Context(), gate.Change{At: noon, Posts: []gate.PostWrite{w}}); err != nil {
				t.Fatal(err)
			}
		}
		c.f.Ledger = l
		err := newTeller(c.f, c.f, place).Tell(t.Context(), []gate.Account{{Agent: "default"}})
		want := maxFailed
		if errors.Is(c.f.look, ledger.ErrUnreadable) {
			want = 6
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "could not be told of") != want {
			t.Errorf("%s: %v\nwant %d that say %q", name, err, want, c.want)
		}
	}
}

// failing is a ledger whose calls fail.
type failing struct {
	*memledger.Ledger
	look, post, postAfter, commit error
	committed                     bool
}

func (f *failing) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	if f.look != nil {
		return gate.View{}, f.look
	}
	return f.Ledger.LookCase(ctx, id, agent, now)
}

func (f *failing) Post(ctx context.Context, id string, now time.Time) (gate.Post, error) {
	if f.committed && f.postAfter != nil {
		f.committed = false
		return gate.Post{}, f.postAfter
	}
	if f.post != nil {
		return gate.Post{}, f.post
	}
	return f.Ledger.Post(ctx, id, now)
}

func (f *failing) Commit(ctx context.Context, c gate.Change) error {
	if f.committed = true; f.commit != nil {
		return f.commit
	}
	return f.Ledger.Commit(ctx, c)
}

// A post whose case is gone is settled, and says why.
func TestCaseThatIsGone(t *testing.T) {
	l := memledger.New()
	w := gate.PostWrite{ID: "ab-1", Agent: "default", Moments: []gate.Moment{gate.WasStarted}}
	if err := l.Commit(t.Context(), gate.Change{At: noon, Posts: []gate.PostWrite{w}}); err != nil {
		t.Fatal(err)
	}
	place := Target{Name: "there", Place: placeOf(func(answer.Answer) answer.Result {
		t.Error("something is told of it")
		return answer.Result{End: answer.Delivered}
	})}
	if err := newTeller(l, l, place).Tell(t.Context(), []gate.Account{{Agent: "default"}}); err != nil {
		t.Fatal(err)
	}
	p, _ := l.Post(t.Context(), "ab-1", noon)
	if !p.Over || len(p.Told) != 1 || p.Told[0].As != gate.LeftOut || p.Told[0].Words != "its case is not in the ledger any more" {
		t.Errorf("the post is %+v", p)
	}
}

// Words of any length are noted within their bound.
func TestWordsAreBounded(t *testing.T) {
	tl := &telling{round: &round{Teller: newTeller(nil, nil)}}
	for _, words := range []string{strings.Repeat("x", 1000), strings.Repeat("決", 500), strings.Repeat(`"`, 500)} {
		got := tl.settle(Target{Name: "there"}, gate.Happened{Moment: gate.HasEnded}, gate.GivenUp, words).Words
		if len(got) > gate.MaxTellWords || len(got) < gate.MaxTellWords/2-1 {
			t.Errorf("%d bytes of %q are kept as %d", len(words), words[:3], len(got))
		}
	}
}

// The pager's incident may be open by what was told of it, whatever its case waits for; and by what was tried and left out then.
func TestMayBeOpen(t *testing.T) {
	pager := Target{Name: Pager, Pager: true}
	for name, row := range map[string]struct {
		state    gate.State
		severity alert.Severity
		told     gate.Told
		want     bool
	}{
		"it waits":                   {gate.Waiting, alert.Critical, gate.Told{As: gate.WasTold}, true},
		"it starts":                  {gate.Starting, alert.Critical, gate.Told{As: gate.WasTold}, true},
		"it is in doubt":             {gate.InDoubt, alert.Critical, gate.Told{As: gate.WasTold}, true},
		"given up":                   {gate.InDoubt, alert.Critical, gate.Told{As: gate.GivenUp}, true},
		"left out":                   {gate.InDoubt, alert.Critical, gate.Told{As: gate.LeftOut, Words: "it does not wait any more"}, false},
		"left out after a try":       {gate.InDoubt, alert.Critical, gate.Told{As: gate.LeftTried, Words: "it does not wait any more"}, true},
		"nobody is woken for such a": {gate.InDoubt, alert.High, gate.Told{As: gate.WasTold}, false},
	} {
		row.told.Target, row.told.Moment = Pager, gate.Waits
		tl := &telling{
			round: &round{Teller: newTeller(nil, nil, pager)}, there: true, c: gate.Case{State: row.state, Severity: row.severity},
			post: gate.Post{Happened: []gate.Happened{{Moment: gate.Waits, At: noon}}, Told: []gate.Told{row.told}},
		}
		if got := tl.mayBeOpen(); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Which of an incident's words came last at the pager tells whether it may be open, in the order in which they were settled.
func TestIsOpen(t *testing.T) {
	pager := Target{Name: Pager, Pager: true}
	failed, skipped := gate.Case{State: gate.Ended, How: gate.EndFailed, Severity: alert.Critical}, gate.Case{State: gate.Ended, How: gate.EndSkipped, Severity: alert.Critical}
	doubt := gate.Case{State: gate.InDoubt, Severity: alert.Critical}
	type word struct {
		m  gate.Moment
		as gate.ToldAs
	}
	for name, row := range map[string]struct {
		c     gate.Case
		words []word
		want  bool
	}{
		"nothing":                                  {doubt, nil, false},
		"woken":                                    {doubt, []word{{gate.IsDoubtful, gate.WasTold}}, true},
		"and it recovered":                         {doubt, []word{{gate.IsDoubtful, gate.WasTold}, {gate.HasRecovered, gate.WasTold}}, false},
		"which was given up":                       {doubt, []word{{gate.IsDoubtful, gate.WasTold}, {gate.HasRecovered, gate.GivenUp}}, false},
		"which was left out":                       {doubt, []word{{gate.IsDoubtful, gate.WasTold}, {gate.HasRecovered, gate.LeftOut}}, true},
		"and it recovered the second time":         {doubt, []word{{gate.HasRecovered, gate.LeftOut}, {gate.IsDoubtful, gate.WasTold}, {gate.RecoverAgain, gate.WasTold}}, false},
		"it had recovered before":                  {doubt, []word{{gate.HasRecovered, gate.WasTold}, {gate.IsDoubtful, gate.WasTold}}, true},
		"and it was started":                       {doubt, []word{{gate.IsDoubtful, gate.WasTold}, {gate.WasStarted, gate.WasTold}}, false},
		"of which the pager took nothing":          {doubt, []word{{gate.IsDoubtful, gate.WasTold}, {gate.WasStarted, gate.GivenUp}}, true},
		"it failed":                                {failed, []word{{gate.HasEnded, gate.WasTold}}, true},
		"it was skipped":                           {skipped, []word{{gate.WasMissed, gate.WasTold}, {gate.HasEnded, gate.WasTold}}, true},
		"it failed first":                          {skipped, []word{{gate.HasEnded, gate.WasTold}}, true},
		"it was skipped, and is not for the pager": {skipped, []word{{gate.HasEnded, gate.LeftOut}}, false},
	} {
		tl := &telling{round: &round{Teller: newTeller(nil, nil, pager)}, there: true, c: row.c}
		for i, w := range row.words { // they came in the other order, by the clocks of those who noted them
			tl.post.Happened = append([]gate.Happened{{Moment: w.m, At: noon.Add(time.Duration(-i) * time.Second)}}, tl.post.Happened...)
			tl.post.Told = append(tl.post.Told, gate.Told{Target: Pager, Moment: w.m, As: w.as, At: noon.Add(time.Duration(i) * time.Minute)})
		}
		if got := tl.isOpen(pager); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
		if tl.isOpen(Target{Name: Pager}) {
			t.Errorf("%s: a place that shows every answer has an incident open", name)
		}
	}
}

// What became of a moment is not noted of one that has come once more since.
func TestNoteOfWhatHasComeOnceMore(t *testing.T) {
	recovered := func(at time.Time) gate.Post {
		return gate.Post{ID: "ab-1", Version: 5, Happened: []gate.Happened{{Moment: gate.RecoverAgain, At: at}}}
	}
	tl := &telling{
		round: &round{Teller: newTeller(nil, nil, Target{Name: Pager, Pager: true}), began: noon}, there: true, post: recovered(noon.Add(-time.Minute)),
		settled: []gate.Told{{Target: Pager, Moment: gate.RecoverAgain, As: gate.LeftOut, At: noon}},
	}
	if next := tl.merged(recovered(noon.Add(-time.Minute))); !next.Over || len(next.Told) != 1 {
		t.Errorf("it is not settled: %+v", next)
	}
	if next := tl.merged(recovered(noon)); next.Over || len(next.Told) > 0 {
		t.Errorf("it is settled, and has come once more: %+v", next)
	}
	stale := recovered(noon.Add(-time.Minute))
	stale.Version++
	if next := tl.merged(stale); next.Over || len(next.Told) != 1 {
		t.Errorf("another has written it, and may watch: %+v", next)
	}
	tl.settled[0].As = gate.WasTold // whoever noted it besides has found the same
	if next := tl.merged(recovered(noon)); !next.Over || len(next.Told) != 1 {
		t.Errorf("it was told, and is to be told once more: %+v", next)
	}
}

// What has come once more is to be told where it was not, and no try that may have arrived is forgotten. What another tick has
// found meanwhile stays.
func TestComesOnceMore(t *testing.T) {
	of := func(target string, m gate.Moment, as gate.ToldAs) gate.Told {
		return gate.Told{Target: target, Moment: m, As: as, At: noon, Words: "away"}
	}
	quiet, tried, knows := of("events", gate.IsDoubtful, gate.LeftOut), of("pager", gate.IsDoubtful, gate.LeftTried), of("chat", gate.IsDoubtful, gate.WasTold)
	recovered, again := of("pager", gate.HasRecovered, gate.WasTold), of("pager", gate.RecoverAgain, gate.WasTold)
	late := of("events", gate.HasRecovered, "")
	doubt, quietened := gate.Happened{Moment: gate.IsDoubtful, At: noon.Add(-2 * time.Hour)}, gate.Happened{Moment: gate.HasRecovered, At: noon.Add(-time.Hour)}
	ahead := gate.Happened{Moment: gate.RecoverAgain, At: noon.Add(time.Second)} // by a clock that is ahead of this one
	p := gate.Post{Happened: []gate.Happened{doubt, quietened, ahead}, Told: []gate.Told{quiet, recovered, tried, knows, again}, Late: []gate.Told{late}}
	read := fmt.Sprint(p)
	for _, row := range []struct {
		comes gate.Moment
		told  []gate.Told
		late  []gate.Told
		first gate.Moment
	}{
		{gate.IsDoubtful, []gate.Told{recovered, knows, again}, []gate.Told{of("pager", gate.IsDoubtful, ""), late}, gate.HasRecovered},
		{gate.RecoverAgain, []gate.Told{quiet, recovered, tried, knows}, []gate.Told{late}, gate.IsDoubtful},
	} {
		tl := &telling{round: &round{Teller: newTeller(nil, nil)}, post: p, settled: []gate.Told{of("chat", row.comes, gate.LeftOut)}}
		tl.comes(row.comes)
		now := tl.post
		if !slices.Equal(now.Told, row.told) || !slices.Equal(now.Late, row.late) || len(tl.settled) > 0 {
			t.Errorf("%s: told %+v, late %+v, settled %+v", row.comes, now.Told, now.Late, tl.settled)
		}
		last := gate.Happened{Moment: row.comes, At: ahead.At.Add(time.Millisecond)}
		if len(now.Happened) != 3 || now.Happened[0].Moment != row.first || now.Happened[2] != last {
			t.Errorf("%s: it has happened: %+v", row.comes, now.Happened)
		}
		if row.comes == gate.IsDoubtful && (!tl.tried(Target{Name: "pager"}, row.comes) || tl.tried(Target{Name: "events"}, row.comes)) {
			t.Error("whether a try may have arrived is mixed up")
		}
		for _, other := range []gate.Post{now, {Happened: []gate.Happened{{Moment: row.comes, At: noon}}, Told: p.Told}, {Told: p.Told}} {
			if got := tl.withFresh(other); fmt.Sprint(got) != fmt.Sprint(other) {
				t.Errorf("%s: of %+v, which another tick has written, becomes %+v", row.comes, other, got)
			}
		}
	}
	if got := fmt.Sprint(p); got != read {
		t.Errorf("the post that was read is written to: %s", got)
	}
}

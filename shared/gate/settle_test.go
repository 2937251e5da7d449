package gate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// answersOf are the Agent's answers by the page's name for them: every reason there is.
func answersOf(name string) []delivery.Answer {
	var list []delivery.Answer
	for _, r := range delivery.Reasons() {
		is := strings.ReplaceAll(string(r.Outcome()), "_", " ")
		if r == delivery.OutOfTime {
			is = "out of time"
		}
		if is == name {
			list = append(list, delivery.Answer{Reason: r, SecretVersion: "v3"}, delivery.Answer{Reason: r, Words: "what it said", SecretVersion: "v3"})
		}
	}
	return list
}

var answerNames = []string{"accepted", "not delivered", "out of time", "shut", "refused", "in doubt"}

// claimed is a claim of attempt 4 and the case as it committed it.
func claimed(doubts int) Claim {
	c := caseIn("starting", "ab-own")
	c.Attempt, c.Doubts, c.Until = 4, doubts, noon.Add(20*time.Second)
	return Claim{Case: c, Until: noon.Add(7 * time.Minute)}
}

// settleWith checks what holds for every settle: it writes this case and this account, and rests on the case as read.
func settleWith(t *testing.T, c Case, cl Claim, ans delivery.Answer) Decision {
	t.Helper()
	d := Settle(c, cl, ans, noon)
	v := viewOf(Incident{}, c)
	sane(t, v, d)
	if d.Case != c.ID || d.Verdict != "" || d.Change.Delivery != nil || d.Change.Incident != nil || d.Start != nil {
		t.Errorf("%s: %+v", ans.Reason, d)
	}
	if d.Change.Empty() {
		if d.Did != Nothing {
			t.Errorf("%s: does %s and writes nothing", ans.Reason, d.Did)
		}
		return d
	}
	w := d.Change.Cases[0]
	if d.Did != Settles || len(d.Change.Cases) != 1 || w.Now.Version != c.Version+1 || w.Facts != (CaseFacts{}) || !d.Change.At.Equal(noon) {
		t.Errorf("%s: %+v", ans.Reason, d)
	}
	if a := d.Change.Account; a != nil && (a.Agent != c.Agent || len(a.Put) > 0) {
		t.Errorf("%s: the account is written as %+v", ans.Reason, a)
	}
	return d
}

func TestSettling(t *testing.T) {
	walk(t, "settling", []column{
		values("answer", answerNames...), values("the case now", caseStates[1:]...), values("attempt", "its own", "another"),
	}, nil, func(t *testing.T, at, row entry) {
		for _, doubts := range []int{0, 1, 3} {
			for _, ans := range answersOf(at["answer"]) {
				cl, c := claimed(doubts), caseIn(at["the case now"], "ab-own")
				c.Attempt, c.Version = 4, 11 // others have written to it since
				if at["attempt"] == "another" {
					c.Attempt = 5
				}
				c.Doubts = max(c.Doubts, doubts)
				d := settleWith(t, c, cl, ans)
				what := "settles"
				if d.Change.Empty() {
					what = "nothing"
				}
				if what != row["what happens"] {
					t.Errorf("%v (%s): %s, want %s", at, ans.Reason, what, row["what happens"])
				}
				if what == "settles" && at["the case now"] != "starting" && d.Change.Cases[0].Now.State != Started {
					t.Errorf("%v (%s): evidence makes the case %s", at, ans.Reason, d.Change.Cases[0].Now.State)
				}
			}
		}
	})
}

func TestAnswers(t *testing.T) {
	walk(t, "answers", []column{values("answer", answerNames...), values("doubts", "none", "some")}, nil,
		func(t *testing.T, at, row entry) {
			for _, doubts := range map[string][]int{"none": {0}, "some": {1, 3, 6}}[at["doubts"]] {
				for _, ans := range answersOf(at["answer"]) {
					cl := claimed(doubts)
					cl.Down = Down{Until: noon.Add(-time.Second), Fails: 1, Doubts: 1}
					answerHolds(t, fmt.Sprintf("%v, %d doubts, %s %q", at, doubts, ans.Reason, ans.Words), cl, ans, row)
				}
			}
		})
}

func answerHolds(t *testing.T, name string, cl Claim, ans delivery.Answer, row entry) {
	t.Helper()
	d := settleWith(t, cl.Case, cl, ans)
	if d.Change.Empty() {
		t.Errorf("%s: nothing is settled", name)
		return
	}
	got, want := d.Change.Cases[0].Now, cl.Case
	acct := AccountWrite{}
	if d.Change.Account != nil {
		acct = *d.Change.Account
	}
	want.State, want.Version = got.State, want.Version+1
	want.Note = string(ans.Reason)
	if ans.Words != "" {
		want.Note += ": what it said"
	}
	if row["doubts then"] == "one more" {
		want.Doubts++
	}
	down := cl.Down.after(ans.Outcome() == delivery.InDoubt, noon, 0, cl.Case.ID, cl.Case.Attempt)
	switch got.State {
	case Started:
		want.Until, want.Note = cl.Until, ""
	case Waiting:
		want.Why, want.Until = got.Why, noon
		if row["the account"] == "is down" {
			want.Until = down.Until
		}
	case Refused:
		want.Until = noon
	case InDoubt:
		want.NoRepeat = row["may be repeated"] == "no"
		want.Until = noon.Add(rest(t, want.Doubts))
		if row["the account"] == "is down" && down.Until.After(want.Until) {
			want.Until = down.Until
		}
	}
	if !reflect.DeepEqual(bare(got), want) || stateName(got) != row["the case"] {
		t.Errorf("%s: the case becomes\n%+v, want %s\n%+v", name, got, row["the case"], want)
	}
	if removed := slices.Equal(acct.Drop, []string{cl.Case.ID}); removed != (row["its reservation"] == "removed") || !removed && acct.Drop != nil {
		t.Errorf("%s: drops %v, the page says its reservation is %s", name, acct.Drop, row["its reservation"])
	}
	shut := Shut{Since: noon, SecretVersion: "v3", Words: want.Note}
	var wantDown, wantWas *Down // what is counted rests on what was read, a clearing on nothing
	var wantShut *Shut
	switch row["the account"] {
	case "is up":
		wantDown = &Down{}
	case "is down", "one more doubt":
		wantDown, wantWas = &down, &cl.Down
	case "is shut":
		wantShut = &shut
	case "as it was":
	default:
		t.Errorf("the page says %q of the account", row["the account"])
	}
	if !reflect.DeepEqual(acct.Down, wantDown) || !reflect.DeepEqual(acct.DownWas, wantWas) || !reflect.DeepEqual(acct.Shut, wantShut) || acct.OpenedBy != nil {
		t.Errorf("%s: the account becomes down %+v after %+v, shut %+v; want %+v after %+v, %+v",
			name, acct.Down, acct.DownWas, acct.Shut, wantDown, wantWas, wantShut)
	}
}

// TestAcceptedWritesNoAccount: a call to an Agent that was well costs no write of the account, which is hot.
func TestAcceptedWritesNoAccount(t *testing.T) {
	cl := claimed(0)
	if d := settleWith(t, cl.Case, cl, delivery.Answer{Reason: delivery.Received}); d.Change.Account != nil {
		t.Errorf("writes %+v", d.Change.Account)
	}
}

// TestSettleWakesARestingCase: its slot is gone, so the next tick ends it, and until then it is found.
func TestSettleWakesARestingCase(t *testing.T) {
	cl := claimed(0)
	cl.Until = noon.Add(-time.Minute) // its estimate is over
	c := caseIn("resting", "ab-own")
	started := settleWith(t, c, cl, delivery.Answer{Reason: delivery.Received}).Change.Cases[0].Now
	if started.State != Started || started.Resting || started.Bucket() != Timed || started.Order() >= OrderUntil(noon) {
		t.Errorf("the case becomes %+v", started)
	}
	d := dueWith(t, viewOf(Incident{}, started), started, policyAll())
	if d.Did != Ends || d.Change.Cases[0].Now.How != EndAssumed {
		t.Errorf("the next tick: %+v", d)
	}
}

func TestHealth(t *testing.T) {
	for _, row := range page(t, "health").rows {
		var fails, doubts int
		fmt.Sscan(row["not delivered"], &fails)
		fmt.Sscan(row["doubts"], &doubts)
		want := minutes(t, row["down for"])
		var d Down
		last := noon // each call comes when the account may be called again
		for i := range fails + doubts {
			if d.Until.After(last) {
				last = d.Until
			}
			d = d.after(i >= fails, last, 0, "ab-own", 1)
		}
		if d.Fails != fails || d.Doubts != doubts {
			t.Errorf("%v: counted %+v", row, d)
		}
		if want == 0 {
			if !d.Until.IsZero() {
				t.Errorf("%v: down until %v", row, d.Until)
			}
			continue
		}
		if got := d.Until.Sub(last); got < want*4/5 || got > want*6/5 {
			t.Errorf("%v: down for %v, want %v more or less a fifth", row, got, want)
		}
	}
}

// Calls that were under way together are one failure, and the rest that the Agent asked one of them for is kept.
func TestFailuresTogetherAreOne(t *testing.T) {
	d := Down{}.after(false, noon, 5*time.Minute, "ab-own", 1)
	for range 10 {
		if after := d.after(true, noon.Add(time.Second), 0, "ab-own", 2); after != d {
			t.Errorf("a doubt makes %+v of %+v", after, d)
		}
		if after := d.after(false, noon.Add(time.Second), time.Minute, "ab-own", 2); after != d {
			t.Errorf("a failure makes %+v of %+v", after, d)
		}
	}
	if after := d.after(false, noon, 9*time.Minute, "ab-own", 2); !after.Until.Equal(noon.Add(9*time.Minute)) || after.Fails != 1 {
		t.Errorf("a longer rest makes %+v of %+v", after, d)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		why   string
		asked time.Duration
		want  func(time.Duration) bool
	}{
		{"not asked: the first back-off", 0, func(d time.Duration) bool { return d >= 24*time.Second && d <= 36*time.Second }},
		{"less than the back-off: the back-off", time.Second, func(d time.Duration) bool { return d >= 24*time.Second }},
		{"more than the back-off: as asked", 10 * time.Minute, func(d time.Duration) bool { return d == 10*time.Minute }},
		{"a year: bounded", 365 * 24 * time.Hour, func(d time.Duration) bool { return d == MaxRest }},
		{"nonsense", -time.Hour, func(d time.Duration) bool { return d >= 24*time.Second && d <= 36*time.Second }},
	} {
		cl := claimed(0)
		d := settleWith(t, cl.Case, cl, delivery.Answer{Reason: delivery.Throttled, RetryAfter: tt.asked})
		down := d.Change.Account.Down
		if got := down.Until.Sub(noon); !tt.want(got) {
			t.Errorf("%s: down for %v", tt.why, got)
		}
		if c := d.Change.Cases[0].Now; !c.Until.Equal(down.Until) || c.Why != WhyAgentDown {
			t.Errorf("%s: the case waits until %v, the account is down until %v", tt.why, c.Until, down.Until)
		}
	}
}

// A doubt with a Retry-After leaves the Agent alone as it asked, also before the third, and counts as a doubt alone.
func TestRetryAfterOfADoubt(t *testing.T) {
	for _, tt := range []struct {
		why    string
		doubts int // counted before
		asked  time.Duration
		want   time.Duration
		spread time.Duration // the back-off's
	}{
		{"the first, not asked", 0, 0, 0, 0},
		{"the first, as asked", 0, 2 * time.Minute, 2 * time.Minute, 0},
		{"the second, as asked", 1, time.Second, time.Second, 0},
		{"the first, a year: bounded", 0, 365 * 24 * time.Hour, MaxRest, 0},
		{"the first, nonsense", 0, -time.Hour, 0, 0},
		{"the third, more than the back-off: as asked", 2, 10 * time.Minute, 10 * time.Minute, 0},
		{"the third, less than the back-off: the back-off", 2, time.Second, 30 * time.Second, 6 * time.Second},
	} {
		cl := claimed(0)
		cl.Down = Down{Until: noon.Add(-time.Minute), Doubts: tt.doubts}
		dec := settleWith(t, cl.Case, cl, delivery.Answer{Reason: delivery.ServerError, RetryAfter: tt.asked})
		down := *dec.Change.Account.Down
		if down.Doubts != tt.doubts+1 || down.Fails != 0 {
			t.Errorf("%s: counted %+v", tt.why, down)
		}
		if tt.want == 0 {
			if down.Until != cl.Down.Until {
				t.Errorf("%s: down until %v", tt.why, down.Until)
			}
		} else if off := (down.Until.Sub(noon) - tt.want).Abs(); off > tt.spread {
			t.Errorf("%s: down for %v, want %v", tt.why, down.Until.Sub(noon), tt.want)
		}
	}
}

// TestBackoffSpreads: many bridges that lost one Agent together do not come back together.
func TestBackoffSpreads(t *testing.T) {
	seen := map[time.Duration]bool{}
	for i := range 200 {
		d := backoff(1, fmt.Sprintf("ab-%d", i), 1)
		if d < 24*time.Second || d > 36*time.Second {
			t.Fatalf("back-off %v is more than a fifth from 30 s", d)
		}
		seen[d] = true
		if backoff(1, fmt.Sprintf("ab-%d", i), 1) != d {
			t.Fatal("the gate has no dice: the same case and attempt must give the same back-off")
		}
	}
	if len(seen) < 100 {
		t.Errorf("200 cases share %d back-offs", len(seen))
	}
	if backoff(1, "ab-1", 1) == backoff(1, "ab-1", 2) && backoff(1, "ab-1", 2) == backoff(1, "ab-1", 3) {
		t.Error("each attempt must fall elsewhere")
	}
	if backoff(0, "ab-1", 1) != backoff(1, "ab-1", 1) || backoff(1000, "ab-1", 1) != backoff(5, "ab-1", 1) {
		t.Error("a count outside the steps must not break it")
	}
}

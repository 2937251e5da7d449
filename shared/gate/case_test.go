package gate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
)

func TestCaseID(t *testing.T) {
	// 16 characters of base32 of the SHA-256 of the delivery. The id is what the Agent knows a case by, and what a redelivered message must find again: it may never change.
	if got := CaseID(alert.Alert{Delivery: "dd-1200-7879702138782271851"}); got != "ab-uulu3fvw6bv4os4e" {
		t.Errorf("the id of a case has changed: %s", got)
	}
	seen := map[string]bool{}
	for i := range 1000 {
		id := CaseID(alert.Alert{Delivery: fmt.Sprint("d-", i), Incident: incidentKey("fallback")})
		if !alert.SafeID(id) || len(id) != 19 || !strings.HasPrefix(id, "ab-") || strings.Trim(id[3:], "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("id %q", id)
		}
		if other := said(fmt.Sprint("d-", i), alert.Renotify, noon, "cycle"); CaseID(other) != id {
			t.Fatal("the id must come from the delivery alone")
		}
		seen[id] = true
	}
	if len(seen) != 1000 {
		t.Errorf("1000 deliveries open %d cases", len(seen))
	}
}

// TestQueueOrder: the most severe first, among equals a storm's case, then the oldest, whatever else.
func TestQueueOrder(t *testing.T) {
	var want []Case
	for _, s := range []alert.Severity{alert.Critical, alert.High, alert.Medium, alert.Low, alert.Minimal, 0} {
		for _, storm := range []string{"1200/default/prod", ""} {
			for _, age := range []time.Duration{9000 * time.Hour, time.Hour, ms, 0} {
				for _, id := range []string{"ab-a", "ab-b"} {
					want = append(want, Case{ID: id, State: Waiting, Severity: s, Storm: storm, Opened: noon.Add(-age), Until: noon.Add(age)})
				}
			}
		}
	}
	got := slices.Clone(want)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, func(a, b Case) int { return strings.Compare(a.Order(), b.Order()) })
	for i := range want {
		if got[i].Order() != want[i].Order() || got[i].ID != want[i].ID {
			t.Fatalf("place %d: %s, want %s", i, got[i].Order(), want[i].Order())
		}
		if i > 0 && want[i-1].ID == "ab-b" && CompareRank(want[i-1], want[i]) >= 0 {
			t.Errorf("%s does not come before %s", want[i-1].Order(), want[i].Order())
		}
	}
}

// TestInOrder: what the index names is the case, in every bucket, whatever its id.
func TestInOrder(t *testing.T) {
	for _, state := range caseStates[1:] {
		for _, id := range []string{"ab-k5w2q7n3xj4mzyta", "an#odd#one"} {
			for _, storm := range []string{"", "1200/default/prod"} {
				c := caseIn(state, id)
				c.Storm = storm
				if got := InOrder(c.Bucket(), c.Order()); got != id {
					t.Errorf("%s: the order %s names %q, want %q", state, c.Order(), got, id)
				}
			}
		}
	}
}

// TestTimedOrder: by time, and a bound that lets through exactly what is due.
func TestTimedOrder(t *testing.T) {
	times := []time.Time{time.UnixMilli(0), time.UnixMilli(1), noon.Add(-ms), noon, noon.Add(ms), noon.Add(9000 * time.Hour)}
	for _, until := range times {
		for _, c := range []Case{
			{ID: "ab-zzzzzzzzzzzzzzzz", State: Starting, Until: until},
			{ID: "ab-2", State: Started, Until: until, Severity: alert.Critical},
		} {
			for _, now := range times {
				if due := c.Order() < OrderUntil(now); due != !until.After(now) {
					t.Errorf("%v is due at %v: %v", until, now, due)
				}
			}
		}
	}
	if never := (Case{ID: "ab-1", State: Starting}); never.Order() >= OrderUntil(noon) {
		t.Error("a case without a time must be found, not sleep for ever")
	}
}

func TestBuckets(t *testing.T) {
	want := map[string]Bucket{
		"waiting": Queue, "starting": Timed, "in doubt": Timed, "resting": Doubtful, "started": Timed, "refused": Declined,
		"ended assumed": Closed, "ended completed": Closed, "ended recovered": Closed, "ended expired": Closed, "ended silenced": Closed,
		"ended observed": Closed,
	}
	for _, state := range caseStates[1:] {
		c := caseIn(state, "ab-1")
		if c.Bucket() != want[state] {
			t.Errorf("%s is in %s, want %s", state, c.Bucket(), want[state])
		}
		if c.HasStarted() != (state == "started" || state == "ended assumed" || state == "ended completed") {
			t.Errorf("%s has started: %v", state, c.HasStarted())
		}
	}
	wanted := Case{ID: "ab-1", State: Refused, Until: noon, Hand: Order{By: "aiko", At: noon}}
	if wanted.Bucket() != Timed || wanted.Order() >= OrderUntil(noon) {
		t.Errorf("a refused case that somebody wants started is in %s at %s", wanted.Bucket(), wanted.Order())
	}
}

// TestMembers: bounded whatever the storm, the most severe kept, the oldest first among equals, each incident once.
func TestMembers(t *testing.T) {
	var list []Member
	for i := range 40 {
		m := Member{Incident: fmt.Sprint("i", i), Severity: alert.Severity(1 + i%5), Since: noon.Add(time.Duration(i) * time.Second)}
		before := slices.Clone(list)
		next := withMember(list, m)
		if !slices.Equal(list, before) {
			t.Fatal("the list that was read is changed")
		}
		list = next
	}
	if len(list) != MaxMembers {
		t.Fatalf("%d members", len(list))
	}
	for i, want := range []int{4, 9, 14, 19, 24, 29, 34, 39, 3, 8} {
		if list[i].Incident != fmt.Sprint("i", want) {
			t.Errorf("place %d: %+v, want incident %d", i, list[i], want)
		}
	}
	again := withMember(list, Member{Incident: "i3", Severity: alert.Critical, Since: noon.Add(-time.Hour)})
	if len(again) != MaxMembers || again[0].Incident != "i3" || slices.IndexFunc(again[1:], func(m Member) bool { return m.Incident == "i3" }) >= 0 {
		t.Errorf("an incident that comes again is kept twice, or not as it is now: %v", again)
	}
}

func TestMemberOfAnAlert(t *testing.T) {
	a := said("d1", alert.Triggered, noon, "fallback")
	a.Title, a.Scope = strings.Repeat("高", 121), []string{strings.Repeat("負", 70), strings.Repeat("荷", 70)}
	m := arrival{Arrival: arrivalOf(a), rank: alert.High}.member()
	if m.Title != strings.Repeat("高", 120) || m.Scope != strings.Repeat("負", 70)+","+strings.Repeat("荷", 49) || !utf8.ValidString(m.Scope) {
		t.Errorf("cut to %q, %q", m.Title, m.Scope)
	}
	if m.Incident != a.Incident.String() || m.Severity != alert.High || !m.Since.Equal(a.Time) {
		t.Errorf("got %+v", m)
	}
	a.Scope = nil
	if m := (arrival{Arrival: arrivalOf(a)}).member(); m.Scope != "" {
		t.Errorf("scope %q", m.Scope)
	}
}

// TestOpenerIsNoMember: the alert that opened the case is its lead; its incident is not told twice.
func TestOpenerIsNoMember(t *testing.T) {
	a := said("d2", alert.Triggered, noon, "fallback")
	c := caseIn("waiting", "ab-own")
	c.Incident, c.Firing = a.Incident.String(), 1 // another incident keeps it waiting
	v := viewOf(Incident{Key: a.Incident, Fire: noon.Add(-2 * time.Minute), Rec: noon.Add(-time.Minute), Version: 4}, c)
	now := Arrive(v, arrivalOf(a), policyAll(), noon).Change.Cases[0].Now
	if now.Firing != 2 || len(now.Members) != len(c.Members) {
		t.Errorf("the case becomes %+v", now)
	}
}

func TestBounds(t *testing.T) {
	a := said("d1", alert.Triggered, noon, "fallback")
	a.Title, a.Tags = strings.Repeat("é", 201), []string{"service:" + strings.Repeat("ü", 101)}
	d := Arrive(viewOf(Incident{}, Case{}), arrivalOf(a), policyAll(), noon)
	c := d.Change.Cases[0].Now
	if c.Title != strings.Repeat("é", 200) || c.Service != strings.Repeat("ü", 100) || d.Change.Delivery.Title != c.Title {
		t.Errorf("title %d, service %d characters", utf8.RuneCountInString(c.Title), utf8.RuneCountInString(c.Service))
	}
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"日本語", 2, "日本"}, {"a", 0, ""}} {
		if got := cut(tt.s, tt.n); got != tt.want {
			t.Errorf("cut(%q, %d) = %q", tt.s, tt.n, got)
		}
	}
}

func TestRoom(t *testing.T) {
	soon, over := noon.Add(ms), noon
	for _, tt := range []struct {
		why             string
		slots           int
		running, ending int // reservations that count, and those whose time is over
		own             *time.Time
		want            bool
	}{
		{"an empty account", 3, 0, 0, nil, true},
		{"one slot left", 3, 2, 0, nil, true},
		{"full", 3, 3, 0, nil, false},
		{"full of what is over", 3, 0, 3, nil, true},
		{"its own slot is no obstacle", 3, 2, 0, &soon, true},
		{"its own slot is over, and others have taken it", 3, 3, 0, &over, false},
		{"no number set: the bound of the item", 0, MaxRunning - 1, 0, nil, true},
		{"no number set, and the item is full", 0, MaxRunning, 0, nil, false},
		{"a number above the bound of the item", 9999, MaxRunning, 0, nil, false},
		{"a negative number is none set", -1, 2, 0, nil, true},
		{"the item is full of what is over, which the next reservation takes away", 3, 0, MaxRunning, nil, true},
	} {
		a, p := Account{Running: map[string]Reservation{}}, policyAll()
		p.Slots = tt.slots
		fill(&a, tt.running, soon)
		for i := range tt.ending {
			a.Running[fmt.Sprint("over-", i)] = Reservation{Until: over}
		}
		if tt.own != nil {
			a.Running["ab-own"] = Reservation{Until: *tt.own}
		}
		if got := a.room(p, false, noon, "ab-own"); got != tt.want {
			t.Errorf("%s: room %v", tt.why, got)
		}
	}
	if !(Account{}).room(policyAll(), false, noon, "ab-own") {
		t.Error("an account that nobody has used has no room")
	}
}

func TestHoldIsNotForCriticalAlerts(t *testing.T) {
	p := policyAll()
	p.Hold = time.Minute
	for s, want := range map[alert.Severity]time.Duration{0: time.Minute, alert.High: time.Minute, alert.Critical: 0, alert.Critical + 1: 0} {
		if got := (arrival{r: p, rank: s}).hold(); got != want {
			t.Errorf("severity %d is held for %v", s, got)
		}
	}
}

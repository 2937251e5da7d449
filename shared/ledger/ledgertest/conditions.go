package ledgertest

import (
	"slices"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// condition is a row of the suite: a change that is taken as it was decided, and what must make it fail, or must not,
// when another process commits it between the read and the commit.
type condition struct {
	name string
	// prepare brings the ledger into the state that is read, change decides on it, between is the other process.
	prepare func(*world)
	change  func(*world) gate.Change
	between func(*world)
	passes  bool // the change is taken all the same
}

func testConditions(t *testing.T, open func(*testing.T) Harness) {
	for _, row := range conditions() {
		t.Run(row.name, func(t *testing.T) {
			t.Run("undisturbed", func(t *testing.T) {
				w := newWorld(t, open)
				row.prepare(w)
				c := withCompany(w, row.change(w))
				w.commit(c)
				if n := company(w); n != 11 {
					t.Fatalf("%d of 11 records that were written with it are there", n)
				}
			})
			t.Run("disturbed", func(t *testing.T) {
				w := newWorld(t, open)
				row.prepare(w)
				c := withCompany(w, row.change(w))
				row.between(w)
				if row.passes {
					w.commit(c)
					return
				}
				before := everything(w)
				w.conflict(c)
				w.same("everything, after a change that was not taken", everything(w), before)
			})
		})
	}
}

// withCompany adds a record of every kind that the change does not write yet, to see that they come all or not at all.
func withCompany(w *world, c gate.Change) gate.Change {
	if c.Delivery == nil {
		c.Delivery = w.delivery("d-company")
	}
	if c.Incident == nil {
		c.Incident = w.incident(9, 0, "ab-company")
	}
	c.Pointers = append(c.Pointers, gate.PointerWrite{Key: "k-company", Now: "ab-company"})
	c.Cases = append(c.Cases, opens(w.newCase("ab-company")).Cases...)
	if c.Account == nil {
		c.Account = &gate.AccountWrite{Agent: agent}
	}
	if c.Account.Down == nil {
		c.Account.Down = &gate.Down{Until: w.in(77), Fails: 7}
	}
	if c.Group == nil {
		c.Group = w.group("g-company", 0)
	}
	if c.Surge == nil {
		c.Surge = w.surge("s-company", 0, "ab-company")
	}
	if c.Hand == nil {
		c.Hand = w.hand(0, "mine")
	}
	if c.Lead == nil {
		c.Lead = &gate.LeadWrite{Case: "ab-dropped", Alert: *leadOf(w.newCase("ab-dropped"))}
	}
	c.Posts = append(c.Posts, happens(w.now, "ab-company", gate.Waits).Posts...)
	if c.Told == nil {
		c.Told = &gate.ToldWrite{Now: gate.Post{ID: "agent:company", Agent: agent, Tries: 7, Version: 1}}
	}
	return c
}

// company counts the records of a taken change: its delivery, incident, pointer and case, its word on the account, its
// monitor group, environment, what it sets by hand, the alert that it keeps, the post that it adds to, and the one that it
// settles.
func company(w *world) int {
	n := 0
	for _, d := range []string{"d-company", "d-1"} {
		if w.look(ledger.Question{Delivery: d}).Delivery != nil {
			n++
		}
	}
	for _, i := range []int{1, 9} {
		if in := w.look(ledger.Question{Incident: incidentOf(i)}).Incident; in.Case == "ab-company" || in.Case == "ab-mine" {
			n++
		}
	}
	v := w.look(ledger.Question{Pointers: []string{"k-company"}, Agent: agent})
	if v.Pointers["k-company"] == "ab-company" {
		n++
	}
	if _, there := v.Cases["ab-company"]; there {
		n++
	}
	if v.Account.Down.Fails == 7 {
		n++
	}
	for _, name := range []string{"g-1", "g-company"} {
		if w.look(ledger.Question{Group: name}).Group.Flapping {
			n++
		}
	}
	for _, name := range []string{"s-1", "s-company"} {
		if s := w.look(ledger.Question{Surge: name}).Surge; s.Case == "ab-company" || s.Case == "ab-mine" {
			n++
		}
	}
	if v.Hand.Mode.Reason == "mine" {
		n++
	}
	if len(w.lookCase("ab-dropped", w.now).Leads) == 1 {
		n++
	}
	if len(w.post("ab-company", w.now).Happened) == 1 {
		n++
	}
	for _, id := range []string{"ab-1", "agent:company"} {
		if w.post(id, w.now).Tries == 7 {
			n++
		}
	}
	return n
}

// everything reads all records that the rows write.
func everything(w *world) []any {
	var all []any
	for _, d := range []string{"d-1", "d-company"} {
		all = append(all, w.look(ledger.Question{Delivery: d}).Delivery)
	}
	for i := 1; i < 10; i++ {
		all = append(all, w.look(ledger.Question{Incident: incidentOf(i)}))
	}
	all = append(all, w.look(ledger.Question{Pointers: []string{"k-1", "k-company"}, Agent: agent, Leads: true}))
	for _, name := range []string{"1", "company"} {
		all = append(all, w.look(ledger.Question{Group: "g-" + name, Surge: "s-" + name}))
	}
	for _, id := range []string{"ab-1", "ab-2", "ab-company", "ab-dropped", "agent:company"} {
		all = append(all, w.lookCase(id, w.now), w.post(id, w.now))
	}
	return all
}

func conditions() []condition {
	nothing := func(*world) {}
	waits := func(firing int) func(*world) {
		return func(w *world) { w.waits("ab-1", firing) }
	}
	// decides changes the case under a condition on what is counted.
	decides := func(s gate.State, f gate.CaseFacts) func(*world) gate.Change {
		return func(w *world) gate.Change {
			read := w.caseNow("ab-1")
			c := writes(read, moved(read, s))
			c.Cases[0].Facts = f
			return c
		}
	}
	// noted says what has happened to the case; settles tells it, on what was read at this version.
	noted := func(m gate.Moment) func(*world) gate.Change {
		return func(w *world) gate.Change { return happens(w.now, "ab-1", m) }
	}
	settles := func(read int) func(*world) gate.Change {
		return func(w *world) gate.Change {
			return tells(w.now, gate.Post{ID: "ab-1", Agent: agent, Until: w.in(60), Tries: 7, Version: read + 1})
		}
	}
	// onlyIf writes nothing to the case.
	onlyIf := func(f gate.CaseFacts) func(*world) gate.Change {
		return func(w *world) gate.Change {
			read := w.caseNow("ab-1")
			c := writes(read, read)
			c.Cases[0].Facts = f
			return c
		}
	}
	starts, ends := gate.Starting, gate.Ended
	join := func(w *world) { w.commit(joins(w.caseNow("ab-1"), w.in(-30), memberOf(2, alert.Low, w.in(-30)))) }
	recovery := func(w *world) { w.commit(recovers(w.caseNow("ab-1"))) }
	start := func(w *world) { w.moves(w.caseNow("ab-1"), gate.Starting) }
	put := func(id string) func(*world) gate.Change {
		return func(w *world) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{
				Agent: agent, Read: w.account().Version,
				Put: map[string]gate.Reservation{id: {Attempt: 1, Until: w.in(480)}},
			}}
		}
	}
	also := func(change func(*world) gate.Change) func(*world) { return func(w *world) { w.commit(change(w)) } }
	account := func(a gate.AccountWrite) func(*world) {
		return func(w *world) {
			a.Agent = agent
			w.commit(gate.Change{Account: &a})
		}
	}
	shutBy := func(secret string) func(*world) {
		return func(w *world) {
			account(gate.AccountWrite{Shut: &gate.Shut{Since: w.now, SecretVersion: secret, Words: "401"}})(w)
		}
	}
	opensAccount := func(secret string) func(*world) gate.Change {
		return func(*world) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{Agent: agent, Shut: &gate.Shut{}, OpenedBy: &secret}}
		}
	}
	// counts writes what withCompany would, on condition that the health is this.
	counts := func(was gate.Down) func(*world) gate.Change {
		return func(w *world) gate.Change {
			return gate.Change{Account: &gate.AccountWrite{
				Agent: agent, Down: &gate.Down{Until: w.in(77), Fails: 7}, DownWas: &was,
			}}
		}
	}
	health := func(d gate.Down) func(*world) { return account(gate.AccountWrite{Down: &d}) }
	pointer := func(read, now string) func(*world) gate.Change {
		return func(*world) gate.Change {
			return gate.Change{Pointers: []gate.PointerWrite{{Key: "k-1", Read: read, Now: now}}}
		}
	}
	incident := func(read int) func(*world) gate.Change {
		return func(w *world) gate.Change { return gate.Change{Incident: w.incident(1, read, "ab-mine")} }
	}
	group := func(read int) func(*world) gate.Change {
		return func(w *world) gate.Change { return gate.Change{Group: w.group("g-1", read)} }
	}
	surge := func(read int) func(*world) gate.Change {
		return func(w *world) gate.Change { return gate.Change{Surge: w.surge("s-1", read, "ab-mine")} }
	}
	hand := func(read int, reason string) func(*world) gate.Change {
		return func(w *world) gate.Change { return gate.Change{Hand: w.hand(read, reason)} }
	}
	started := func(w *world) { w.moves(w.waits("ab-1", 1), gate.Starting, gate.Started) }
	starting := func(w *world) { w.moves(w.waits("ab-1", 1), gate.Starting) }
	spend := func(w *world) gate.Change { return spends(w.caseNow("ab-1"), "2026-11", 4_000_000) }
	back := func(w *world) gate.Change {
		return givesBack(w.caseNow("ab-1"), gate.Back{Pace: time.Hour, Day: "2026-11-27"})
	}
	paced := func(id string) func(*world) gate.Change {
		return func(w *world) gate.Change {
			c := put(id)(w)
			c.Account.Paced, c.Account.Critical = w.in(3600), map[string]int{"2026-11-27": 1}
			return c
		}
	}
	told := func(gap time.Duration, services ...string) func(*world) gate.Change {
		return func(w *world) gate.Change {
			c := joins(w.caseNow("ab-1"), w.in(-5))
			c.Cases[0].Now.Gap, c.Cases[0].Now.Services = gap, append(c.Cases[0].Read.Services, services...)
			return c
		}
	}
	member := func(edit func(*world, []gate.Member) []gate.Member) func(*world) gate.Change {
		return func(w *world) gate.Change {
			read := w.caseNow("ab-1")
			now := read
			now.Members = edit(w, slices.Clone(read.Members))
			return writes(read, now)
		}
	}
	members := func(n int) func(*world) {
		return func(w *world) {
			c := w.newCase("ab-1")
			for i := range n {
				c.Members = append(c.Members, memberOf(i+1, alert.Medium, w.in(i-100)))
			}
			w.commit(opens(c))
		}
	}
	addMember := member(func(w *world, list []gate.Member) []gate.Member {
		return append(list, memberOf(50, alert.Medium, w.in(-1)))
	})
	swapLast := func(n int) func(*world) gate.Change { // puts a more severe one in the place of the last
		return member(func(w *world, list []gate.Member) []gate.Member {
			return append(list[:len(list)-1], memberOf(n, alert.High, w.in(-1)))
		})
	}
	changeLast := member(func(_ *world, list []gate.Member) []gate.Member {
		list[len(list)-1].Title = "fires again"
		return list
	})

	until := time.Date(2026, 11, 21, 12, 0, 30, 1_999_999, time.UTC) // kept to the millisecond
	well, once := gate.Down{}, gate.Down{Until: until, Fails: 1, Doubts: 2}
	firing := func(n gate.Count) gate.CaseFacts { return gate.CaseFacts{Firing: n} }
	return []condition{
		// What a change rests on.
		{
			"delivery not there, and another process has decided it", nothing,
			func(w *world) gate.Change { return gate.Change{Delivery: w.delivery("d-1")} },
			func(w *world) { w.commit(gate.Change{Delivery: w.delivery("d-1")}) }, false,
		},
		{"incident not there, and another process has written it", nothing, incident(0), also(incident(0)), false},
		{"incident's version, and another process has raised it", also(incident(0)), incident(1), also(incident(1)), false},
		{
			"grouping key names nothing, and another process has made it name a case", nothing,
			pointer("", "ab-mine"), also(pointer("", "ab-other")), false,
		},
		{
			"grouping key names a case, and another process has made it name another", also(pointer("", "ab-old")),
			pointer("ab-old", "ab-mine"), also(pointer("ab-old", "ab-other")), false,
		},
		{
			"case not there, and another process has opened it", nothing,
			func(w *world) gate.Change { return opens(w.newCase("ab-1")) }, waits(1), false,
		},
		{"case's version, and another process has started it", waits(1), decides(ends, gate.CaseFacts{}), start, false},
		{
			"case's version, for what joins count", waits(1),
			func(w *world) gate.Change { return joins(w.caseNow("ab-1"), w.in(-5)) }, start, false,
		},
		{"case's version, for a condition only", waits(1), onlyIf(gate.CaseFacts{}), start, false},
		{"nobody fires, and one has joined", waits(0), decides(ends, firing(gate.NoneFires)), join, false},
		{"one fires, and one has joined", waits(1), decides(ends, firing(gate.OneFires)), join, false},
		{"one fires, and it has recovered", waits(1), decides(ends, firing(gate.OneFires)), recovery, false},
		{"some fire, and the last has recovered", waits(1), decides(starts, firing(gate.SomeFire)), recovery, false},
		{"more than one fires, and one has recovered", waits(2), decides(starts, firing(gate.MoreFire)), recovery, false},
		{"nobody fires, for a condition only", waits(0), onlyIf(firing(gate.NoneFires)), join, false},
		{"some fire, for a condition only", waits(1), onlyIf(firing(gate.SomeFire)), recovery, false},
		{"last notification, and a later one has joined", waits(1), decides(ends, gate.CaseFacts{Last: true}), join, false},
		{"last notification, for a condition only", waits(1), onlyIf(gate.CaseFacts{Last: true}), join, false},
		{"nothing has joined, and something has", waits(1), decides(ends, gate.CaseFacts{Joined: true}), join, false},
		{"nothing has joined, for a condition only", waits(1), onlyIf(gate.CaseFacts{Joined: true}), join, false},
		{"account not there, and another process has put a reservation", nothing, put("ab-1"), also(put("ab-2")), false},
		{"account's version, and another process has put a reservation", also(put("ab-3")), put("ab-1"), also(put("ab-2")), false},
		{"account's version, and the same case has been reserved", also(put("ab-3")), put("ab-1"), also(put("ab-1")), false},
		{
			"account shut by a secret, and opened", shutBy("v1"), opensAccount("v1"),
			account(gate.AccountWrite{Shut: &gate.Shut{}}), false,
		},
		{"account shut by a secret, and shut by another", shutBy("v1"), opensAccount("v1"), shutBy("v2"), false},
		{"account shut without a secret, and shut by one", shutBy(""), opensAccount(""), shutBy("v2"), false},
		{"account's health, well, and another process has counted a failure", nothing, counts(well), health(gate.Down{Fails: 1}), false},
		{"account's health, well, and another process has counted a doubt", nothing, counts(well), health(gate.Down{Doubts: 1}), false},
		{"account's health, well, and the Agent has asked for a rest", nothing, counts(well), health(gate.Down{Until: until}), false},
		{
			"account's health, and one more failure has been counted", health(once), counts(once),
			health(gate.Down{Until: until, Fails: 2, Doubts: 2}), false,
		},
		{
			"account's health, and one more doubt has been counted", health(once), counts(once),
			health(gate.Down{Until: until, Fails: 1, Doubts: 3}), false,
		},
		{
			"account's health, and it is left alone for longer", health(once), counts(once),
			health(gate.Down{Until: until.Add(time.Millisecond), Fails: 1, Doubts: 2}), false,
		},
		{"account's health, and it is well again", health(once), counts(once), health(well), false},
		{
			"room for a member, and another has taken the last", members(gate.MaxMembers - 1), addMember,
			also(func(w *world) gate.Change {
				return joins(w.caseNow("ab-1"), w.in(-5), append(w.caseNow("ab-1").Members, memberOf(51, alert.Low, w.in(-2)))...)
			}), false,
		},
		{"member to replace, and another has replaced it", members(gate.MaxMembers), swapLast(50), also(swapLast(51)), false},
		{"member to change, and another has replaced it", members(gate.MaxMembers), changeLast, also(swapLast(51)), false},

		{"monitor group not there, and another process has written it", nothing, group(0), also(group(0)), false},
		{"monitor group's version, and another process has raised it", also(group(0)), group(1), also(group(1)), false},
		{"environment not there, and another process has written it", nothing, surge(0), also(surge(0)), false},
		{"environment's version, and another process has raised it", also(surge(0)), surge(1), also(surge(1)), false},
		{"nothing set by hand, and somebody has", nothing, hand(0, "mine"), also(hand(0, "other")), false},
		{"version of what is set by hand, and somebody has set it", also(hand(0, "old")), hand(1, "mine"), also(hand(1, "other")), false},
		{"account's version, and another process has spent", started, put("ab-2"), also(spend), false},
		{"account's version, and another process has given back", starting, put("ab-2"), also(back), false},
		{"case's version, for what is spent", started, spend, also(spend), false},
		{"case's version, for what is given back", starting, back, also(back), false},
		{
			"case's version, for services and gap", waits(1), told(time.Minute, "checkout"), start, false,
		},

		{"no post, and something has happened", nothing, settles(0), also(noted(gate.Waits)), false},
		{"post's version, and something has happened", also(noted(gate.Waits)), settles(1), also(noted(gate.WasStarted)), false},
		{"post's version, and the same has happened again", also(noted(gate.Waits)), settles(1), also(noted(gate.Waits)), false},
		{"post's version, and another process has settled it", also(noted(gate.Waits)), settles(1), also(settles(1)), false},

		// What must not stand in a decision's way.
		{"something has happened, and something else has", also(noted(gate.Waits)), noted(gate.HasEnded), also(noted(gate.WasStarted)), true},
		{"something has happened, and what was before is settled", also(noted(gate.Waits)), noted(gate.WasStarted), also(settles(1)), true},
		{"a start, and something has happened to its case", waits(1), decides(starts, gate.CaseFacts{}), also(noted(gate.Waits)), true},
		{"a post settled, and its case has been started", func(w *world) { waits(1)(w); w.commit(noted(gate.Waits)(w)) }, settles(1), start, true},
		{"what is spent, and a reservation put", started, spend, also(paced("ab-2")), true},
		{"what is given back, and a reservation put", starting, back, also(paced("ab-2")), true},
		{"services and gap, and another has told of others", waits(1), told(time.Minute, "checkout"), also(told(time.Hour, "cart")), true},
		{"a start, and another has told of a service", waits(1), decides(starts, gate.CaseFacts{}), also(told(time.Hour, "cart")), true},
		{"monitor group, and another has been written", nothing, group(0), func(w *world) { w.commit(gate.Change{Group: w.group("g-2", 0)}) }, true},
		{
			"an alert kept, and the same one kept", nothing,
			func(w *world) gate.Change {
				return gate.Change{Lead: &gate.LeadWrite{Case: "ab-dropped", Alert: *leadOf(w.newCase("ab-dropped"))}}
			},
			func(w *world) {
				w.commit(gate.Change{Lead: &gate.LeadWrite{Case: "ab-dropped", Alert: *leadOf(w.newCase("ab-dropped"))}})
			}, true,
		},
		{"a start, and one has joined", waits(1), decides(starts, firing(gate.SomeFire)), join, true},
		{"a start, and one of two has recovered", waits(2), decides(starts, firing(gate.SomeFire)), recovery, true},
		{"a start, and the last has recovered, when it is no condition", waits(1), decides(starts, gate.CaseFacts{}), recovery, true},
		{
			"an end that nothing fires for, and a repeat has joined", waits(0), decides(ends, firing(gate.NoneFires)),
			func(w *world) {
				c := joins(w.caseNow("ab-1"), w.in(-5))
				c.Cases[0].Now.Firing--
				w.commit(c)
			}, true,
		},
		{"more than one fires, and one has joined", waits(2), decides(starts, firing(gate.MoreFire)), join, true},
		{"nothing has joined, and a recovery has counted down", waits(2), decides(ends, gate.CaseFacts{Joined: true}), recovery, true},
		{"last notification, and a recovery has counted down", waits(2), decides(ends, gate.CaseFacts{Last: true}), recovery, true},
		{
			"a join, and another has joined", waits(1),
			func(w *world) gate.Change {
				return joins(w.caseNow("ab-1"), w.in(-5), memberOf(3, alert.Low, w.in(-5)))
			}, join, true,
		},
		{
			"a join of an earlier notification, and a later one has joined", waits(1),
			func(w *world) gate.Change { return joins(w.caseNow("ab-1"), w.in(-40)) }, join, true,
		},
		{
			"a member changed, and another added", members(2), changeLast,
			also(func(w *world) gate.Change {
				return joins(w.caseNow("ab-1"), w.in(-5), append(w.caseNow("ab-1").Members, memberOf(51, alert.Low, w.in(-2)))...)
			}), true,
		},
		{
			"a reservation put, and another dropped", also(put("ab-3")), put("ab-1"),
			account(gate.AccountWrite{Drop: []string{"ab-3"}}), true,
		},
		{"a reservation put, and the account shut", also(put("ab-3")), put("ab-1"), shutBy("v1"), true},
		{
			"a reservation put, and the account down", also(put("ab-3")), put("ab-1"),
			account(gate.AccountWrite{Down: &gate.Down{Fails: 3}}), true,
		},
		{
			"a reservation dropped, and another put", also(put("ab-3")),
			func(*world) gate.Change {
				return gate.Change{Account: &gate.AccountWrite{Agent: agent, Drop: []string{"ab-3"}}}
			}, also(put("ab-2")), true,
		},
		{"an account opened, and a reservation put", shutBy("v1"), opensAccount("v1"), also(put("ab-2")), true},
		{"an account opened that was shut without a secret, and a reservation put", shutBy(""), opensAccount(""), also(put("ab-2")), true},
		{"account's health, and a reservation put", health(once), counts(once), also(put("ab-2")), true},
		{"account's health, and the account shut", health(once), counts(once), shutBy("v1"), true},
		{"account's health, well, and a reservation put", nothing, counts(well), also(put("ab-2")), true},
		{"account's health, and the same written again", health(once), counts(once), health(once), true},
		{"a pointer to a case, and the case has been started", waits(1), pointer("", "ab-1"), start, true},
	}
}

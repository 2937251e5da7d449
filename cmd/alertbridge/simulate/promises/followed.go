package promises

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Numbers of following the Agent's work.
const (
	confirmWithin = 10 * time.Minute
	firstAsk      = 3 * time.Minute
	shownAfter    = 200 * time.Second // after the end of a lease the API would show what was taken
	askEvery      = 30 * time.Second
	looksEvery    = 5 * time.Minute
	longestRun    = 2 * time.Hour
)

// Telling is what an invocation was told of a case.
type Telling struct {
	Tasks  []gate.Task
	Asked  bool // the Agent's API was asked for all of them
	Failed bool // and gave no answer
}

// Told says that an invocation was told something of a case.
func (m *Model) Told(invocation int, id string, t Telling) {
	if m.tellings[invocation] == nil {
		m.tellings[invocation] = map[string]Telling{}
	}
	m.tellings[invocation][id] = t
}

// word is how a task stood since when, and of what it speaks: of the investigation, of a plan, or nobody says.
type word struct {
	at     time.Time
	status gate.Status
	of     gate.Doing
}

func wordOf(t gate.Task) word { return word{t.Updated.UTC(), t.Status, t.Of} }

// heard is what the Agent has said of a case.
type heard struct {
	words   map[string]map[word]bool // by task
	created map[string]time.Time
	called  time.Time // of the last attempt
	asks    int       // in vain, in a row
	absent  time.Time // when the API had no task of it last
	missed  bool
	booked  gate.Dollars
	month   string // that it is booked in
	lied    bool   // the Agent took a start and said that it did not
}

func (h *heard) confirmed() bool { return len(h.words) > 0 }

func (h *heard) hears(t gate.Task) {
	if h.words == nil {
		h.words, h.created = map[string]map[word]bool{}, map[string]time.Time{}
	}
	if h.words[t.ID] == nil {
		h.words[t.ID] = map[word]bool{}
	}
	h.words[t.ID][wordOf(t)] = true
	if c, known := h.created[t.ID]; !known || t.Created.Before(c) {
		h.created[t.ID] = t.Created
	}
}

// knows tells whether a word was heard already; one that does not say of what it speaks, whatever the other spoke of.
func (h *heard) knows(t gate.Task) bool {
	w := wordOf(t)
	if w.of != "" {
		return h.words[t.ID][w]
	}
	for _, w.of = range []gate.Doing{"", gate.Investigating, gate.Mitigating} {
		if h.words[t.ID][w] {
			return true
		}
	}
	return false
}

// matters tells whether a word says something new: of a task, of when it ran, or of how it stands.
func (h *heard) matters(t gate.Task) bool {
	if t.Status == gate.InProgress || ends[t.Status] != "" {
		return true
	}
	for w := range h.words[t.ID] {
		if !w.at.Before(t.Updated) {
			return false
		}
	}
	return true
}

// gone: when every attempt so far would have shown, the API had nothing.
func (h *heard) gone() bool {
	return !h.absent.IsZero() && !h.absent.Before(h.called.Add(lease+shownAfter))
}

// told orders how tasks stand by what tells most of a case that has several.
var tells = []gate.Status{
	gate.InProgress, gate.PendingStart, gate.PendingTriage, gate.Completed, gate.TimedOut, gate.Failed, gate.Cancelled, gate.Linked, gate.Skipped,
}

// ends is how a case ends whose work stands so; "" for work that is not over.
var ends = map[gate.Status]gate.How{
	gate.Completed: gate.EndCompleted, gate.Failed: gate.EndFailed, gate.TimedOut: gate.EndTimedOut,
	gate.Cancelled: gate.EndCancelled, gate.Linked: gate.EndLinked, gate.Skipped: gate.EndSkipped,
}

// outcomes are the ends of cases by the Agent's word.
var outcomes = func() map[gate.How]bool {
	all := map[gate.How]bool{}
	for _, how := range ends {
		all[how] = true
	}
	return all
}()

// inTime puts words into their order. Of one moment, what is over comes after what runs, and that after what waits.
func inTime(words map[word]bool) []word {
	life := func(s gate.Status) int {
		switch {
		case ends[s] != "":
			return 3
		case s == gate.InProgress:
			return 2
		case s == gate.PendingStart:
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Keys(words), func(a, b word) int {
		return cmp.Or(a.at.Compare(b.at), life(a.status)-life(b.status),
			slices.Index(tells, a.status)-slices.Index(tells, b.status), cmp.Compare(a.of, b.of))
	})
}

// stands is how the work of a case stands: each task as the last word on it says.
func (h *heard) stands() gate.Status {
	var best gate.Status
	for _, words := range h.words {
		last := own(words)
		if best == "" || slices.Index(tells, last) < slices.Index(tells, best) {
			best = last
		}
	}
	return best
}

// ran is how long the Agent has worked, as far as it has said so.
func (h *heard) ran(now time.Time) time.Duration {
	sum := time.Duration(0)
	for id, words := range h.words {
		one, _ := ran(telling(words), h.created[id], now)
		sum += one
	}
	return sum
}

// plans tells whether a plan is being made, as far as the Agent has said so.
func (h *heard) plans() bool {
	for id, words := range h.words {
		if _, plans := ran(telling(words), h.created[id], time.Time{}); plans {
			return true
		}
	}
	return false
}

// own is how a task stands without the plans that were asked of it. What does not say of what it speaks speaks of what the
// last word did that says so. When a plan was asked for, the investigation was completed, unless another end is known.
func own(words map[word]bool) gate.Status {
	var last gate.Status
	planned, list := false, inTime(words)
	for _, w := range list {
		if w.of == "" && words[word{w.at, w.status, gate.Mitigating}] {
			w.of = gate.Mitigating
		} else if w.of == "" {
			i := lastOf(list, func(b word) bool {
				return b.of != "" && !b.at.After(w.at) && (b.status == gate.InProgress || ends[b.status] != "")
			})
			if i >= 0 {
				w.of = list[i].of
			}
		}
		if planned = w.of == gate.Mitigating; !planned {
			last = w.status
		}
	}
	if planned && ends[last] == "" {
		return gate.Completed
	}
	return last
}

// telling are the words that tell when a task ran, in their order: each moment's word once, and none that it is over from
// the moment at which a plan was begun, nor from the time of one whose end is told. The API may say so all the while.
func telling(words map[word]bool) []word {
	all := slices.DeleteFunc(inTime(words), func(w word) bool {
		known := w.of == "" && (words[word{w.at, w.status, gate.Investigating}] || words[word{w.at, w.status, gate.Mitigating}])
		return known || w.status != gate.InProgress && ends[w.status] == ""
	})
	var list []word
	for i, w := range all {
		begun := func(b word) bool { return b.of == gate.Mitigating && b.status == gate.InProgress }
		if w.of == "" && ends[w.status] != "" {
			before := slices.ContainsFunc(all, func(b word) bool { return begun(b) && b.at.Equal(w.at) })
			says := func(b word) bool { return b.of != "" }
			if b, a := slices.IndexFunc(all[i+1:], says), lastOf(all[:i], says); b >= 0 && a >= 0 && begun(all[a]) {
				end := all[i+1+b]
				before = before || end.of == gate.Mitigating && ends[end.status] != ""
			}
			if before {
				continue
			}
		}
		list = append(list, w)
	}
	return list
}

// planned tells whether a plan was spoken of up to a moment.
func planned(words []word, at time.Time) bool {
	return slices.ContainsFunc(words, func(w word) bool { return w.of == gate.Mitigating && !w.at.After(at) })
}

func lastOf(list []word, is func(word) bool) int {
	for i := len(list) - 1; i >= 0; i-- {
		if is(list[i]) {
			return i
		}
	}
	return -1
}

// ran adds up each stretch from the first word that it runs to the first that it is over; a first end without a beginning
// counts from the task's creation, unless it is one of triage's or a plan's. It tells whether a plan is being made at the
// end, which counts for as long as anybody follows one.
func ran(words []word, created, now time.Time) (sum time.Duration, plans bool) {
	var since time.Time
	said := false
	for i := 0; i < len(words); i++ {
		w := words[i]
		over := ends[w.status] != ""
		if !over && w.status != gate.InProgress {
			continue
		}
		if !over && !since.IsZero() && since.Before(w.at) && i+2 < len(words) && words[i+1].at.Equal(w.at) && ends[words[i+1].status] != "" {
			sum, since = sum+w.at.Sub(since), w.at // one run ends and the next begins in the same moment
			plans = w.of == gate.Mitigating
			i++
			continue
		}
		plans = !over && (plans || w.of == gate.Mitigating)
		if over && since.IsZero() && !said && !planned(words, w.at) && w.status != gate.Linked && w.status != gate.Skipped {
			since = created
		}
		said = true
		switch {
		case over && !since.IsZero():
			sum += w.at.Sub(since)
			since = time.Time{}
		case !over && since.IsZero():
			since = w.at
		}
	}
	if !since.IsZero() && now.After(since) {
		run := now.Sub(since)
		if plans {
			run = min(run, longestRun)
		}
		sum += run
	}
	return sum, plans
}

func priceOf(d time.Duration, b gate.Budget) gate.Dollars {
	return b.Second * gate.Dollars(d.Milliseconds()) / 1000
}

// spoken tells whether a commit is what came of the Agent's word, of asking for one, or of its silence.
func spoken(k *kase, w gate.CaseWrite, c Commit) bool {
	if !k.rules.Followed || w.Now.State == gate.Starting {
		return false
	}
	a, b := w.Read.Work, w.Now.Work
	said := a.Asked != b.Asked || !a.Absent.Equal(b.Absent) || a.Missed != b.Missed || len(a.Tasks) != len(b.Tasks)
	doubts := k.state == gate.InDoubt && w.Now.State == gate.InDoubt && !w.Now.Resting
	return c.Follows || c.Tick && (k.state == gate.Started || doubts) || said
}

// learns judges what came of the Agent's word.
func (m *Model) learns(k *kase, w gate.CaseWrite, c Commit) {
	now, n := c.Change.At, w.Now
	acct := m.account(k.agent)
	t, told := m.tellings[c.Invocation][k.id]
	delete(m.tellings[c.Invocation], k.id)
	before, known := k.stands(), k.confirmed()
	for _, task := range t.Tasks {
		k.hears(task)
	}
	status := k.stands()
	how := ends[status]
	if t.Asked && k.state == gate.Started && how == "" && now.Sub(k.called) > longestRun+30*time.Second { // as long as asking takes
		m.broken("slots", "the Agent is asked for %s, which was called for at %s and should be given up", k.id, clock(k.called))
	}
	late := !told && !now.Before(k.called.Add(longestRun))
	switch {
	case t.Failed || !k.confirmed() && told:
		m.inVain(k, w, t, now)
		m.keeps(k, acct, c)
	case k.state == gate.Started && how == "" && late:
		k.state, k.how, k.until = gate.Ended, gate.EndAssumed, now
		if known {
			m.pays(k, acct, c)
		} else {
			m.lets(k, acct, c)
		}
	case !k.confirmed():
		m.broken("6", "the Agent has said nothing of %s, and it goes from %s to %s", k.id, k.state, n.State)
		return
	case k.state == gate.Ended:
		if how != "" && k.started() {
			k.how = how
		}
		if how != "" && !k.plans() {
			m.pays(k, acct, c)
		}
	case k.state == gate.Started && how != "":
		k.asks, k.absent, k.missed = 0, time.Time{}, false
		k.state, k.how, k.until = gate.Ended, how, now
		m.pays(k, acct, c)
	default:
		k.asks, k.absent = 0, time.Time{}
		if k.state != gate.Started || status != before || !known || t.Asked {
			k.until = m.looks(k, status, now)
		}
		_, holds := acct.running[k.id]
		lost := k.state != gate.Started
		if lost { // whoever asked for a start has one
			k.state, k.why, k.hand, k.resting = gate.Started, "", false, false
			m.up(k, acct, c)
		}
		if lost && !holds {
			m.takes(k, acct, c)
		} else {
			m.keeps(k, acct, c)
		}
	}
	m.worked(k, n)
	m.equal(k, n, false)
}

// inVain: the API was asked, and has no task of the case, or gave no answer.
func (m *Model) inVain(k *kase, w gate.CaseWrite, t Telling, now time.Time) {
	n := w.Now
	if k.state != gate.Started && k.state != gate.InDoubt || k.resting {
		m.broken("6", "the case %s is %s, and it is written down that the Agent has said nothing of it", k.id, k.state)
	}
	k.asks++
	k.until = now.Add(min(askEvery*time.Duration(k.asks), looksEvery))
	if !t.Failed {
		k.absent = now
		if k.state == gate.InDoubt && k.gone() {
			k.until, k.asks = now, 0
		}
	}
	// A doubt that the Agent certainly has nothing of is repeated. Of one that has begun to fire since it was read the next question tells.
	waited := k.state == gate.Started || len(k.firing) > 0 && w.Read.Firing > 0 && !k.gone()
	if waited && !k.confirmed() && !now.Before(k.called.Add(confirmWithin)) {
		k.missed = true
	}
	if n.Work.Missed != k.missed {
		m.broken("6", "nothing has confirmed the start of %s since %s (missed: %t), and the case says %t", k.id, clock(k.called), k.missed, n.Work.Missed)
	}
}

// looks is when it is looked at what runs.
func (m *Model) looks(k *kase, status gate.Status, now time.Time) time.Time {
	if ends[status] != "" {
		return now
	}
	if reckoned := k.called.Add(k.rules.Estimate); reckoned.Sub(now) > askEvery {
		return reckoned
	}
	return now.Add(looksEvery)
}

// worked compares what the ledger has kept of the Agent's word with what there was of it.
func (m *Model) worked(k *kase, n gate.Case) {
	for _, t := range n.Work.Tasks {
		if k.words[t.ID] == nil {
			m.broken("6", "the case %s has the task %s, of which the Agent has said nothing", k.id, t.ID)
		}
	}
	if len(n.Work.Tasks) != len(k.words) || n.Work.Asked != k.asks || !n.Work.Absent.Equal(k.absent) || n.Work.Booked != k.booked ||
		n.Work.Month != k.month || n.Work.Missed != k.missed {
		m.broken("6", "the case %s has %d tasks, was asked for %d times in vain, last absent %s, missed %t, booked %s in %q, and should have %d, %d, %s, %t, %s in %q", k.id,
			len(n.Work.Tasks), n.Work.Asked, clock(n.Work.Absent), n.Work.Missed, n.Work.Booked, n.Work.Month,
			len(k.words), k.asks, clock(k.absent), k.missed, k.booked, k.month)
	}
}

// pays: what the Agent has worked is booked in place of what was reckoned, and the slot is free.
func (m *Model) pays(k *kase, acct *account, c Commit) {
	held, there := acct.running[k.id]
	if k.month == "" {
		k.month = cmp.Or(held.Month, month(k.start))
	}
	price := priceOf(k.ran(c.Change.At), k.rules.Budget)
	more := price - k.booked
	var w gate.AccountWrite
	if c.Change.Account != nil {
		w = *c.Change.Account
	}
	if w.Spend[k.month] != more || len(w.Spend) > 1 {
		m.broken("money", "the Agent has worked %s for %s, which costs %s; %s of it are booked, and now %v in %s", k.ran(c.Change.At), k.id, price, k.booked, w.Spend, k.month)
	}
	if there && !slices.Contains(w.Drop, k.id) {
		m.broken("slots", "the investigation of %s is over, and keeps its slot", k.id)
	}
	back := time.Duration(0)
	if w.Back != nil {
		back = w.Back.Pace
	}
	// What has moved the refill was reckoned at the start, once or twice; a longer run has not.
	paid := k.rules.Budget.Case
	if held.Pace > pace(k.rules.Budget) {
		paid *= 2
	}
	paid = min(paid, held.Money)
	want := time.Duration(0)
	if there && paid > price {
		want = time.Duration(float64(held.Pace) * float64(paid-price) / float64(paid))
	}
	if there && (back-want).Abs() > 2*time.Millisecond {
		m.broken("7", "%s was reckoned to cost %s and cost %s, and the refill of %s gets back %s of it, not %s", k.id, held.Money, price, held.Pace, back, want)
	}
	acct.paced, acct.freed = acct.paced.Add(-back), c.Change.At
	acct.spent[k.month] += more
	k.booked = price
	delete(acct.running, k.id)
}

// lets: a start that is given up, and of which nothing was heard, is booked as reckoned, unless the Agent has it not.
func (m *Model) lets(k *kase, acct *account, c Commit) {
	acct.freed = c.Change.At
	if k.gone() {
		m.gives(k, acct, c)
		return
	}
	m.bookedAs(k, acct)
	m.books(k, acct, c)
}

// bookedAs notes with the case what is booked of its reservation, so that the true price takes its place.
func (m *Model) bookedAs(k *kase, acct *account) {
	if res := acct.running[k.id]; res.Money > 0 && k.rules.Followed {
		k.booked += res.Money
		k.month = res.Month
	}
}

// keeps: what runs keeps its slot until it is looked at again, and what it costs by then.
func (m *Model) keeps(k *kase, acct *account, c Commit) {
	held, there := acct.running[k.id]
	put, puts := gate.Reservation{}, false
	if c.Change.Account != nil {
		put, puts = c.Change.Account.Put[k.id]
	}
	until := k.until.Add(time.Minute)
	if there && k.confirmed() && ends[k.stands()] == "" && until.After(held.Until) {
		held.Until, held.Attempt = until, k.attempt
		if k.rules.Budget.Month > 0 {
			held.Money = max(held.Money, priceOf(k.ran(until), k.rules.Budget)-k.booked)
		}
		if !puts || put != held {
			m.broken("slots", "%s runs until %s at least, and holds %+v (%t), not %+v", k.id, clock(k.until), put, puts, held)
		}
	} else if puts {
		m.broken("slots", "%s does not run longer than it has a slot for, and gets %+v", k.id, put)
	}
	if puts {
		acct.running[k.id] = put
	}
}

// takes: what runs although its start was taken for lost gets a slot and its money as if it were started now. Of what was
// booked for it already nothing is reserved.
func (m *Model) takes(k *kase, acct *account, c Commit) {
	now := c.Change.At
	res := acct.holds(k.id, critical(k.rank), k.rules, now)
	if k.booked > 0 {
		res = gate.Reservation{Until: res.Until, Critical: res.Critical, Month: k.month}
	}
	if until := k.until.Add(time.Minute); ends[k.stands()] == "" && until.After(res.Until) {
		if res.Until = until; k.rules.Budget.Month > 0 {
			res.Money = max(res.Money, priceOf(k.ran(until), k.rules.Budget)-k.booked)
		}
	}
	res.Attempt = k.attempt
	var w gate.AccountWrite
	if c.Change.Account != nil {
		w = *c.Change.Account
	}
	if put, there := w.Put[k.id]; !there || put != res {
		m.broken("money", "the Agent has %s after all, which reserves %+v (%t), and should reserve %+v", k.id, put, there, res)
	}
	acct.reserve(k.id, res, now)
	if !w.Paced.IsZero() && !w.Paced.Equal(acct.paced) {
		m.broken("7", "the budget of %s is paced until %s, and should be until %s", acct.name, clock(w.Paced), clock(acct.paced))
	}
	acct.forgets(k.id, w, now)
}

// up: an Agent that has made a task after the rest that its account has it in was up since, and one that has not may be
// down yet.
func (m *Model) up(k *kase, acct *account, c Commit) {
	since := false
	for _, created := range k.created {
		since = since || !acct.downTill.IsZero() && created.After(acct.downTill)
	}
	w := c.Change.Account
	if cleared := w != nil && w.Down != nil && *w.Down == (gate.Down{}); cleared != since && (c.Alone || cleared) {
		m.broken("12", "the Agent %s rests until %s, has made a task since (%t), and counts as up again: %t", acct.name, clock(acct.downTill), since, cleared)
	}
}

// Followed judges an invocation that came to its end in time, that no fault has met, and that nobody was beside: what it was
// told of a case is known of the case, and so is the event that it was to take in, if there was one.
func (m *Model) Followed(invocation int, event gate.Task, at time.Time) {
	m.now = at
	if k := m.cases[event.Case]; k != nil && k.attempt > 0 && !k.knows(event) && k.matters(event) {
		m.broken("6", "an event says that the task of %s is %s since %s, and nobody writes it down", k.id, event.Status, clock(event.Updated))
	}
	for _, id := range slices.Sorted(maps.Keys(m.tellings[invocation])) {
		k, t := m.cases[id], m.tellings[invocation][id]
		if k == nil || k.attempt == 0 || t.Failed {
			continue
		}
		for _, task := range t.Tasks {
			if !k.knows(task) && k.matters(task) {
				m.broken("6", "the Agent says that the task of %s is %s since %s, and nobody writes it down", id, task.Status, clock(task.Updated))
			}
		}
	}
	delete(m.tellings, invocation)
}

// Task is one of the Agent's tasks as it knows it itself, with all that it has become.
type Task struct {
	ID, Case string
	Ran      time.Duration // which is billed
	Became   []gate.Task
}

// billed compares what was booked for the cases with what the Agents bill.
func (m *Model) billed(list []Task) {
	type bill struct {
		ran   time.Duration
		whole bool // all of it was said
	}
	bills := map[string]*bill{}
	for _, t := range list {
		k := m.cases[t.Case]
		if k == nil {
			continue
		}
		if bills[k.id] == nil {
			bills[k.id] = &bill{whole: true}
		}
		b := bills[k.id]
		b.ran += t.Ran
		for _, w := range t.Became {
			if (w.Status == gate.InProgress || ends[w.Status] != "") && !k.knows(w) {
				b.whole = false
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(bills)) {
		k, b := m.cases[id], bills[id]
		if !b.whole {
			m.Unheard++
			continue
		}
		m.Heard++
		if want := priceOf(b.ran, k.rules.Budget); k.booked != want {
			m.broken("money", "the Agent bills %s for %s, which is %s, and %s are booked", b.ran, id, want, k.booked)
		}
		if how := ends[k.stands()]; k.started() && k.how != how {
			m.broken("6", "the Agent says that the investigation of %s is %s, and the case ended as %s", id, how, k.how)
		}
	}
	for _, k := range m.order {
		if b := bills[k.id]; b == nil && k.confirmed() {
			m.broken("6", "the case %s is confirmed, and the Agent has no task of it", k.id)
		}
	}
}

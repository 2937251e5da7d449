package dynamoledger

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
	"github.com/alertbridge/alertbridge/shared/match"
)

var update = flag.Bool("update", false, "write the computed numbers into docs/table.md")

const page = "docs/table.md"

// The page shows sizes and costs as this test computes them, by DynamoDB's published rules, from the items that the
// ledger writes. With -update they are written there.
func TestTablePage(t *testing.T) {
	text := docstest.Read(t, page)
	got := text
	for _, table := range []struct{ name, rows string }{
		{"sizes", sizes(t)}, {"costs", costs(t)}, {"extremes", extremes(t)},
	} {
		got = replace(t, got, table.name, table.rows)
		if got != text && !*update {
			t.Errorf("%s shows another table of %s than this; run this test with -update:\n%s", page, table.name, table.rows)
			got = text
		}
	}
	if got != text {
		if err := os.WriteFile(filepath.Join(docstest.Root(t), page), []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// replace puts rows in the place of the table that the page announces by this name; it ends with an empty line.
func replace(t *testing.T, text, name, rows string) string {
	t.Helper()
	head, rest, ok := strings.Cut(text, "<!-- table: "+name+" -->\n\n")
	if !ok {
		t.Fatalf("%s announces no table %q", page, name)
	}
	_, tail, _ := strings.Cut(rest, "\n\n")
	return head + "<!-- table: " + name + " -->\n\n" + rows + "\n" + tail
}

// The page tells how many cases one question after what is due can name.
func TestTablePageTellsMaxDue(t *testing.T) {
	if want := fmt.Sprintf("; at most %d each |", ledger.MaxDue); !strings.Contains(docstest.Read(t, page), want) {
		t.Errorf("%s lacks %q", page, want)
	}
}

// Every attribute that is written is explained on the page, and nothing else is.
func TestTablePageExplainsEveryAttribute(t *testing.T) {
	explained := map[string]bool{}
	for _, row := range docstest.Table(t, page, "attributes") {
		for name := range strings.SplitSeq(row["attribute"], ", ") {
			explained[name] = false
		}
	}
	var look func(it item)
	look = func(it item) {
		for name, v := range it {
			switch v := v.(type) {
			case *types.AttributeValueMemberM:
				look(v.Value)
			case *types.AttributeValueMemberL:
				for _, e := range v.Value {
					if m, ok := e.(*types.AttributeValueMemberM); ok {
						look(m.Value)
					}
				}
			}
			for mark, whole := range map[string]string{
				reservationMark: reservationMark + "CASE", spentMark: spentMark + "MONTH", criticalMark: criticalMark + "DAY",
				momentMark: momentMark + "MOMENT",
			} {
				if strings.HasPrefix(name, mark) {
					name = whole
				}
			}
			if len(name) == len(memberName("")) && name == strings.Trim(name, "ghijklmnopqrstuvwxyz_") {
				continue // a member's hash
			}
			if _, there := explained[name]; !there {
				t.Errorf("%s does not explain attribute %q of %s", page, name, keyOf(it))
			}
			explained[name] = true
		}
	}
	largest := ledgertest.Largest(noon, 0)
	largest.Hand = &gate.HandWrite{Now: ledgertest.LargestHand(noon)}
	c := &largest.Cases[0].Now
	c.How, c.NoRepeat, c.Resting = gate.EndAssumed, true, true
	largest.Told.Now.Over = true
	for _, it := range items(t, largest) {
		look(it)
	}
	look(mustEncodeDropped(t, gate.LeadWrite{Case: c.ID, Alert: *largest.Cases[0].Lead}))
	for name, written := range explained {
		if !written {
			t.Errorf("%s explains attribute %q, which is never written", page, name)
		}
	}
}

// bounds are what no item exceeds, in bytes. DynamoDB takes 409,600.
var bounds = map[string]int{
	"delivery": 75_000, "incident": 4_000, "grouping key": 500, "case": 100_000, "lead": 300_000, "account": 12_000,
	"monitor group": 1_000, "environment": 1_500, "post": 20_000, "by hand": 330_000,
}

func sizes(t *testing.T) string {
	most := ledgertest.Largest(noon, 0)
	most.Hand = &gate.HandWrite{Now: ledgertest.LargestHand(noon)}
	typical, largest := items(t, typicalChange(t)), items(t, most)
	var b strings.Builder
	b.WriteString("| item | typical | largest | bound |\n|---|---:|---:|---:|\n")
	for _, kind := range []string{
		"delivery", "incident", "grouping key", "case", "lead", "account", "monitor group", "environment", "post",
		"by hand",
	} {
		most := itemSize(largest[kind])
		if most > bounds[kind] || bounds[kind] > 409_600 {
			t.Errorf("a %s can have %d bytes, more than its bound of %d", kind, most, bounds[kind])
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", kind, thousands(itemSize(typical[kind])), thousands(most), thousands(bounds[kind]))
	}
	return b.String()
}

// items encodes one item of each kind in a change, the account as it is after the change.
func items(t *testing.T, c gate.Change) map[string]item {
	t.Helper()
	w := c.Cases[0]
	lead, err := encodeLead(w.Now.ID, *w.Lead, c.At)
	if err != nil {
		t.Fatal(err)
	}
	a := gate.Account{Agent: c.Account.Agent, Version: 999_999, Running: c.Account.Put, Money: gate.Money{
		Spent: c.Account.Spend, Paced: c.Account.Paced, Budget: c.Account.Budget, Critical: c.Account.Critical,
	}, Orgs: []string{c.Account.Org}}
	for i := 1; i < gate.MaxOrgs && len(a.Running) == gate.MaxRunning; i++ {
		a.Orgs = append(a.Orgs, fmt.Sprintf("%02d", i)+c.Account.Org[2:])
	}
	hand := gate.Hand{Mode: gate.ModeOrder{Mode: gate.ModeObserve, Order: gate.Order{By: "aiko", At: noon}}, Version: 1}
	if c.Hand != nil {
		hand = c.Hand.Now
	}
	if c.Account.Shut != nil {
		a.Shut = *c.Account.Shut
	}
	if c.Account.Down != nil {
		a.Down = *c.Account.Down
	}
	if c.Account.Hand != nil {
		a.Hand = *c.Account.Hand
	}
	return map[string]item{
		"delivery": encodeDelivery(*c.Delivery, c.At), "incident": encodeIncident(c.Incident.Now, c.At),
		"grouping key": encodePointer(c.Pointers[0], c.At), "case": encodeCase(w.Now, c.At), "lead": lead,
		"account": wholeAccount(a), "monitor group": encodeGroup(c.Group.Now, c.At), "environment": encodeSurge(c.Surge.Now, c.At),
		"post": encodePost(c.Told.Now, c.At), "by hand": encodeHand(hand),
	}
}

func mustEncodeDropped(t *testing.T, w gate.LeadWrite) item {
	t.Helper()
	it, err := encodeDropped(w, noon)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// wholeAccount is an account's item as its updates leave it.
func wholeAccount(a gate.Account) item {
	it := newItem(accountKey(a.Agent), time.Time{})
	it.number(attrVersion, a.Version)
	for _, list := range [][]attribute{shutAttributes(a.Shut), downAttributes(a.Down), handAttributes(a.Hand)} {
		for _, at := range list {
			if at.value != nil {
				it[at.name] = at.value
			}
		}
	}
	for id, r := range a.Running {
		it[reservationMark+id] = encodeReservation(r)
	}
	it.moment(attrPaced, a.Money.Paced)
	it.number(attrBudget, int(a.Money.Budget))
	for month, d := range a.Money.Spent {
		it[spentMark+month] = number(int64(d))
	}
	for day, n := range a.Money.Critical {
		it[criticalMark+day] = number(int64(n))
	}
	if len(a.Orgs) > 0 {
		it[attrOrgs] = &types.AttributeValueMemberSS{Value: a.Orgs}
	}
	return it
}

// itemSize is an item's size in bytes by the rules on "DynamoDB item sizes and formats".
func itemSize(it item) int {
	n := 0
	for name, v := range it {
		n += len(name) + valueSize(v)
	}
	return n
}

func valueSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		digits := strings.TrimLeft(v.Value, "-")
		n := (len(strings.TrimRight(digits, "0"))+1)/2 + 1
		if digits != v.Value {
			n++
		}
		return n
	case *types.AttributeValueMemberBOOL:
		return 1
	case *types.AttributeValueMemberL:
		n := 3
		for _, e := range v.Value {
			n += 1 + valueSize(e)
		}
		return n
	case *types.AttributeValueMemberSS: // the rules do not speak of sets; taken like a list, it is not too little
		n := 3
		for _, e := range v.Value {
			n += 1 + len(e)
		}
		return n
	case *types.AttributeValueMemberM:
		n := 3
		for name, e := range v.Value {
			n += 1 + len(name) + valueSize(e)
		}
		return n
	}
	panic(fmt.Sprintf("no rule for %T", v))
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// meter is a ledger in memory that counts what the table would charge: read and write request units.
type meter struct {
	*memledger.Ledger
	stored map[key]item
	trips  int
	reads  float64
	writes float64
}

func newMeter() *meter { return &meter{Ledger: memledger.New(), stored: map[key]item{}} }

func (m *meter) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	v, err := m.Ledger.Look(ctx, q, now)
	m.read(question(q))
	named := []string{v.Incident.Case, v.Surge.Case}
	for _, id := range v.Pointers {
		named = append(named, id)
	}
	m.read(caseKeys(named, q.Leads))
	return v, err
}

func (m *meter) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	v, err := m.Ledger.LookCase(ctx, id, agent, now)
	m.read(append(caseKeys([]string{id}, true), accountKey(agent), handKey()))
	if id == "" {
		m.read(caseKeys(slices.Collect(maps.Keys(v.Account.Running)), false))
	}
	return v, err
}

func (m *meter) Due(ctx context.Context, agent string, now time.Time) ([]string, error) {
	m.trips += 2
	m.reads += 2 * 0.5 // for up to 4 KB of keys, read as they may lag behind
	return m.Ledger.Due(ctx, agent, now)
}

func (m *meter) Posts(ctx context.Context, agent string, now time.Time) ([]string, error) {
	m.trips++
	m.reads += 0.5
	return m.Ledger.Posts(ctx, agent, now)
}

func (m *meter) Post(ctx context.Context, id string, now time.Time) (gate.Post, error) {
	m.read([]key{postKey(id)})
	return m.Ledger.Post(ctx, id, now)
}

// read charges a consistent BatchGetItem: each item by itself, one that is not there like a small one.
func (m *meter) read(keys []key) {
	slices.SortFunc(keys, func(a, b key) int { return strings.Compare(a.String(), b.String()) })
	keys = slices.Compact(keys)
	if len(keys) == 0 {
		return
	}
	m.trips++
	for _, k := range keys {
		m.reads += math.Max(1, math.Ceil(float64(itemSize(m.stored[k]))/4096))
	}
}

// Commit charges a transaction: twice the larger of the item before and after, and once what changes in the index.
func (m *meter) Commit(ctx context.Context, c gate.Change) error {
	if err := m.Ledger.Commit(ctx, c); err != nil {
		return err
	}
	m.trips++
	if c.Delivery != nil {
		m.write(encodeDelivery(*c.Delivery, c.At))
	}
	if c.Incident != nil {
		m.write(encodeIncident(c.Incident.Now, c.At))
	}
	for _, w := range c.Pointers {
		m.write(encodePointer(w, c.At))
	}
	for _, w := range c.Cases {
		v, err := m.Ledger.LookCase(ctx, w.Now.ID, w.Now.Agent, c.At)
		if err != nil {
			return err
		}
		m.write(encodeCase(v.Cases[w.Now.ID], c.At))
		if w.Lead != nil {
			lead, err := encodeLead(w.Now.ID, *w.Lead, c.At)
			if err != nil {
				return err
			}
			m.write(lead)
		}
	}
	if c.Account != nil {
		v, err := m.Ledger.LookCase(ctx, "", c.Account.Agent, c.At)
		if err != nil {
			return err
		}
		m.write(wholeAccount(v.Account))
	}
	if c.Group != nil {
		m.write(encodeGroup(c.Group.Now, c.At))
	}
	if c.Surge != nil {
		m.write(encodeSurge(c.Surge.Now, c.At))
	}
	if c.Hand != nil {
		m.write(encodeHand(c.Hand.Now))
	}
	for _, w := range c.Posts {
		p, err := m.Ledger.Post(ctx, w.ID, c.At)
		if err != nil {
			return err
		}
		m.write(encodePost(p, c.At))
	}
	if c.Told != nil {
		m.write(encodePost(c.Told.Now, c.At))
	}
	if c.Lead != nil {
		it, err := encodeDropped(*c.Lead, c.At)
		if err != nil {
			return err
		}
		m.write(it)
	}
	return nil
}

func (m *meter) write(it item) {
	k := keyOf(it)
	old := m.stored[k]
	m.writes += 2 * math.Max(1, math.Ceil(float64(max(itemSize(it), itemSize(old)))/1024))
	was, is := indexed(old), indexed(it)
	switch {
	case was == is:
	case was == "", is == "":
		m.writes++
	default:
		m.writes += 2
	}
	m.stored[k] = it
}

func indexed(it item) string {
	r := reader{attrs: it}
	return r.text(attrBucket) + r.text(attrOrder)
}

// costs lets alerts and ticks run their way, uncontended, and shows what each has cost.
// firstDropped is the one row in which the account does not know the organisation yet.
const firstDropped = "a test notification, the first alert of its organisation that is dropped"

func costs(t *testing.T) string {
	const agentName = "default"
	ctx := t.Context()
	policy := typicalRules()
	grouped := policy
	grouped.Keys = []gate.Key{{Name: "service:checkout-api", For: grouped.Window}}
	told := policy
	told.Tells = true
	held := grouped
	held.Hold = 2 * time.Minute
	var b strings.Builder
	b.WriteString("| what happens | round trips | read units | write units |\n|---|---:|---:|---:|\n")

	org := typicalAlert("1", "c.1", alert.Triggered, 0).Incident.Org
	row := func(what string, prepare, act func(m *meter)) {
		t.Helper()
		m := newMeter()
		if what != firstDropped { // in all others the organisation is known
			if err := m.Commit(ctx, gate.Change{At: noon, Account: &gate.AccountWrite{Agent: agentName, Org: org}}); err != nil {
				t.Fatal(err)
			}
		}
		if prepare != nil {
			prepare(m)
		}
		m.trips, m.reads, m.writes = 0, 0, 0
		act(m)
		fmt.Fprintf(&b, "| %s | %d | %v | %v |\n", what, m.trips, m.reads, m.writes)
	}
	arrives := func(al alert.Alert, p gate.Rules, want gate.Reason) func(*meter) {
		return func(m *meter) {
			t.Helper()
			now := al.Time.Add(2 * time.Second)
			q := ledger.Question{Delivery: al.Delivery, Incident: al.Incident, Agent: agentName, Leads: true, Pointers: p.Pointers(), Group: p.Group, Surge: p.Surge}
			v, err := m.Look(ctx, q, now)
			if err != nil {
				t.Fatal(err)
			}
			dec := gate.Arrive(v, gate.Arrival{Alert: al, TraceID: strings.Repeat("f", 32), Trace: typicalTrace}, p, now)
			if dec.Reason != want {
				t.Fatalf("the reason is %q, want %q", dec.Reason, want)
			}
			if !dec.Change.Empty() {
				if err := m.Commit(ctx, dec.Change); err != nil {
					t.Fatal(err)
				}
			}
			if dec.Start != nil {
				settles(t, m, *dec.Start, p, now.Add(time.Second))
			}
		}
	}
	ticks := func(p gate.Rules, at time.Time, want gate.Did) func(*meter) {
		return func(m *meter) {
			t.Helper()
			v, err := m.LookCase(ctx, "", agentName, at)
			if err != nil {
				t.Fatal(err)
			}
			if mended := gate.Repair(v, at); len(mended) > 0 {
				t.Fatalf("the tick mends the account first: %+v", mended)
			}
			ids, err := m.Due(ctx, agentName, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				v, err := m.LookCase(ctx, id, agentName, at)
				if err != nil {
					t.Fatal(err)
				}
				dec := gate.Due(v, id, p, at)
				if dec.Did != want {
					t.Fatalf("the tick %q, want %q", dec.Did, want)
				}
				if err := m.Commit(ctx, dec.Change); err != nil {
					t.Fatal(err)
				}
				if dec.Start != nil {
					settles(t, m, *dec.Start, p, at.Add(time.Second))
				}
			}
		}
	}
	both := func(a, b func(*meter)) func(*meter) { return func(m *meter) { a(m); b(m) } }

	first := typicalAlert("1", "c.1", alert.Triggered, 0)
	again := typicalAlert("2", "c.1", alert.Renotify, time.Minute)
	other := typicalAlert("3", "c.2", alert.Triggered, time.Minute)
	over := typicalAlert("4", "c.1", alert.Recovered, time.Minute)
	test := typicalAlert("5", "t.5", alert.Triggered, 0)
	test.Test = true
	started := arrives(first, policy, gate.NewIncident)
	waiting := arrives(first, held, gate.Holding)

	row("a first alert opens a case and starts it (read, commit, settle)", nil, started)
	row("the same with one grouping key", nil, arrives(first, grouped, gate.NewIncident))
	row("a first alert opens a case that waits, one grouping key", nil, waiting)
	row("a first alert opens a case and starts it, and somebody is to be told", nil, arrives(first, told, gate.NewIncident))
	row("the same delivery again", started, arrives(first, policy, gate.Duplicate))
	row("a renotification, its case started", started, arrives(again, policy, gate.Renotifying))
	row("a renotification, its case waiting", arrives(first, held, gate.Holding), arrives(again, held, gate.Renotifying))
	row("another incident joins the case that waits, by a grouping key", waiting, arrives(other, held, gate.Covered))
	row("a recovery, its case started", started, arrives(over, policy, gate.IsRecovery))
	row("a recovery that ends a case that waits", waiting, arrives(over, held, gate.IsRecovery))
	row("a test notification", nil, arrives(test, policy, gate.IsTest))
	row(firstDropped, nil, arrives(test, policy, gate.IsTest))
	row("a tick that finds nothing", nil, ticks(policy, noon, gate.Nothing))
	row("a tick that starts a case (find, read, commit, settle)", waiting, ticks(held, noon.Add(3*time.Minute), gate.Starts))
	row("a tick that ends a started case", started, ticks(policy, noon.Add(time.Hour), gate.Ends))
	row("a tick that ends a started case, and somebody is to be told", arrives(first, told, gate.NewIncident), ticks(told, noon.Add(time.Hour), gate.Ends))
	row("what has happened is told (find, read the post and the case, claim, settle)", arrives(first, told, gate.NewIncident), func(m *meter) {
		t.Helper()
		ids, err := m.Posts(ctx, agentName, noon.Add(time.Minute))
		if err != nil || len(ids) != 1 {
			t.Fatalf("to be told is %v, %v", ids, err)
		}
		p, err := m.Post(ctx, ids[0], noon.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.LookCase(ctx, p.ID, agentName, noon.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		claimed := p
		claimed.Version, claimed.Until = p.Version+1, noon.Add(2*time.Minute)
		if err := m.Commit(ctx, gate.Change{At: noon.Add(time.Minute), Told: &gate.ToldWrite{Read: p.Version, Now: claimed}}); err != nil {
			t.Fatal(err)
		}
		p = claimed
		now := typicalPost(p.ID, p.Agent)
		now.Happened, now.Told, now.Version = p.Happened, now.Told[:2], p.Version+1
		if err := m.Commit(ctx, gate.Change{At: noon.Add(time.Minute), Told: &gate.ToldWrite{Read: p.Version, Now: now}}); err != nil {
			t.Fatal(err)
		}
	})
	row("ten incidents have joined, and the tick starts the case", both(waiting, func(m *meter) {
		for i := range gate.MaxMembers {
			arrives(typicalAlert(fmt.Sprint(10+i), fmt.Sprint("c.", 10+i), alert.Triggered, time.Minute), held, gate.Covered)(m)
		}
	}), ticks(held, noon.Add(3*time.Minute), gate.Starts))
	return b.String()
}

func settles(t *testing.T, m *meter, cl gate.Claim, p gate.Rules, now time.Time) {
	t.Helper()
	dec := gate.Settle(cl.Case, cl, delivery.Answer{Reason: delivery.Received}, now)
	if err := m.Commit(t.Context(), dec.Change); err != nil {
		t.Fatal(err)
	}
}

// extremes are the largest single Look and Commit that there can be.
func extremes(t *testing.T) string {
	m := newMeter()
	first := ledgertest.Largest(noon, 0)
	if err := m.Commit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	writes, actions := m.writes, 0
	l := New(nil, "ledger", Options{})
	if tx, err := l.transaction(first, nil); err != nil {
		t.Fatal(err)
	} else {
		actions = len(tx.actions)
	}
	total := 0
	for _, it := range m.stored {
		total += itemSize(it)
	}
	if actions > 100 || total > 4_000_000 {
		t.Errorf("a transaction of %d actions and %d bytes is more than DynamoDB takes", actions, total)
	}
	q := ledger.Question{
		Delivery: first.Delivery.ID, Incident: first.Incident.Now.Key, Agent: first.Account.Agent, Group: first.Group.Now.Name, Leads: true,
	}
	hand := ledgertest.LargestHand(noon)
	hand.Version = 1
	if err := m.Commit(t.Context(), gate.Change{At: noon, Hand: &gate.HandWrite{Now: hand}}); err != nil {
		t.Fatal(err)
	}
	for i := range 1 + gate.MaxKeys {
		c := ledgertest.Largest(noon, i+1)
		if i < gate.MaxKeys {
			q.Pointers = append(q.Pointers, c.Pointers[0].Key)
		} else {
			q.Surge = c.Surge.Now.Name
		}
		if err := m.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	m.trips, m.reads = 0, 0
	if _, err := m.Look(t.Context(), q, noon); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("| largest | units | |\n|---|---:|---|\n"+
		"| commit | %v write | %d items, %s bytes, of which the alert that opens the case is %s |\n"+
		"| look | %v read | in %d round trips: %d cases with the alerts that opened them |\n",
		writes, actions, thousands(total), thousands(itemSize(m.stored[leadKey(first.Cases[0].Now.ID)])),
		m.reads, m.trips, 2+gate.MaxKeys)
}

// typicalTrace is a carrier as the tracer writes it.
const typicalTrace = `{"x-datadog-trace-id":"1234567890123456789","x-datadog-parent-id":"1234567890123456789",` +
	`"x-datadog-sampling-priority":"1","x-datadog-tags":"_dd.p.dm=-1,_dd.p.tid=66f0000000000000",` +
	`"traceparent":"00-66f0000000000000112210f47de98115-112210f47de98115-01","tracestate":"dd=s:1;t.dm:-1"}`

// typicalAlert is an alert of a usual size, in a usual mixture of Japanese and English.
func typicalAlert(delivery, key string, tr alert.Transition, after time.Duration) alert.Alert {
	a := alert.Alert{
		Delivery: "1234567-770000000000000000" + delivery, Source: "datadog", Shape: "alertbridge.v1", OrgID: "1234567",
		OrgName: "Example Inc.", EventID: "770000000000000000" + delivery,
		Aggregation: "06ade3da0286048d242ea8e46f521c93",
		Incident:    alert.Incident{Org: "1234567", Monitor: "123456789", Key: key, Cycle: true},
		Monitor: alert.Monitor{
			ID: "123456789", Name: "[checkout] エラー率が高い / error rate is high", Type: "query_alert_monitor",
			Query:  "sum(last_5m):sum:trace.http.request.errors{service:checkout-api,env:prod} by {pod_name}.as_count() > 50",
			Metric: "trace.http.request.errors",
		},
		Transition: tr, RawTransition: string(tr), Severity: alert.High, Priority: "P2", AlertType: "error",
		Time: noon.Add(after), Title: "エラー率が高い on pod_name:checkout-api-7d9c5b6f4-x2x7k",
		Text:  strings.Repeat("checkout-api のエラー率がしきい値を超えました。 runbook: https://wiki.example.com/runbooks/checkout\n", 6),
		Value: "73.0", Threshold: "50.0", Hostname: "ip-10-0-12-34.ap-northeast-1.compute.internal",
		Snapshot: "https://p.datadoghq.com/snapshot/view/dd-snapshots-prod/org_1234567/2026-03-01/0123456789abcdef.png",
		Scope:    []string{"env:prod", "pod_name:checkout-api-7d9c5b6f4-x2x7k", "service:checkout-api"},
		Links: []alert.Link{
			{Name: "monitor", URL: "https://app.datadoghq.com/monitors/123456789?group=pod_name%3Acheckout-api-7d9c5b6f4-x2x7k"},
			{Name: "logs", URL: "https://app.datadoghq.com/logs?query=service%3Acheckout-api", From: noon, To: noon.Add(15 * time.Minute)},
		},
		Refs: []alert.Ref{{Name: "trace_id", Value: "66f0000000000000112210f47de98115"}},
	}
	a.Tags = []string{
		"env:prod", "service:checkout-api", "version:2026.2.28-1", "team:checkout", "kube_cluster_name:prod-apne1",
		"kube_namespace:checkout", "kube_deployment:checkout-api", "aws_account:123456789012", "region:ap-northeast-1",
		"availability-zone:ap-northeast-1a", "instance-type:m7g.large", "monitor", "pod_name:checkout-api-7d9c5b6f4-x2x7k",
	}
	return a
}

// typicalRules are as the shipped policy has them, but for what a row says of keys and holds.
func typicalRules() gate.Rules {
	r := gate.DefaultRules()
	r.Group, r.Flap = "1234567/123456789/env:prod,pod_name:checkout-api-7d9c5b6f4-x2x7k", gate.Flap{Cycles: 4, Within: time.Hour, Quiet: time.Hour}
	r.Surge, r.Storm = "1234567/prod", gate.Storm{Cases: 5, Within: 5 * time.Minute, Join: 5 * time.Minute}
	r.Slots, r.CriticalSlots = 3, 1
	r.Budget = gate.Budget{Month: 300_000_000, Case: 3_984_000, Bucket: 5, CriticalPerDay: 20}
	return r
}

// typicalChange writes one record of each kind in its usual size.
func typicalChange(t *testing.T) gate.Change {
	t.Helper()
	al := typicalAlert("1", "c.1", alert.Triggered, 0)
	p := typicalRules()
	p.Keys = []gate.Key{{Name: "service:checkout-api", For: p.Window}}
	v := gate.View{Account: gate.Account{Agent: p.Agent}}
	c := gate.Arrive(v, gate.Arrival{Alert: al, TraceID: strings.Repeat("f", 32), Trace: typicalTrace}, p, noon).Change
	c.Account.Put["ab-aaaaaaaaaaaaaaaa"] = gate.Reservation{Attempt: 1, Until: noon, Money: p.Budget.Case, Month: "2026-03", Pace: 9 * time.Hour}
	c.Account.Put["ab-bbbbbbbbbbbbbbbb"] = c.Account.Put["ab-aaaaaaaaaaaaaaaa"]
	c.Account.Spend = map[string]gate.Dollars{"2026-02": 250_000_000, "2026-03": 12_345_678}
	c.Account.Org = al.Incident.Org
	c.Group = &gate.GroupWrite{Now: gate.Group{Name: p.Group, Cycles: []time.Time{noon}, Version: 1}}
	c.Surge = &gate.SurgeWrite{Now: gate.Surge{Name: p.Surge, Opened: []time.Time{noon, noon}, Version: 2}}
	c.Told = &gate.ToldWrite{Now: typicalPost(c.Cases[0].Now.ID, p.Agent)}
	service, err := match.New("service", match.Is, "checkout-api")
	if err != nil {
		t.Fatal(err)
	}
	env, err := match.New("env", match.Matches, "staging|dev")
	if err != nil {
		t.Fatal(err)
	}
	order := gate.Order{By: "arn:aws:sts::123456789012:assumed-role/oncall/aiko", Reason: "deploy of the new checkout", At: noon, Until: noon.Add(time.Hour)}
	c.Hand = &gate.HandWrite{Now: gate.Hand{Version: 17, Silences: []gate.Silence{
		{ID: "s-7k2m4q", Matchers: []match.Matcher{service}, Order: order},
		{ID: "s-p3x9ad", Matchers: []match.Matcher{env, service}, Order: order},
	}}}
	return c
}

// typicalPost is that of a case whose investigation was told of in Datadog, and never mattered to a pager.
func typicalPost(id, agent string) gate.Post {
	p := gate.Post{ID: id, Agent: agent, Until: noon, Over: true, Version: 4}
	for i, m := range []gate.Moment{gate.WasStarted, gate.HasEnded} {
		at := noon.Add(time.Duration(i) * 8 * time.Minute)
		p.Happened = append(p.Happened, gate.Happened{Moment: m, At: at})
		p.Told = append(p.Told, gate.Told{Target: "datadog", Moment: m, As: gate.WasTold, At: at},
			gate.Told{Target: "pagerduty", Moment: m, As: gate.LeftOut, At: at, Words: "there is no incident to add it to"})
	}
	return p
}

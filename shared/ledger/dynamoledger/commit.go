package dynamoledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Commit implements ledger.Ledger in one round trip.
//
// A join whose notification is older than one that another join has brought meanwhile is committed in a second one,
// without its time: DynamoDB has no maximum, so "last" is set only while it grows, and for that alone nobody must read
// and decide again.
func (l *Ledger) Commit(ctx context.Context, c gate.Change) error {
	if err := ledger.Check(c); err != nil {
		return fmt.Errorf("the ledger refuses a change that no decision may make: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.overall)
	defer cancel()
	overtaken := map[string]bool{}
	for {
		tx, err := l.transaction(c, overtaken)
		if err != nil || len(tx.actions) == 0 {
			return err
		}
		err = l.write(ctx, tx)
		var failed *conditionError
		if !errors.As(err, &failed) || !tx.overtook(failed, overtaken) {
			return err
		}
	}
}

// write sends one transaction. The token is made once: whatever is asked again is the same request.
func (l *Ledger) write(ctx context.Context, tx transaction) error {
	token := rand.Text()
	same := sameBytes()
	return l.ask(ctx, "commit", tx.subjects, func(ctx context.Context) error {
		_, err := l.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: tx.actions, ClientRequestToken: &token,
		}, once, same)
		return err
	})
}

// transaction is a change in DynamoDB's words. subjects says for people what each action is about, cases which case's
// last notification it raises.
type transaction struct {
	actions  []types.TransactWriteItem
	subjects []string
	cases    []*gate.CaseWrite
}

func (tx *transaction) add(subject string, a types.TransactWriteItem) {
	tx.actions = append(tx.actions, a)
	tx.subjects = append(tx.subjects, subject)
	tx.cases = append(tx.cases, nil)
}

// transaction builds the change. In an overtaken case the time of the last notification stays as it is stored.
func (l *Ledger) transaction(c gate.Change, overtaken map[string]bool) (transaction, error) {
	var tx transaction
	if d := c.Delivery; d != nil {
		e := newExpression()
		e.absent(c.At)
		tx.add("delivery "+d.ID, l.put(encodeDelivery(*d, c.At), e))
	}
	if w := c.Incident; w != nil {
		tx.add("incident "+w.Now.Key.String(), l.put(encodeIncident(w.Now, c.At), atVersion(w.Read, c.At)))
	}
	for _, w := range c.Pointers {
		e := newExpression()
		if w.Read == "" {
			e.absent(c.At)
		} else {
			e.compare(attrCase, "=", text(w.Read))
			e.there(c.At)
		}
		tx.add("grouping key "+w.Key, l.put(encodePointer(w, c.At), e))
	}
	for i := range c.Cases {
		if err := l.addCase(&tx, &c.Cases[i], c.At, overtaken); err != nil {
			return transaction{}, err
		}
	}
	if c.Account != nil {
		l.addAccount(&tx, *c.Account)
	}
	if w := c.Group; w != nil {
		tx.add("monitor group "+w.Now.Name, l.put(encodeGroup(w.Now, c.At), atVersion(w.Read, c.At)))
	}
	if w := c.Surge; w != nil {
		tx.add("environment "+w.Now.Name, l.put(encodeSurge(w.Now, c.At), atVersion(w.Read, c.At)))
	}
	for _, w := range c.Posts {
		tx.add("post "+w.ID, l.change(postKey(w.ID), postUpdate(w, c.At)))
	}
	if w := c.Told; w != nil {
		tx.add("post "+w.Now.ID, l.put(encodePost(w.Now, c.At), atVersion(w.Read, c.At)))
	}
	if w := c.Hand; w != nil {
		e := newExpression()
		it := item{}
		it.number(attrVersion, w.Read) // there is none before the first
		e.same(attrVersion, it[attrVersion])
		tx.add("what is set by hand", l.put(encodeHand(w.Now), e))
	}
	if w := c.Lead; w != nil {
		it, err := encodeDropped(*w, c.At)
		if err != nil {
			return transaction{}, fmt.Errorf("case %s: %w", w.Case, err)
		}
		tx.add("the alert dropped under case "+w.Case, l.put(it, newExpression()))
	}
	return tx, nil
}

// atVersion is the condition that a record which is put whole is still what was read: at this version, or not there.
func atVersion(read int, at time.Time) *expression {
	e := newExpression()
	if read == 0 {
		e.absent(at)
		return e
	}
	e.compare(attrVersion, "=", number(int64(read)))
	e.there(at)
	return e
}

func (l *Ledger) addCase(tx *transaction, w *gate.CaseWrite, at time.Time, overtaken map[string]bool) error {
	subject := "case " + w.Now.ID
	if w.Read.Version == 0 {
		e := newExpression()
		e.absent(at)
		tx.add(subject, l.put(encodeCase(w.Now, at), e))
		lead, err := encodeLead(w.Now.ID, *w.Lead, at)
		if err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		tx.add(subject, l.put(lead, newExpression()))
		return nil
	}
	d := ledger.Differ(*w)
	d.Last = d.Last && !overtaken[w.Now.ID]
	if d.None() {
		e := newExpression()
		caseConditions(e, *w, d, at)
		tx.add(subject, l.check(caseKey(w.Now.ID), e))
		return nil
	}
	tx.add(subject, l.change(caseKey(w.Now.ID), caseUpdate(*w, d, at)))
	if d.Last {
		tx.cases[len(tx.cases)-1] = w
	}
	if at.Sub(w.Now.Opened) > ledger.Life {
		tx.add(subject, l.change(leadKey(w.Now.ID), leadRefresh(at)))
	}
	return nil
}

// caseConditions are what the decision rests on, and that the item is one we may write to.
func caseConditions(e *expression, w gate.CaseWrite, d ledger.Difference, at time.Time) {
	e.same(attrFormat, number(format))
	e.compare(attrVersion, "=", number(int64(w.Read.Version)))
	e.there(at)
	switch w.Facts.Firing {
	case gate.NoneFires:
		e.compare(attrFiring, "<=", number(0))
	case gate.OneFires:
		e.compare(attrFiring, "=", number(1))
	case gate.SomeFire:
		e.compare(attrFiring, ">=", number(1))
	case gate.MoreFire:
		e.compare(attrFiring, ">=", number(2))
	}
	if w.Facts.Last {
		it := item{}
		it.moment(attrLast, w.Read.Last)
		e.same(attrLast, it[attrLast])
	}
	if w.Facts.Joined {
		e.same(attrJoined, number(int64(w.Read.Joined)))
	}
	if d.Last {
		e.when("(attribute_not_exists(" + e.name(attrLast) + ") OR " + e.name(attrLast) + " <= " + e.value(moment(w.Now.Last)) + ")")
	}
	memberConditions(e, d.Members)
}

func memberConditions(e *expression, d ledger.MembersDifference) {
	if len(d.Added) > 0 {
		e.when("size(" + e.name(attrMembers) + ") <= " + e.value(number(int64(d.Room()))))
	}
	for _, m := range d.Changed {
		e.when("attribute_exists(" + e.member(m.Incident) + ")")
	}
	for _, incident := range d.Removed {
		e.when("attribute_exists(" + e.member(incident) + ")")
	}
}

// member is the path of a member within the case.
func (e *expression) member(incident string) string {
	return e.name(attrMembers) + "." + e.name(memberName(incident))
}

// caseUpdate writes the difference, and nothing that it does not touch.
func caseUpdate(w gate.CaseWrite, d ledger.Difference, at time.Time) *expression {
	e := newExpression()
	caseConditions(e, w, d, at)
	e.set(attrExpires, number(ledger.Expires(at)))
	if d.Decided {
		e.setAll(decided(w.Now))
	}
	e.add(attrFiring, d.Firing)
	e.add(attrJoined, d.Joined)
	if d.Last {
		e.set(attrLast, moment(w.Now.Last))
	}
	if d.Gap {
		it := item{}
		it.span(attrGap, w.Now.Gap)
		e.set(attrGap, it[attrGap])
	}
	if len(d.Services) > 0 {
		e.addTo(attrService, &types.AttributeValueMemberSS{Value: d.Services})
	}
	for _, m := range slices.Concat(d.Members.Added, d.Members.Changed) {
		e.sets = append(e.sets, e.member(m.Incident)+" = "+e.value(encodeMember(m)))
	}
	for _, incident := range d.Members.Removed {
		e.removes = append(e.removes, e.member(incident))
	}
	return e
}

// leadRefresh lets the alert that opened a case live on with a case that is written later than a time of life after it
// was opened. With the double time of life that the alert had from the beginning, it is always there while the case is.
func leadRefresh(at time.Time) *expression {
	e := newExpression()
	e.set(attrExpires, number(ledger.Expires(at.Add(ledger.Life))))
	return e
}

// addAccount writes an account. A reservation is an attribute of its own, so that putting, dropping and dropping what
// is not there work on any account, also on one that is not there yet.
func (l *Ledger) addAccount(tx *transaction, w gate.AccountWrite) {
	adds := len(w.Spend) > 0 || w.Back != nil
	if len(w.Put) == 0 && len(w.Drop) == 0 && !adds && w.Org == "" && w.Shut == nil && w.Down == nil && w.OpenedBy == nil && w.DownWas == nil && w.Hand == nil {
		return
	}
	e := newExpression()
	e.when("(attribute_not_exists(" + e.name(attrFormat) + ") OR " + e.name(attrFormat) + " = " + e.value(number(format)) + ")")
	e.set(attrFormat, number(format))
	if len(w.Put) > 0 {
		it := item{}
		it.number(attrVersion, w.Read)
		e.same(attrVersion, it[attrVersion])
		e.set(attrVersion, number(int64(w.Read+1)))
	} else if adds {
		e.add(attrVersion, 1)
	}
	for _, id := range slices.Sorted(maps.Keys(w.Put)) {
		e.set(reservationMark+id, encodeReservation(w.Put[id]))
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(w.Drop))) {
		e.set(reservationMark+id, nil)
	}
	moneyUpdate(e, w)
	if w.Org != "" {
		e.addTo(attrOrgs, &types.AttributeValueMemberSS{Value: []string{w.Org}})
	}
	if w.OpenedBy != nil {
		it := item{}
		it.text(attrShutSecret, *w.OpenedBy)
		e.when("attribute_exists(" + e.name(attrShutSince) + ")")
		e.same(attrShutSecret, it[attrShutSecret])
	}
	if w.Shut != nil {
		e.setAll(shutAttributes(*w.Shut))
	}
	if w.DownWas != nil {
		for _, a := range downAttributes(*w.DownWas) {
			e.same(a.name, a.value)
		}
	}
	if w.Down != nil {
		e.setAll(downAttributes(*w.Down))
	}
	if w.Hand != nil {
		e.setAll(handAttributes(*w.Hand))
	}
	tx.add("account "+w.Agent, l.change(accountKey(w.Agent), e))
}

// moneyUpdate writes what an account has spent. Each month and each day is an attribute of its own, so that adding works
// on any account, whatever else is written to it meanwhile. What must not be added twice rests on another record of the
// transaction, or on the account's version; ledger.Check sees to that.
func moneyUpdate(e *expression, w gate.AccountWrite) {
	if !w.Paced.IsZero() {
		e.set(attrPaced, moment(w.Paced))
	}
	if w.Budget != 0 {
		e.set(attrBudget, number(int64(w.Budget)))
	}
	for _, day := range slices.Sorted(maps.Keys(w.Critical)) {
		e.set(criticalMark+day, number(int64(w.Critical[day])))
	}
	for _, date := range slices.Compact(slices.Sorted(slices.Values(w.Forget))) {
		e.set(spentMark+date, nil)
		e.set(criticalMark+date, nil)
	}
	for _, month := range slices.Sorted(maps.Keys(w.Spend)) {
		e.addTo(spentMark+month, number(int64(w.Spend[month])))
	}
	if w.Back == nil {
		return
	}
	e.add(attrPaced, -int(w.Back.Pace.Milliseconds()))
	if w.Back.Day != "" {
		e.add(criticalMark+w.Back.Day, -1)
	}
}

// overtook tells whether nothing failed but cases whose stored last notification is later than the one that the
// transaction brings, and that are still at the version that was decided on. It adds them to overtaken.
func (tx *transaction) overtook(failed *conditionError, overtaken map[string]bool) bool {
	found := false
	for i, stored := range failed.items {
		if stored == nil {
			continue
		}
		w := tx.cases[i]
		if w == nil {
			return false // something else does not hold either: the decision is stale
		}
		r, err := open(stored)
		if err != nil || int(r.number(attrVersion)) != w.Read.Version || !r.moment(attrLast).After(ledger.Moment(w.Now.Last)) {
			return false
		}
		overtaken[w.Now.ID] = true
		found = true
	}
	return found
}

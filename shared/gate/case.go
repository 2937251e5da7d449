package gate

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// CaseID is the id of the case that an alert opens: "ab-" and 16 characters of [a-z2-7], from the delivery, so that the
// same delivery never opens two cases and a later cycle of the same incident opens another one.
func CaseID(a alert.Alert) string {
	sum := sha256.Sum256([]byte(a.Delivery))
	return "ab-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// Order is the sort key within the case's bucket: in Queue as CompareRank has it; elsewhere by Until.
func (c Case) Order() string {
	if c.Bucket() == Queue {
		return fmt.Sprintf("%d#%d#%013d#%s", c.place(), c.alone(), c.Opened.UnixMilli(), c.ID)
	}
	return fmt.Sprintf("%013d#%s", max(c.Until.UnixMilli(), 0), c.ID)
}

// InOrder takes the case's id out of its sort key within a bucket.
func InOrder(b Bucket, order string) string {
	marks := 1
	if b == Queue {
		marks = 3
	}
	for range marks {
		_, order, _ = strings.Cut(order, "#")
	}
	return order
}

// CompareRank orders cases as starts take place: the critical ones first; then what somebody asked for, so that it does
// not hide behind hundreds that wait for money; then the most severe. Among equals a storm's case comes first, which is
// about more than any other; then the oldest.
func CompareRank(a, b Case) int {
	if c := cmp.Or(a.place()-b.place(), a.alone()-b.alone()); c != 0 {
		return c
	}
	return a.Opened.Compare(b.Opened)
}

// place is the first part of the order: one digit, the lowest first.
func (c Case) place() int {
	switch {
	case critical(c.Severity):
		return 3
	case c.State == Waiting && c.Hand != (Order{}):
		return 4
	}
	return 9 - int(c.Severity)
}

// alone is 0 for a storm's case and 1 for every other.
func (c Case) alone() int {
	if c.Storm != "" {
		return 0
	}
	return 1
}

// OrderUntil is a bound for Timed: everything below it is due at t.
func OrderUntil(t time.Time) string { return fmt.Sprintf("%013d$", t.UnixMilli()) }

// claim makes the case starting, with a new attempt and a lease.
func claim(c Case, followed bool, now time.Time) Case {
	if c.State != InDoubt { // a repeat is no new start: the join window runs on
		c.StartAt = now
	} else {
		c.Hand = Order{} // it was for this one repeat
	}
	c.State, c.Why, c.Attempt, c.Until, c.Resting = Starting, "", c.Attempt+1, now.Add(Lease), false
	if followed {
		c.Called, c.Work.Asked, c.Work.Missed = now, 0, false // what was missed is an earlier call
	}
	c.Version++
	return withStep(c, now)
}

// end ends the case. A note says more than how; "" keeps the case's own.
func end(c Case, how How, note string, now time.Time) Case {
	c.State, c.Why, c.How, c.Until = Ended, "", how, now
	if note != "" {
		c.Note = note
	}
	c.Version++
	return withStep(c, now)
}

// notSpent says what a case that ends unstarted has saved, where the policy has a price for it.
func notSpent(c Case, r Rules) string {
	if r.Budget.Case <= 0 || c.Attempt > 0 || c.Shadow {
		return ""
	}
	return "about " + r.Budget.Case.String() + " not spent"
}

// versioned raises the version where the state machine's part differs.
func versioned(read, now Case) Case {
	if decided(read) != decided(now) {
		now.Version = read.Version + 1
	}
	return now
}

// LeadOf is what the Agent is told of. Should the alert that opened the case be gone from the ledger, which only a hand
// can do, the Agent is told what the case itself has kept.
func LeadOf(v View, c Case) alert.Alert {
	if lead, there := v.Leads[c.ID]; there {
		return lead
	}
	return alert.Alert{
		Delivery: c.ID, Source: "alertbridge", Transition: alert.Triggered, Severity: c.Severity,
		Monitor: alert.Monitor{Name: c.Title}, Title: c.Title, Tags: []string{"service:" + c.Service}, Time: c.Opened,
		Cut: []string{"the alert that opened this case is not in the ledger any more"},
	}
}

// cut shortens a value for lists at a character border.
func cut(s string, chars int) string {
	n := 0
	for i := range s {
		if n == chars {
			return s[:i]
		}
		n++
	}
	return s
}

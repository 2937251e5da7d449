package gate

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
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

// Order is the sort key within the case's bucket: in Queue the most severe first, then the oldest; elsewhere by Until.
func (c Case) Order() string {
	if c.Bucket() == Queue {
		return fmt.Sprintf("%d#%013d#%s", 9-int(c.Severity), c.Opened.UnixMilli(), c.ID)
	}
	return fmt.Sprintf("%013d#%s", max(c.Until.UnixMilli(), 0), c.ID)
}

// OrderUntil is a bound for Timed: everything below it is due at t.
func OrderUntil(t time.Time) string { return fmt.Sprintf("%013d$", t.UnixMilli()) }

// claim makes the case starting, with a new attempt and a lease.
func claim(c Case, p Rules, now time.Time) Case {
	if c.State != InDoubt { // a repeat is no new start: the join window runs on
		c.StartAt = now
	}
	c.State, c.Why, c.Attempt, c.Until, c.Resting = Starting, "", c.Attempt+1, now.Add(Lease), false
	c.Version++
	return c
}

func end(c Case, how How, now time.Time) Case {
	c.State, c.Why, c.How, c.Until = Ended, "", how, now
	c.Version++
	return c
}

// versioned raises the version where the state machine's part differs.
func versioned(read, now Case) Case {
	if decided(read) != decided(now) {
		now.Version = read.Version + 1
	}
	return now
}

// reserve puts the case's reservation, and takes away those whose time is over: they hold no slot, and without this the
// account's item would grow with every start for as long as no tick comes.
func reserve(a Account, c Case, now, until time.Time) *AccountWrite {
	w := &AccountWrite{
		Agent: a.Agent, Read: a.Version,
		Put: map[string]Reservation{c.ID: {Attempt: c.Attempt, Until: until}},
	}
	for _, id := range slices.Sorted(maps.Keys(a.Running)) {
		if id != c.ID && !a.Running[id].Until.After(now) {
			w.Drop = append(w.Drop, id)
		}
	}
	return w
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

// withMember keeps the most severe members, the oldest first among equals.
func withMember(list []Member, m Member) []Member {
	list = slices.DeleteFunc(slices.Clone(list), func(x Member) bool { return x.Incident == m.Incident })
	list = append(list, m)
	slices.SortStableFunc(list, func(x, y Member) int {
		if x.Severity != y.Severity {
			return int(y.Severity - x.Severity)
		}
		return x.Since.Compare(y.Since)
	})
	return list[:min(len(list), MaxMembers)]
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

package ledger

import (
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Expires is the last second in which a record written at t counts as there. It is what the store's own removal of
// old records goes by, in seconds since 1970.
func Expires(t time.Time) int64 { return t.Add(Life).Unix() }

// Gone tells whether a record that expires then counts as absent now.
func Gone(expires int64, now time.Time) bool { return expires < now.Unix() }

// Moment is a time as every ledger keeps it: in UTC and to the millisecond. The zero time stays zero.
func Moment(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// Span is a length of time as every ledger keeps it: to the millisecond.
func Span(d time.Duration) time.Duration { return d.Truncate(time.Millisecond) }

// MaxPage bounds one page of List.
const MaxPage = 100

// PageSize is the number of records that a page holds when limit of them are asked for: limit, or MaxPage for one that
// is not positive or larger.
func PageSize(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// CompareIncidents is the order in which every ledger lists incidents: the one that was heard of last comes first.
func CompareIncidents(a, b gate.Incident) int {
	if c := heard(b).Compare(heard(a)); c != 0 {
		return c
	}
	return strings.Compare(a.Key.Key, b.Key.Key)
}

func heard(i gate.Incident) time.Time {
	if i.Rec.After(i.Fire) {
		return i.Rec
	}
	return i.Fire
}

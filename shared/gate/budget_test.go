package gate

import (
	"fmt"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// TestAChangedBudgetCountsAtOnce: what was saved up, or owed, was reckoned by the budget as it was. A larger one is of use
// from the next decision on, and not when the old one's refill has caught up; what was spent counts whatever changes.
func TestAChangedBudgetCountsAtOnce(t *testing.T) {
	a := Account{Agent: "default", Money: Money{Spent: map[string]Dollars{"2026-03": 100e6}}}
	a.Money.Paced, a.Money.Budget = april, hundred.Month // critical ones went beyond it
	larger, smaller := hundred, hundred
	larger.Month, smaller.Month = 300e6, 90e6
	for _, tt := range []struct {
		name  string
		b     Budget
		until time.Time
	}{{"as it was", hundred, april}, {"larger", larger, noon}, {"smaller", smaller, april}} {
		if m := a.affords(tt.b, false, noon); !m.until.Equal(tt.until) {
			t.Errorf("%s: until %v, want %v", tt.name, m.until, tt.until)
		}
	}
	p := DefaultRules()
	p.Budget = larger // one is earned every 9 h 36 min
	for n, wantNow := range []bool{true, true, true, true, true, false} {
		if m := a.affords(larger, false, noon); m.now() != wantNow {
			t.Fatalf("start %d: %+v", n+1, m)
		}
		c := claim(caseIn("waiting", fmt.Sprint("ab-", n)), noon)
		w := reserve(a, claimOf(c, alert.Alert{}, a, p, noon), p, noon)
		if want := noon.Add(time.Duration(n+1) * earned / 3); !w.Paced.Equal(want) || w.Budget != larger.Month {
			t.Errorf("start %d: paced to %v by %s, want %v", n+1, w.Paced, w.Budget, want)
		}
		a.Money.Paced, a.Money.Budget = w.Paced, w.Budget
	}
}

// TestNoneBeyondTheBudget: where no critical case may go beyond the budget, tomorrow is no better than today.
func TestNoneBeyondTheBudget(t *testing.T) {
	b := hundred
	b.CriticalPerDay = 0
	a := Account{Money: Money{Spent: map[string]Dollars{"2026-03": 100e6}}}
	if m := a.affords(b, true, noon); !m.until.Equal(april) || m.beyond {
		t.Errorf("%+v, want to wait for the turn of the month", m)
	}
}

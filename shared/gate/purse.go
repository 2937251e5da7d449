package gate

import (
	"maps"
	"time"
)

// Purse says for how many investigations that are not critical there is money now, one after the other; and if for none,
// when there will be for the next. Without a limit, or with a very high one, it says MaxRunning.
func (a Account) Purse(b Budget, now time.Time) (starts int, next time.Time) {
	month := now.UTC().Format(monthFormat)
	a.Money.Spent = maps.Clone(a.Money.Spent)
	if a.Money.Spent == nil {
		a.Money.Spent = map[string]Dollars{}
	}
	for ; starts < MaxRunning; starts++ {
		if m := a.affords(b, false, now); !m.now() {
			next = m.until
			break
		}
		a.Money.Spent[month] += b.Case
		a.Money.Paced = later(a.Money.Paced, now).Add(b.pace())
	}
	if starts > 0 {
		next = time.Time{}
	}
	return starts, next
}

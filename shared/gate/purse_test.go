package gate

import (
	"testing"
	"time"
)

// $300 a month at $4 are 75 investigations: one is earned in 9 h 36 min.
func TestPurse(t *testing.T) {
	b := Budget{Month: 300_000_000, Case: 4_000_000, Bucket: 5}
	const earned = 9*time.Hour + 36*time.Minute
	month := noon.UTC().Format(monthFormat)
	spent := func(d Dollars) map[string]Dollars { return map[string]Dollars{month: d} }
	for _, row := range []struct {
		why  string
		b    Budget
		m    Money
		want int
		next time.Duration // from noon
	}{
		{"nothing was started", b, Money{}, 5, 0},
		{"long ago", b, Money{Paced: noon.Add(-time.Hour)}, 5, 0},
		{"one just now", b, Money{Paced: noon.Add(earned)}, 4, 0},
		{"one a while ago", b, Money{Paced: noon.Add(time.Minute)}, 4, 0},
		{"four", b, Money{Paced: noon.Add(4 * earned)}, 1, 0},
		{"a bit more than four", b, Money{Paced: noon.Add(4*earned + time.Minute)}, 0, time.Minute},
		{"five", b, Money{Paced: noon.Add(5 * earned)}, 0, earned},
		{"the month's money for two", b, Money{Spent: spent(292_000_000)}, 2, 0},
		{"the month's money is gone", b, Money{Spent: spent(299_000_000)}, 0, nextMonth(noon).Sub(noon)},
		{"no limit", Budget{}, Money{Spent: spent(1)}, MaxRunning, 0},
	} {
		a := Account{Money: row.m}
		before := row.m.Spent[month]
		got, next := a.Purse(row.b, noon)
		if got != row.want || (row.next == 0) != next.IsZero() || row.next != 0 && !next.Equal(noon.Add(row.next)) {
			t.Errorf("%s: %d, %s, want %d", row.why, got, next, row.want)
		}
		if row.m.Spent[month] != before {
			t.Errorf("%s: what was read has been changed", row.why)
		}
	}
}

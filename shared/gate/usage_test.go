package gate

import "testing"

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		limit, used, percent float64
		high, full           bool
	}{
		{20, 0, 0, false, false},
		{20, 1.5, 7.5, false, false},
		{20, 17.98, 89.9, false, false},
		{20, 17.989, 89.9, false, false}, // 89.945
		{20, 17.99, 90, true, false},     // 89.95 is said as 90.0, and warned of
		{20, 18, 90, true, false},
		{20, 19.98, 99.9, true, false},
		{20, 20, 100, true, true},
		{20, 25, 125, true, true},
		{3, 1, 33.3, false, false},
		{0, 1000, 0, false, false}, // no limit is named
		{-1, 1000, 0, false, false},
	} {
		u := Usage{Limit: c.limit, Used: c.used}
		if u.Percent() != c.percent || u.High() != c.high || u.Full() != c.full {
			t.Errorf("%v of %v hours: %v %%, high %t, full %t; want %v, %t, %t", c.used, c.limit, u.Percent(), u.High(), u.Full(), c.percent, c.high, c.full)
		}
	}
}

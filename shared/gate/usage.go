package gate

import (
	"math"
	"time"
)

// Usage is how much of its month's investigations the AWS account has used, all agent spaces together. At the limit the
// Agent takes what is started as before, and cancels it at once.
type Usage struct {
	From, To time.Time // the month; zero where the API does not say it
	Limit    float64   // hours of investigation; 0: the API names no limit
	Used     float64   // hours of investigation
}

// usageHigh is the share of the month's limit, in percent, from which somebody should know: a tenth is left to ask AWS for
// more, or to start less.
const usageHigh = 90

// Percent is the share of the limit that is used, rounded to one place, and more than 100 where more was used. It is 0
// without a limit.
func (u Usage) Percent() float64 {
	if u.Limit <= 0 {
		return 0
	}
	return math.Round(u.Used/u.Limit*1000) / 10
}

// High tells whether the limit is so near that somebody should know. It judges what Percent says, and so does Full: what is
// read and what is warned of agree.
func (u Usage) High() bool { return u.Percent() >= usageHigh }

// Full tells whether the limit is reached.
func (u Usage) Full() bool { return u.Percent() >= 100 }

package agentapi

import (
	"context"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent"
)

// Usage is how much of its month's investigations the account has used, all agent spaces together. At the limit the
// Agent cancels what is started.
type Usage struct {
	From, To time.Time // the month; zero where the API does not say it
	Limit    float64   // hours of investigation; 0: the API names no limit
	Used     float64   // hours of investigation
}

// Usage reads it.
func (c *Client) Usage(ctx context.Context) (Usage, error) {
	const call = "GetAccountUsage"
	out, err := ask(ctx, call, c.api.GetAccountUsage, &devopsagent.GetAccountUsageInput{})
	if err != nil {
		return Usage{}, err
	}
	u := Usage{From: moment(out.UsagePeriodStartTime), To: moment(out.UsagePeriodEndTime)}
	m := out.MonthlyAccountInvestigationHours
	if m == nil {
		return Usage{}, unreadable(call, "no hours of investigation")
	}
	u.Limit, u.Used = float64(aws.ToInt32(m.Limit)), aws.ToFloat64(m.Usage)
	if u.Limit < 0 || math.IsNaN(u.Used) || math.IsInf(u.Used, 0) || u.Used < 0 {
		return Usage{}, unreadable(call, "hours of investigation that cannot be")
	}
	return u, nil
}

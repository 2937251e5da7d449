package agentapi

import (
	"context"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Usage is how much of its month's investigations the account has used.
func (c *Client) Usage(ctx context.Context) (gate.Usage, error) {
	const call = "GetAccountUsage"
	out, err := ask(ctx, call, c.api.GetAccountUsage, &devopsagent.GetAccountUsageInput{})
	if err != nil {
		return gate.Usage{}, err
	}
	u := gate.Usage{From: moment(out.UsagePeriodStartTime), To: moment(out.UsagePeriodEndTime)}
	m := out.MonthlyAccountInvestigationHours
	if m == nil {
		return gate.Usage{}, unreadable(call, "no hours of investigation")
	}
	u.Limit, u.Used = float64(aws.ToInt32(m.Limit)), aws.ToFloat64(m.Usage)
	if u.Limit < 0 || math.IsNaN(u.Used) || math.IsInf(u.Used, 0) || u.Used < 0 {
		return gate.Usage{}, unreadable(call, "hours of investigation that cannot be")
	}
	return u, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"
	"github.com/spf13/pflag"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/local"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// origin says where cases come from: a local run, or the table of a deployed bridge.
type origin struct {
	url, table, region, profile, agent string
}

func (o *origin) flags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "url", "http://"+local.DefaultListen, "a local run")
	f.StringVar(&o.table, "table", "", "the table of a deployed bridge; then --url does not count")
	f.StringVar(&o.region, "region", "", "the table's AWS region (default: as the AWS CLI's)")
	f.StringVar(&o.profile, "profile", "", "AWS profile with which to read the table (default: as the AWS CLI's)")
	f.StringVar(&o.agent, "agent", policy.DefaultAgent, "the Agent whose cases are listed")
}

// handFlags are the flags of the commands that look at, or set, more than cases.
func (o *origin) handFlags(f *pflag.FlagSet) {
	o.flags(f)
	f.Lookup("profile").Usage = "AWS profile with which to use the table (default: as the AWS CLI's)"
	f.Lookup("agent").Usage = "the Agents that are meant, with commas between, with --table"
}

// cases is where cases are read from.
type cases interface {
	list(ctx context.Context, state string, limit int) (caseview.List, error)
	show(ctx context.Context, id string) (caseview.Case, error)
	now() time.Time // by the clock of what was read
}

// source is what an operator can ask, and order, of a bridge.
type source interface {
	cases
	status(ctx context.Context) (operate.Status, error)
	do(ctx context.Context, o operate.Order) (operate.Done, error)
	explain(ctx context.Context, id, org string, p gate.Policy) (explain.Story, error)
}

func (o *origin) open(ctx context.Context) (source, error) {
	if o.table == "" {
		u, err := bridgeURL(o.url)
		if err != nil {
			return nil, err
		}
		u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, local.Path), "/")
		dates := &dateKeeper{}
		return fromRun{&http.Client{Timeout: sendTime, Transport: dates}, u, o.agent, dates}, nil
	}
	cfg, err := o.aws(ctx)
	if err != nil {
		return nil, err
	}
	return fromTable{dynamoledger.New(dynamodb.NewFromConfig(cfg), o.table, dynamoledger.Options{}), o.table, o.agent}, nil
}

// aws is the configuration that the AWS CLI would use, but for what the flags say.
func (o *origin) aws(ctx context.Context) (aws.Config, error) {
	// The SDK warns of what it has tried before it found credentials; an error says all that matters.
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithLogger(logging.Nop{})}
	if o.region != "" {
		options = append(options, awsconfig.WithRegion(o.region))
	}
	if o.profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(o.profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	if cfg.Region == "" {
		return cfg, usage("no AWS region is set; name it with --region, AWS_REGION or a profile")
	}
	return cfg, nil
}

// fromRun asks a local run.
type fromRun struct {
	client *http.Client
	url    *url.URL
	agent  string // of lists of cases; all else a local run looks up for every Agent of its policy
	dates  *dateKeeper
}

// now is the run's time, whose clock may go faster than this one.
func (f fromRun) now() time.Time {
	now := time.Now()
	if f.dates.last.Sub(now).Abs() > 2*time.Second && !f.dates.last.IsZero() { // a date has no parts of a second
		return f.dates.last
	}
	return now
}

// dateKeeper remembers the date of the last answer.
type dateKeeper struct{ last time.Time }

// RoundTrip implements http.RoundTripper.
func (d *dateKeeper) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		d.last = dateOf(resp.Header)
	}
	return resp, err
}

// dateOf is zero for an answer without a date: then it is the time here.
func dateOf(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

func (f fromRun) list(ctx context.Context, state string, limit int) (caseview.List, error) {
	var l caseview.List
	query := url.Values{"state": {state}, "limit": {strconv.Itoa(limit)}}
	if f.agent != policy.DefaultAgent { // which a policy need not have: the run knows its own
		query.Set("agent", f.agent)
	}
	err := f.get(ctx, "/cases", query, &l)
	return l, err
}

func (f fromRun) show(ctx context.Context, id string) (caseview.Case, error) {
	var c caseview.Case
	err := f.get(ctx, "/cases/"+id, nil, &c)
	return c, err
}

func (f fromRun) status(ctx context.Context) (operate.Status, error) {
	var s operate.Status
	err := f.get(ctx, "/status", nil, &s)
	return s, err
}

func (f fromRun) do(ctx context.Context, o operate.Order) (operate.Done, error) {
	var d operate.Done
	err := f.call(ctx, "/orders", nil, o, &d)
	return d, err
}

func (f fromRun) explain(ctx context.Context, id, org string, _ gate.Policy) (explain.Story, error) {
	var s explain.Story
	err := f.get(ctx, "/explain", url.Values{"id": {id}, "org": {org}}, &s)
	return s, err
}

func (f fromRun) get(ctx context.Context, path string, query url.Values, into any) error {
	return f.call(ctx, path, query, nil, into)
}

// call asks, or with something to post, orders.
func (f fromRun) call(ctx context.Context, path string, query url.Values, post, into any) error {
	u := *f.url
	u.Path, u.RawQuery = u.Path+path, query.Encode()
	err := postJSON(ctx, f.client, u.String(), post, into)
	status := (*statusError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s; start a bridge there with alertbridge run, name another with --url, or a deployed bridge's table with --table", u.Host)
	case errors.As(err, &status) && (status.ours || status.status != http.StatusNotFound):
		return err
	}
	return fmt.Errorf("%s did not answer as a local run does (%s); a deployed bridge is read with --table", u.Host, line(cause(err).Error()))
}

// cause is an error of http.Client without the address.
func cause(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// fromTable reads, and writes, the ledger of a deployed bridge.
type fromTable struct {
	ledger operate.Ledger
	table  string
	agent  string // several with commas between, but for lists of cases
}

func (f fromTable) now() time.Time { return time.Now() }

func (f fromTable) agents() []string {
	var list []string
	for name := range strings.SplitSeq(f.agent, ",") {
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, name)
		}
	}
	if list == nil {
		return []string{""}
	}
	return list
}

func (f fromTable) desk() operate.Desk {
	return operate.Desk{Ledger: f.ledger, Agents: f.agents(), Now: time.Now}
}

func (f fromTable) status(ctx context.Context) (operate.Status, error) {
	s, err := f.desk().Status(ctx)
	if err != nil {
		return operate.Status{}, f.unread(err)
	}
	return s, nil
}

func (f fromTable) do(ctx context.Context, o operate.Order) (operate.Done, error) {
	d, err := f.desk().Do(ctx, o)
	switch refusal := (*operate.Refusal)(nil); {
	case err == nil || errors.As(err, &refusal):
		return d, err
	case errors.Is(err, ledger.ErrUnknown):
		return d, fmt.Errorf("table %s gave no usable answer, so it may be done or not; look with alertbridge status, or cases show, before you repeat it: %w", f.table, err)
	}
	if len(d.Said) == 0 {
		return d, f.fails("used; nothing was done", err)
	}
	return d, f.fails("used any more; what was done before is said above", err)
}

func (f fromTable) explain(ctx context.Context, id, org string, p gate.Policy) (explain.Story, error) {
	asked, err := explain.Parse(id)
	if err != nil {
		return explain.Story{}, err
	}
	facts, err := explain.Finder{Ledger: f.ledger, Agents: f.agents(), Org: org, Policy: p}.Find(ctx, asked, time.Now())
	if err != nil {
		return explain.Story{}, f.unread(err)
	}
	return explain.Tell(facts), nil
}

func (f fromTable) list(ctx context.Context, state string, limit int) (caseview.List, error) {
	l, err := caseview.Find(ctx, f.ledger, f.agent, state, limit, time.Now())
	if err != nil {
		return caseview.List{}, f.unread(err)
	}
	return l, nil
}

func (f fromTable) show(ctx context.Context, id string) (caseview.Case, error) {
	c, there, err := caseview.Get(ctx, f.ledger, f.agent, id, time.Now())
	switch {
	case err != nil:
		return caseview.Case{}, f.unread(err)
	case !there:
		return caseview.Case{}, fmt.Errorf("table %s has no case %s; cases are kept for 30 days", f.table, id)
	}
	return c, nil
}

func (f fromTable) unread(err error) error { return f.fails("read", err) }

func (f fromTable) fails(what string, err error) error {
	return fmt.Errorf("table %s cannot be %s (check --table, --region and --profile%s): %w", f.table, what, endpoint(), err)
}

// endpoint reminds of a setting that is easily forgotten.
func endpoint() string {
	for _, name := range []string{"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"} {
		if v := os.Getenv(name); v != "" {
			return "; " + name + " is set"
		}
	}
	return ""
}

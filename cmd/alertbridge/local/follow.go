package local

import (
	"context"
	"encoding/json"
	"io"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/queue/memqueue"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// seconds is how the stand-in's investigations go in true time, so that nobody has to wait for their end.
var seconds = apitest.Plan{
	Appear: time.Second, Triage: 2 * time.Second, Queue: 2 * time.Second, Run: 15 * time.Second, Again: 3 * time.Second,
	Summary: apitest.Typical.Summary,
}

// plan is how they go at this speed: a faster clock leaves them the time that real ones take.
func (o Options) plan() apitest.Plan {
	p := seconds
	if o.Speed > 1 {
		p = apitest.Typical
	}
	p.Vanish = o.LoseStarts
	return p
}

// shown are the tasks that the stand-in's API shows: those that there are, or, of an Agent that is to be silent, none.
func (b *bridge) shown(o Options) *apitest.Investigations {
	if !o.WithholdEvents {
		return b.tasks
	}
	return apitest.NewInvestigations(apitest.InvestigationsOptions{Space: b.tasks.Space(), Now: b.pace.Now})
}

// followed is the same policy where the work of every Agent is followed, and people are told of it.
func followed(p gate.Policy) gate.Policy {
	switch p := p.(type) {
	case gate.Rules:
		p.Followed, p.Tells = true, true
		return p
	case *policy.Policy:
		f, err := p.Follow(p.Agents()...)
		if err != nil {
			panic("local: a policy does not know its own Agents: " + err.Error())
		}
		return f.Tell(true)
	}
	return p
}

// opens lets the stand-in open a task for each start that it takes, and tells of the request. Of a start that it is to
// lose nothing comes, whatever it has answered.
func (b *bridge) opens(o Options, tell func(agenttest.Request)) func(agenttest.Request) {
	return func(r agenttest.Request) {
		if r.Started {
			var event struct{ IncidentID, Title, Description, Priority, Timestamp string }
			_ = json.Unmarshal(r.Body, &event) // the stand-in has read it before
			b.tasks.Open(apitest.Incident{
				ID: event.IncidentID, Title: event.Title, Description: event.Description, Priority: event.Priority, Timestamp: event.Timestamp,
			})
		}
		if r.Started && o.LoseStarts {
			r.Started, r.Verdict = false, "answered 200, and lost"
		}
		tell(r)
	}
}

// work is the real client of the Agent's API, on its way to the stand-in. The stand-in wants a signature, and looks at
// none.
func (b *bridge) work() *agentapi.Client {
	return agentapi.New(aws.Config{
		Region: "local", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, agentapi.Options{Endpoint: b.api.URL()})
}

// follows wires the function behind the Agent's events. All Agents of the policy are played by one stand-in, in one
// agent space, which goes by the name of the first: of whose account a case is, the case itself says.
func (b *bridge) follows(agents []string, work follow.Work, logs io.Writer) {
	h := &follow.Handler{
		Ledger: b.ledger, Work: work, Agents: map[string]string{b.tasks.Space(): agents[0]}, Policy: b.policy, Now: b.pace.Now,
		Log: b.watch.logger("outcome", handler("outcome", logs)),
	}
	handle := telemetry.Wrap(config("outcome", logs), h.Handle)
	b.outcome = func(ctx context.Context, e lambda.SQSEvent) (lambda.SQSEventResponse, error) {
		return handle(b.pace.keeps(ctx), e)
	}
	// One at a time, so that people read what became of a task in the order in which it did.
	b.outcomes = memqueue.New(memqueue.Options{Name: "outcomes", MaxConcurrency: 1, Now: b.pace.Now})
}

// deliverEvery is how often it is looked whether the stand-in has events to send, in true time.
const deliverEvery = 50 * time.Millisecond

// deliver does what EventBridge does: it puts the Agent's events into their queue, until ctx ends. Withheld ones are gone.
func (b *bridge) deliver(ctx context.Context, withhold bool) {
	ticker := time.NewTicker(deliverEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, e := range b.tasks.Events() {
			if !withhold {
				b.outcomes.Put(string(e), nil)
			}
		}
	}
}

// look says what is known of a case's investigation, "" where nothing is.
func (b *bridge) look(id string) string {
	now := b.pace.Now()
	c, there, err := caseview.Get(context.Background(), b.ledger, b.policy.Agents()[0], id, now)
	if err != nil || !there || c.Investigation == nil {
		return ""
	}
	return c.Investigation.Brief(c.State, now)
}

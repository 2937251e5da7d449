package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/local"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/verify"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
	"github.com/alertbridge/alertbridge/shared/setting"
)

// verifyOptions are those of a verification, with what a start costs.
type verifyOptions struct {
	verify.Options
	price string
}

// options puts together what is looked at. Nothing is sent yet, but a local run is asked what stands in for its Agents.
func (v *verification) options(cmd *cobra.Command) (verifyOptions, error) {
	s, err := newSender(v.from.url, v.token)
	if err != nil {
		return verifyOptions{}, err
	}
	o := verifyOptions{Options: verify.Options{Start: v.start, Wait: v.wait, Tags: v.tags, Send: func(ctx context.Context, body []byte) verify.Taken {
		r, request := s.post(ctx, parcel{method: http.MethodPost, header: http.Header{"Content-Type": {"application/json"}}, body: body})
		return verify.Taken{Status: r.status, Delivery: r.delivery, Request: request, Words: r.words}
	}}}
	source, err := v.from.open(cmd.Context())
	if err != nil {
		return o, err
	}
	switch from := source.(type) {
	case fromRun:
		err = v.ofRun(cmd.Context(), &o, from)
	case fromTable:
		err = v.ofTable(cmd, &o, from)
	}
	return o, err
}

// ofRun looks at a local run. One webhook and one API stand in for all its Agents.
func (v *verification) ofRun(ctx context.Context, o *verifyOptions, from fromRun) error {
	var in local.StandIns
	if err := from.get(ctx, "/standins", nil, &in); err != nil {
		return err
	}
	o.Local, o.price, o.Pause = true, "a stand-in answers, and nothing is paid for", 100*time.Millisecond
	o.Ledger = runLedger{from}
	o.Ticks = func(ctx context.Context) (time.Duration, bool, error) {
		var in local.StandIns
		err := from.get(ctx, "/standins", nil, &in)
		return time.Since(in.Ticked), !in.Ticked.IsZero(), err
	}
	webhook, err := webhookOf(runSecret(in.Secret), agent.CredentialOptions{Host: in.Host, AllowLocal: true})
	if err != nil {
		return err
	}
	api := agentapi.New(aws.Config{Region: "local", Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}, agentapi.Options{Endpoint: in.API})
	for _, name := range in.Agents {
		o.Agents = append(o.Agents, verify.Agent{Name: name, Webhook: webhook, Space: in.Space, API: api})
	}
	return nil
}

// ofTable looks at a deployed bridge.
func (v *verification) ofTable(cmd *cobra.Command, o *verifyOptions, from fromTable) error {
	p, err := policyOf(cmd.ErrOrStderr(), v.policy)
	if err != nil {
		return err
	}
	test, real, err := verify.Notices(v.tags, time.Now())
	if err != nil {
		return err
	}
	o.TestsStart = p.For(test).OnTest == gate.StartIt
	if o.TestsStart && !v.start {
		return usage("%s lets test notifications start, so a test would be paid for; say --start if you want that, or let it say test: drop", p.called())
	}
	r := p.For(real)
	if v.start && (r.Mode == gate.ModeOff || r.Mode == gate.ModeObserve || r.Mode == gate.ModeCriticalOnly && r.Severity != alert.Critical) {
		return usage("by %s an alert with the tags %s is not started (mode %s); name such tags with --tags as it starts by", p.called(), strings.Join(v.tags, ","), r.Mode)
	}
	if v.start && !slices.Contains(from.agents(), r.Agent) {
		return usage("by %s the investigation is opened at the Agent %q, which --agent does not name", p.called(), r.Agent)
	}
	o.price = priceOf(r, p.called())
	o.Ledger = tableLedger{from}
	cfg, err := v.from.aws(cmd.Context())
	if err != nil {
		return err
	}
	settings := setting.From(func(string) string { return v.spaces })
	spaces := settings.Spaces("--space", policy.DefaultAgent)
	if err := settings.Err(); err != nil {
		return usage("%w", err)
	}
	if v.host == "" {
		v.host = "event-ai." + cfg.Region + ".api.aws"
	}
	secrets, api := secretsmanager.NewFromConfig(cfg), agentapi.New(cfg, agentapi.Options{Host: v.host})
	for _, name := range from.agents() {
		a := verify.Agent{Name: name, Space: spaces[name], API: api}
		delete(spaces, name)
		id, flag := v.secret, "--agent-secret with its secret, the stack's output AgentSecretArn"
		if name != policy.DefaultAgent {
			flag = "--agent-secrets-prefix, the stack's output AgentSecretsPrefix"
			if id = v.prefix; id != "" {
				id += name
			}
		}
		if id == "" {
			a.Missing = "name " + flag
		} else if a.Webhook, err = webhookOf(awssecret.New(secrets, id, awssecret.Options{}), agent.CredentialOptions{Host: v.host}); err != nil {
			return usage("--agent-host: %w", err)
		}
		o.Agents = append(o.Agents, a)
	}
	for name := range spaces {
		return usage("--space names the Agent %q, and --agent does not", name)
	}
	return nil
}

// webhookOf is the client that the bridge itself calls an Agent with.
func webhookOf(s agent.Secrets, o agent.CredentialOptions) (*agent.Client, error) {
	o.Log = slog.New(slog.DiscardHandler)
	c, err := agent.NewCredentials(s, o)
	if err != nil {
		return nil, err
	}
	return agent.New(agent.Options{Credentials: c, Transport: agent.NewTransport(o.AllowLocal)}), nil
}

// runSecret is a secret that a local run has told.
type runSecret string

// Current implements agent.Secrets.
func (w runSecret) Current(context.Context) (secret.Version, error) {
	return secret.Version{ID: "run", Value: secret.New(string(w))}, nil
}

// Refresh implements agent.Secrets.
func (w runSecret) Refresh(ctx context.Context) (secret.Version, bool, error) {
	v, err := w.Current(ctx)
	return v, true, err
}

// runLedger is the ledger of a local run.
type runLedger struct{ from fromRun }

// Verdict implements verify.Ledger.
func (l runLedger) Verdict(ctx context.Context, delivery, request string) (verify.Verdict, error) {
	var seen local.Seen
	err := l.from.get(ctx, "/deliveries/"+delivery, url.Values{"request": {request}}, &seen)
	return verify.Verdict{Verdict: line(seen.Verdict), Reason: line(seen.Reason), Case: line(seen.Case), Trouble: line(seen.Trouble)}, err
}

// Case implements verify.Ledger.
func (l runLedger) Case(ctx context.Context, id string) (caseview.Case, error) {
	return l.from.show(ctx, id)
}

// Open implements verify.Ledger.
func (l runLedger) Open(ctx context.Context) ([]caseview.Case, error) { return openOf(ctx, l.from) }

// tableLedger is the table of a deployed bridge.
type tableLedger struct{ from fromTable }

// Verdict implements verify.Ledger.
func (l tableLedger) Verdict(ctx context.Context, delivery, _ string) (verify.Verdict, error) {
	rec, err := l.from.ledger.Verdict(ctx, delivery, time.Now())
	switch {
	case err != nil:
		return verify.Verdict{}, l.from.unread(err)
	case rec == nil:
		return verify.Verdict{}, nil
	}
	return verify.Verdict{Verdict: string(rec.Verdict), Reason: string(rec.Reason), Case: rec.Case}, nil
}

// Case implements verify.Ledger.
func (l tableLedger) Case(ctx context.Context, id string) (caseview.Case, error) {
	return l.from.show(ctx, id)
}

// Open implements verify.Ledger.
func (l tableLedger) Open(ctx context.Context) ([]caseview.Case, error) {
	var all []caseview.Case
	for _, name := range l.from.agents() {
		one := l.from
		one.agent = name
		found, err := openOf(ctx, one)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// maxOpen bounds the cases that are looked through for one that is overdue.
const maxOpen = 200

func openOf(ctx context.Context, from cases) ([]caseview.Case, error) {
	l, err := from.list(ctx, caseview.Open, maxOpen)
	return l.Cases, err
}

package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// webhook sends an Agent an event that it must refuse.
func (r *run) webhook(ctx context.Context, a Agent) {
	began := r.Now()
	if a.Webhook == nil {
		r.say(Step{Step: Webhook, Agent: a.Name, Result: NotChecked, Saw: "it was not called", Mend: a.Missing}, began)
		return
	}
	m := r.invalid()
	s := judge(a.Webhook.Call(ctx, m), m.IncidentID)
	s.Step, s.Agent = Webhook, a.Name
	r.say(s, began)
}

// judge says what the answer to an invalid event means. Documented is a 200 that lists what is wrong with it.
func judge(a delivery.Answer, id string) Step {
	failed := Step{Result: Failed, Saw: a.Words}
	switch a.Reason {
	case delivery.ErrorsInBody:
		if aboutKey(a.Words) {
			failed.Saw = "it was refused, but not for what is invalid in it: " + a.Words
			failed.Mend = "see whether the secret holds the webhook's present key"
			return failed
		}
		return Step{Result: OK, Saw: "the key is right, and what is invalid is refused: " + a.Words}
	case delivery.Received:
		failed.Saw = "it took an event that is invalid on purpose, so a bad payload of the bridge's would be lost unseen"
		failed.Mend = "it may have started an investigation, which is paid for: look at the Agent for incident " + id + ", and stop it"
	case delivery.Unauthorized, delivery.Forbidden:
		failed.Mend = "copy the webhook's present key into the secret: the stack's output FillAgentSecret shows how; the bridge takes it up by itself"
	case delivery.NotFound, delivery.Redirected:
		failed.Mend = "copy the webhook's whole address into the secret: the stack's output FillAgentSecret shows how; the bridge takes it up by itself"
	case delivery.SecretMissing, delivery.SecretMalformed:
		failed.Mend = "fill the secret: the stack's output FillAgentSecret shows how"
	case delivery.HostNotAllowed:
		failed.Mend = "the host is the stack's parameter AgentHost, and here --agent-host"
	case delivery.SecretUnavailable:
		failed.Mend = "reading it needs secretsmanager:GetSecretValue on --agent-secret, and in --region"
	case delivery.ConnectionFailed, delivery.TLSFailed:
		failed.Mend = "this computer does not reach the Agent; the bridge itself may: see the alarm AgentShut and alertbridge status"
	case delivery.Throttled, delivery.OutOfTime:
		failed.Mend = "try again in some minutes"
	case delivery.BadRequest:
		failed.Mend = "nothing was started, but this is not how the Agent is documented to refuse: see that the secret holds the address of a webhook of AWS DevOps Agent"
	default: // in doubt
		failed.Mend = "this says nothing of the key; try again in some minutes, and look at the Agent for incident " + id + ", which should not be there"
	}
	return failed
}

// aboutKey tells words that object to who is calling instead of to what is said.
func aboutKey(words string) bool {
	words = strings.ToLower(words)
	if strings.Contains(words, "priority") {
		return false
	}
	for _, w := range []string{"token", "signature", "unauthor", "authenti", "forbidden", "credential", "api key", "apikey", "denied"} {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}

// api asks the Agent's API what the bridge asks it.
func (r *run) api(ctx context.Context, a Agent) {
	began := r.Now()
	if a.Space == "" {
		r.say(Step{
			Step: AgentAPI, Agent: a.Name, Result: NotChecked, Saw: "its work is not followed, so a start cannot be confirmed",
			Mend: "where it is, name its agent space with --space",
		}, began)
		return
	}
	s := r.ask(ctx, a)
	s.Step, s.Agent = AgentAPI, a.Name
	r.say(s, began)
}

func (r *run) ask(ctx context.Context, a Agent) Step {
	u, err := a.API.Usage(ctx)
	if err == nil {
		_, err = a.API.Find(ctx, a.Space, []string{"ab-verify-" + r.id}, r.Now().Add(-time.Hour))
	}
	if err != nil {
		return unanswered(err)
	}
	s := Step{Result: OK, Saw: "it answers; " + hours(u)}
	if u.Limit > 0 && u.Used >= u.Limit {
		s.Result = Failed
		s.Mend = "the Agent cancels what is started until the month is over; have the account's limit raised"
	}
	return s
}

func hours(u gate.Usage) string {
	if u.Limit == 0 {
		return fmt.Sprintf("%.1f hours of investigation are used this month, without a limit", u.Used)
	}
	return fmt.Sprintf("%.1f of %.0f hours of investigation are used this month", u.Used, u.Limit)
}

// unanswered says what an error of the API means for whoever calls this command: it is asked with his credentials, and
// not with those of the functions.
func unanswered(err error) Step {
	s := Step{Result: Failed, Saw: err.Error()}
	e := (*delivery.APIError)(nil)
	if !errors.As(err, &e) {
		return s
	}
	switch permission := strings.Contains(e.Words, "AccessDenied"); {
	case e.Fault == delivery.APIDenied && permission:
		s.Saw = fmt.Sprintf("%s is denied", e.Call)
		s.Mend = "the credentials of this command need aidevops:" + e.Call + "; those of the functions, which the template gives, need it too"
	case e.Fault == delivery.APIDenied:
		s.Mend = "it is asked with the credentials that the AWS CLI would use"
	case e.Fault == delivery.APIGone:
		s.Saw = e.Call + " knows no such agent space"
		s.Mend = "compare --space with the stack's parameter AgentSpaces, and see that --agent-host names the region of the agent space"
	case e.Fault.Passes():
		s.Mend = "try again in some minutes"
	}
	return s
}

package verify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/verify"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
)

// bridge is a set-up that works, until a test breaks a part of it.
type bridge struct {
	t       *testing.T
	webhook *agenttest.Server
	api     *apitest.Server

	taken    verify.Taken // zero: 202
	verdicts []verify.Verdict
	failure  error // of the ledger
	states   []caseview.Case
	open     []caseview.Case

	sent  []alert.Alert
	steps []verify.Step
}

// newBridge makes one whose webhook denies a wrong key with this status.
func newBridge(t *testing.T, denied int) *bridge {
	t.Helper()
	b := &bridge{t: t, verdicts: []verify.Verdict{{}, {Verdict: "drop", Reason: "test"}}}
	b.webhook = agenttest.NewInProcess(agenttest.Options{Denied: denied})
	b.api = apitest.NewInProcess(apitest.Options{})
	t.Cleanup(b.webhook.Close)
	t.Cleanup(b.api.Close)
	return b
}

func (b *bridge) Verdict(context.Context, string, string) (verify.Verdict, error) {
	return next(&b.verdicts), b.failure
}

func (b *bridge) Case(context.Context, string) (caseview.Case, error) {
	return next(&b.states), b.failure
}

func (b *bridge) Open(context.Context) ([]caseview.Case, error) { return b.open, b.failure }

// next takes the first, and leaves the last.
func next[T any](list *[]T) (first T) {
	if len(*list) > 0 {
		first = (*list)[0]
	}
	if len(*list) > 1 {
		*list = (*list)[1:]
	}
	return first
}

// options look at this bridge, with little patience.
func (b *bridge) options() verify.Options {
	cred, err := agent.NewCredentials(b.webhook.Secrets(), agent.CredentialOptions{Host: b.webhook.Host(), AllowLocal: true})
	if err != nil {
		b.t.Fatal(err)
	}
	api := agentapi.New(aws.Config{Region: "eu-central-1", HTTPClient: b.api, Credentials: credentials.NewStaticCredentialsProvider("AKIDPLANTED", "planted-secret-key", "planted-session")},
		agentapi.Options{Endpoint: b.api.URL()})
	return verify.Options{
		Send: func(_ context.Context, body []byte) verify.Taken {
			a, err := datadog.Decode(body, time.Now(), nil)
			if err != nil {
				b.t.Errorf("what is sent is no alert: %v", err)
			}
			b.sent = append(b.sent, a)
			if b.taken != (verify.Taken{}) {
				return b.taken
			}
			return verify.Taken{Status: 202, Delivery: a.Delivery}
		},
		Ledger: b,
		Agents: []verify.Agent{{
			Name: "default", Webhook: agent.New(agent.Options{Credentials: cred, Transport: b.webhook}), Space: b.api.Investigations().Space(), API: api,
		}},
		Say:   func(s verify.Step) { b.steps = append(b.steps, s) },
		Pause: time.Millisecond, VerdictTime: 20 * time.Millisecond, ConfirmTime: 20 * time.Millisecond,
	}
}

func (b *bridge) run(change func(*verify.Options)) verify.Report {
	b.t.Helper()
	o := b.options()
	if change != nil {
		change(&o)
	}
	r, err := verify.Run(b.t.Context(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	if !slices.Equal(r.Steps, b.steps) {
		b.t.Errorf("told %v\nand reported %v", b.steps, r.Steps)
	}
	return r
}

// brief is the steps as "step result".
func brief(r verify.Report) string {
	var all []string
	for _, s := range r.Steps {
		all = append(all, s.Step+" "+s.Result)
	}
	return strings.Join(all, ", ")
}

// find is the last step of this name.
func find(t *testing.T, r verify.Report, name string) verify.Step {
	t.Helper()
	for _, s := range slices.Backward(r.Steps) {
		if s.Step == name {
			return s
		}
	}
	t.Fatalf("there is no step %s in %s", name, brief(r))
	return verify.Step{}
}

func TestAllIsWell(t *testing.T) {
	b := newBridge(t, 0)
	r := b.run(nil)
	if got, want := brief(r), "front_door ok, verdict ok, tick not_checked, webhook ok, api ok"; got != want || !r.OK || r.Start != nil {
		t.Errorf("%s, %t, want %s", got, r.OK, want)
	}
	if len(b.sent) != 1 || !b.sent[0].Test || b.sent[0].Priority != "P5" {
		t.Errorf("sent were %+v, want one test", b.sent)
	}
	if got := find(t, r, verify.AgentAPI).Saw; got != "it answers; 0.0 of 20 hours of investigation are used this month" {
		t.Errorf("the API says %q", got)
	}
	if n := len(b.webhook.Requests()); n != 1 || len(b.webhook.Investigations()) != 0 {
		t.Errorf("%d requests at the webhook, %d investigations", n, len(b.webhook.Investigations()))
	}
}

// The event is invalid in its priority and in nothing else, and its id is one that the Agent takes.
func TestTheInvalidEvent(t *testing.T) {
	b := newBridge(t, 0)
	b.run(nil)
	requests := b.webhook.Requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests", len(requests))
	}
	body := requests[0].Body
	if errs := agenttest.Invalid(body); !slices.Equal(errs, []string{"priority must be one of CRITICAL, HIGH, MEDIUM, LOW, MINIMAL"}) {
		t.Errorf("the schema objects %q to %s", errs, body)
	}
	if !strings.Contains(string(body), `"incidentId":"ab-verify-`) {
		t.Errorf("its id does not say what it is: %s", body)
	}
}

func TestTheWebhook(t *testing.T) {
	for _, row := range []struct {
		why    string
		denied int
		wrong  bool // the key
		meets  agenttest.Behaviour
		result string
		says   string
	}{
		{"a wrong key", 401, true, nil, verify.Failed, "present key into the secret"},
		{"a wrong key, the other answer", 403, true, nil, verify.Failed, "present key into the secret"},
		{"no such webhook", 0, false, agenttest.Status(404, `{}`), verify.Failed, "whole address into the secret"},
		{"a redirect", 0, false, agenttest.Redirected("https://example.com/?key=planted"), verify.Failed, "whole address into the secret"},
		{"it is taken", 0, false, agenttest.Status(200, `{"message":"Webhook received"}`), verify.Failed, "may have started an investigation, which is paid for: look at the Agent for incident ab-verify-"},
		{"another form of refusal", 0, false, agenttest.Errors("Invalid enum value. Expected 'CRITICAL' | 'HIGH'"), verify.OK, "what is invalid is refused: errors: Invalid enum"},
		{"refused for the key", 0, false, agenttest.Errors("the token is invalid"), verify.Failed, "not for what is invalid in it"},
		{"a bad request", 0, false, agenttest.Status(400, `{"message":"bad"}`), verify.Failed, "not how the Agent is documented to refuse"},
		{"too often", 0, false, agenttest.Throttled("60"), verify.Failed, "try again in some minutes"},
		{"its own trouble", 0, false, agenttest.Status(503, ``), verify.Failed, "this says nothing of the key"},
		{"a reset", 0, false, agenttest.ResetAfterReading, verify.Failed, "this says nothing of the key"},
		{"a page", 0, false, agenttest.Page, verify.Failed, "this says nothing of the key"},
		{"not there", 0, false, agenttest.Unreachable, verify.Failed, "this computer does not reach the Agent"},
	} {
		b := newBridge(t, row.denied)
		text := b.webhook.Secret()
		if row.wrong {
			b.webhook.Secrets().Set(strings.Replace(text, `"token":"`, `"token":"wrong`, 1))
		}
		b.webhook.Always(row.meets)
		r := b.run(nil)
		s := find(t, r, verify.Webhook)
		if s.Result != row.result || !strings.Contains(s.Saw+" "+s.Mend, row.says) || s.Agent != "default" {
			t.Errorf("%s: %+v, want %s, %q", row.why, s, row.result, row.says)
		}
		if r.OK != (row.result == verify.OK) {
			t.Errorf("%s: the report says %t", row.why, r.OK)
		}
		keeps(t, row.why, r, append(strings.Split(text, `"`), b.webhook.URL(), "wrong")...)
	}
}

// keeps wants none of the secrets in what is shown.
func keeps(t *testing.T, why string, r verify.Report, secrets ...string) {
	t.Helper()
	var out strings.Builder
	for _, s := range r.Steps {
		verify.Write(&out, s)
	}
	verify.WriteEnd(&out, r)
	for _, s := range secrets {
		if len(s) > 8 && strings.Contains(out.String(), s) {
			t.Errorf("%s: %q is in\n%s", why, s, out.String())
		}
	}
}

func TestTheAgentsSecret(t *testing.T) {
	for text, says := range map[string]string{
		``: "fill the secret", `planted-in-plain-text`: "fill the secret",
		`{"url":"https://planted.example.com/webhook/x","token":"planted-token"}`: "--agent-host",
	} {
		b := newBridge(t, 0)
		b.webhook.Secrets().Set(text)
		r := b.run(nil)
		if s := find(t, r, verify.Webhook); s.Result != verify.Failed || !strings.Contains(s.Mend, says) {
			t.Errorf("%q: %+v, want %q", text, s, says)
		}
		keeps(t, text, r, "planted")
	}
	b := newBridge(t, 0)
	b.webhook.Secrets().Fail(errors.New("the store does not answer"))
	if s := find(t, b.run(nil), verify.Webhook); !strings.Contains(s.Mend, "secretsmanager:GetSecretValue") {
		t.Errorf("a store that does not answer: %+v", s)
	}
	b = newBridge(t, 0)
	r := b.run(func(o *verify.Options) { o.Agents[0].Webhook, o.Agents[0].Missing = nil, "name it" })
	if s := find(t, r, verify.Webhook); s.Result != verify.NotChecked || s.Mend != "name it" || !r.OK {
		t.Errorf("none: %+v", s)
	}
}

func TestTheAPI(t *testing.T) {
	used := func(hours float64) apitest.Behaviour {
		return apitest.With(func(o map[string]any) {
			if v, ok := o["monthlyAccountInvestigationHours"].(map[string]any); ok {
				v["usage"] = hours
			}
		})
	}
	for _, row := range []struct {
		why    string
		meets  []apitest.Behaviour
		result string
		says   string
	}{
		{"half of it used", []apitest.Behaviour{used(10.26)}, verify.OK, "10.3 of 20 hours of investigation are used"},
		{"all of it used", []apitest.Behaviour{used(20)}, verify.Failed, "cancels what is started"},
		{"usage denied", []apitest.Behaviour{apitest.Denied}, verify.Failed, "need aidevops:GetAccountUsage"},
		{"lists denied", []apitest.Behaviour{apitest.Honest, apitest.Denied}, verify.Failed, "need aidevops:ListBacklogTasks"},
		{"old credentials", []apitest.Behaviour{apitest.Expired}, verify.Failed, "credentials that the AWS CLI would use"},
		{"throttled", []apitest.Behaviour{apitest.Throttled, apitest.Throttled}, verify.Failed, "try again in some minutes"},
		{"throttled once", []apitest.Behaviour{apitest.Throttled}, verify.OK, "it answers"},
		{"no such space", []apitest.Behaviour{apitest.Honest, apitest.Gone}, verify.Failed, "compare --space"},
		{"no answer to this", []apitest.Behaviour{apitest.Garbage}, verify.Failed, "GetAccountUsage: unreadable"},
	} {
		b := newBridge(t, 0)
		b.api.Next(row.meets...)
		r := b.run(nil)
		if s := find(t, r, verify.AgentAPI); s.Result != row.result || !strings.Contains(s.Saw+" "+s.Mend, row.says) {
			t.Errorf("%s: %+v, want %s, %q", row.why, s, row.result, row.says)
		}
		keeps(t, row.why, r, "AKIDPLANTED", "planted-secret-key", "planted-session")
	}
	b := newBridge(t, 0)
	r := b.run(func(o *verify.Options) { o.Agents[0].Space, o.Agents[0].API = "", nil })
	if s := find(t, r, verify.AgentAPI); s.Result != verify.NotChecked || !r.OK {
		t.Errorf("not followed: %+v", s)
	}
}

func TestTheFrontDoor(t *testing.T) {
	for _, row := range []struct {
		taken verify.Taken
		says  string
	}{
		{verify.Taken{Status: 401, Words: "Send the token."}, "401: Send the token. the token is not the one in force"},
		{verify.Taken{Status: 503, Words: "Try again."}, "the bridge cannot read its own token"},
		{verify.Taken{Status: 500, Words: "Internal"}, "the queue, or ingest itself"},
		{verify.Taken{Status: 404, Words: "Not Found"}, "compare --url"},
		{verify.Taken{Status: 415, Words: "no"}, "look at the log of ingest"},
		{verify.Taken{Status: 200, Words: "this is not how a bridge answers"}, "200: this is not how"},
		{verify.Taken{Words: "nothing listens"}, "nothing listens compare --url"},
	} {
		b := newBridge(t, 0)
		b.taken = row.taken
		r := b.run(nil)
		s := find(t, r, verify.FrontDoor)
		if s.Result != verify.Failed || !strings.Contains(s.Saw+" "+s.Mend, row.says) || r.OK {
			t.Errorf("%+v: %+v, want %q", row.taken, s, row.says)
		}
		if got := brief(r); !strings.Contains(got, "verdict not_checked") || len(b.sent) != 1 {
			t.Errorf("%+v: %s, %d sent", row.taken, got, len(b.sent))
		}
	}
}

func TestTheVerdict(t *testing.T) {
	started := verify.Verdict{Verdict: "start", Reason: "new_incident", Case: "ab-1"}
	for _, row := range []struct {
		why      string
		verdicts []verify.Verdict
		failure  error
		local    bool
		result   string
		says     string
	}{
		{"it never comes", nil, nil, false, verify.Failed, "none within 20ms on delivery dd-0-"},
		{"dispatcher is in trouble", []verify.Verdict{{Trouble: "the ledger does not answer"}}, nil, false, verify.Failed, "none within 20ms: the ledger does not answer"},
		{"no ledger", nil, errors.New("table T cannot be read"), false, verify.Failed, "the ledger cannot be read: table T cannot be read"},
		{"a drop for something else", []verify.Verdict{{Verdict: "drop", Reason: "unreadable"}}, nil, false, verify.Failed, "drop, unreadable, where drop, test was expected"},
		{"it started something", []verify.Verdict{started}, nil, false, verify.Failed, "alertbridge stop ab-1"},
		{"in a local run", []verify.Verdict{started}, nil, true, verify.OK, "start, new_incident: the run's policy lets test notifications start"},
	} {
		b := newBridge(t, 0)
		b.verdicts, b.failure = row.verdicts, row.failure
		r := b.run(func(o *verify.Options) { o.Local = row.local })
		if s := find(t, r, verify.TestGiven); s.Result != row.result || !strings.Contains(s.Saw+" "+s.Mend, row.says) {
			t.Errorf("%s: %+v, want %s, %q", row.why, s, row.result, row.says)
		}
	}
}

func TestTestsThatStartAreNotSent(t *testing.T) {
	b := newBridge(t, 0)
	r := b.run(func(o *verify.Options) { o.TestsStart = true })
	if got, want := brief(r), "front_door not_checked, tick not_checked, webhook ok, api ok"; got != want || len(b.sent) != 0 {
		t.Errorf("%s, %d sent, want %s and nothing sent", got, len(b.sent), want)
	}
}

func TestTheTick(t *testing.T) {
	old := time.Now().Add(-6 * time.Minute)
	for _, row := range []struct {
		why    string
		open   []caseview.Case
		result string
	}{
		{"nothing open", nil, verify.NotChecked},
		{"one that ends later", []caseview.Case{{State: "started", Until: time.Now().Add(time.Minute)}}, verify.NotChecked},
		{"one that should have ended", []caseview.Case{{ID: "ab-1", State: "started", Until: old}}, verify.Failed},
		{"a lease that is over", []caseview.Case{{State: "starting", Until: old}}, verify.Failed},
		{"a doubt that is not repeated", []caseview.Case{{State: "in_doubt", Until: old}}, verify.Failed},
		{"a doubt that rests", []caseview.Case{{State: "in_doubt", Resting: true, Until: old}}, verify.NotChecked},
		{"one that waits for slots", []caseview.Case{{State: "waiting", Why: "slots", Until: old}}, verify.NotChecked},
	} {
		b := newBridge(t, 0)
		b.open = row.open
		if s := find(t, b.run(nil), verify.Tick); s.Result != row.result || !strings.Contains(s.Mend, "TickMissing") {
			t.Errorf("%s: %+v, want %s", row.why, s, row.result)
		}
	}
	for _, row := range []struct {
		why    string
		ago    time.Duration
		first  int // how many looks see no tick
		err    error
		result string
		says   string
	}{
		{"just now", time.Second, 0, nil, verify.OK, "the last one ended 1s ago"},
		{"it has just begun", time.Second, 2, nil, verify.OK, "the last one ended 1s ago"},
		{"it does not tick any more", 6 * time.Minute, 0, nil, verify.Failed, "the last one ended 6m0s ago"},
		{"it never ticks", 0, 1 << 30, nil, verify.Failed, "none has come to its end"},
		{"it is gone", 0, 0, errors.New("nothing listens"), verify.Failed, "nothing listens"},
	} {
		b, looks := newBridge(t, 0), 0
		r := b.run(func(o *verify.Options) {
			o.Ticks = func(context.Context) (time.Duration, bool, error) {
				looks++
				return row.ago, looks > row.first && row.err == nil, row.err
			}
		})
		if s := find(t, r, verify.Tick); s.Result != row.result || s.Saw != row.says {
			t.Errorf("%s: %+v, want %s, %q", row.why, s, row.result, row.says)
		}
	}
}

func TestAPolicyCanBeAskedBefore(t *testing.T) {
	test, real, err := verify.Notices([]string{"env:live"}, time.Now())
	if err != nil || !test.Test || real.Test || real.Severity != alert.Critical || test.Delivery == "" || real.Tag("env") != "live" {
		t.Errorf("%+v\n%+v\n%v", test, real, err)
	}
}

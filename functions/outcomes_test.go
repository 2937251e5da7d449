package functions_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/start"
)

// onSocket is a deployment whose Agent is a stand-in on a real socket, called by the real client.
func onSocket(t *testing.T) (*bridge, *agenttest.Server) {
	t.Helper()
	return onSocketOf(t, agenttest.Options{})
}

func onSocketOf(t *testing.T, o agenttest.Options, change ...func(*gatetest.Policy)) (*bridge, *agenttest.Server) {
	t.Helper()
	b := newBridge(t, change...)
	b.clock.now = time.Now()
	server, err := agenttest.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	credentials, err := agent.NewCredentials(server.Secrets(), agent.CredentialOptions{
		Host: server.Host(), AllowLocal: true, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := agent.New(agent.Options{Credentials: credentials, Transport: call.NewTransport(true)})
	starter := &start.Starter{Ledger: b.store, Agents: map[string]start.Agent{"default": client}, Now: b.clock.Now}
	b.dispatch.Starter, b.schedule.Starter, b.schedule.Secrets = starter, starter, map[string]schedule.Secrets{"default": client}
	return b, server
}

// What each answer of the Agent makes of a case, from the first alert to the state that it is left in.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		behaves agenttest.Behaviour
		state   gate.State
		why     gate.Why
		note    string // its beginning
		money   bool   // the case holds a reservation
	}{
		"received":                         {agenttest.Honest, gate.Started, "", "", true},
		"slow, but in time":                {agenttest.SlowAfterReading(300 * time.Millisecond), gate.Started, "", "", true},
		"reset before it read":             {agenttest.ResetBeforeReading, gate.InDoubt, "", "reset: ", true},
		"reset after it read":              {agenttest.ResetAfterReading, gate.InDoubt, "", "reset: ", true},
		"took it, and then the line broke": {agenttest.Taken(agenttest.ResetBeforeReading), gate.InDoubt, "", "reset: ", true},
		"500":                              {agenttest.Status(500, `{"message":"Internal server error"}`), gate.InDoubt, "", "server_error: ", true},
		"503":                              {agenttest.Status(503, ``), gate.InDoubt, "", "server_error: ", true},
		"200 and nothing":                  {agenttest.Empty, gate.InDoubt, "", "unreadable_answer: ", true},
		"200 and garbage":                  {agenttest.Garbage, gate.InDoubt, "", "unreadable_answer: ", true},
		"200 with errors":                  {agenttest.Errors("priority must be one of CRITICAL, HIGH"), gate.Refused, "", "errors_in_body: ", false},
		"400":                              {agenttest.Status(400, `{"message":"bad"}`), gate.Refused, "", "bad_request: ", false},
		"401":                              {agenttest.Status(401, `{}`), gate.Waiting, gate.WhyAgentShut, "unauthorized: ", false},
		"403":                              {agenttest.Status(403, `{}`), gate.Waiting, gate.WhyAgentShut, "forbidden: ", false},
		"404":                              {agenttest.Status(404, `{}`), gate.Waiting, gate.WhyAgentShut, "not_found: ", false},
		"429":                              {agenttest.Throttled("120"), gate.Waiting, gate.WhyAgentDown, "throttled: ", false},
		"redirect":                         {agenttest.Redirected("https://example.com/"), gate.Waiting, gate.WhyAgentShut, "redirected: ", false},
	} {
		t.Run(name, func(t *testing.T) {
			b, server := onSocket(t)
			server.Always(c.behaves)
			a := b.triggers("A")
			b.want(a, gate.Start, gate.NewIncident) // the verdict stands, whatever becomes of the case
			got := b.wantCase(a.Case, c.state, 1)
			if got.Why != c.why || len(got.Note) < len(c.note) || got.Note[:len(c.note)] != c.note || c.note == "" && got.Note != "" {
				t.Errorf("waits for %q, note %q; want %q, %q…", got.Why, got.Note, c.why, c.note)
			}
			if _, reserved := b.account().Running[a.Case]; reserved != c.money {
				t.Errorf("reserved: %t, want %t", reserved, c.money)
			}
		})
	}
}

// The call's time is over before the Agent answers: nobody knows what it has made of the event.
func TestCallThatTimesOut(t *testing.T) {
	b, server := onSocket(t)
	server.Always(agenttest.Hang)
	b.dispatch.Starter.Agents["default"] = impatient{b.dispatch.Starter.Agents["default"], server}
	a := b.triggers("A")
	b.want(a, gate.Start, gate.NewIncident)
	if c := b.wantCase(a.Case, gate.InDoubt, 1); !strings.HasPrefix(c.Note, "timed_out: ") {
		t.Errorf("note %q", c.Note)
	}
	if _, reserved := b.account().Running[a.Case]; !reserved {
		t.Error("its reservation was given back, and the Agent may be working on it")
	}
}

// impatient ends a call's time as soon as the stand-in has met its request, so that no test waits for a deadline.
type impatient struct {
	start.Agent
	server *agenttest.Server
}

func (i impatient) Call(ctx context.Context, m agent.Message) delivery.Answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before := len(i.server.Requests())
	go func() {
		for len(i.server.Requests()) == before && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	return i.Agent.Call(ctx, m)
}

// Somebody answers at the Agent's address whose certificate nobody trusts. It is told nothing, neither key nor alert.
func TestPartnerThatNobodyTrusts(t *testing.T) {
	b, server := onSocketOf(t, agenttest.Options{TLS: true})
	a := b.triggers("A")
	b.want(a, gate.Start, gate.NewIncident)
	c := b.wantCase(a.Case, gate.Waiting, 1)
	if c.Why != gate.WhyAgentDown || !strings.HasPrefix(c.Note, "tls_failed: ") {
		t.Errorf("waits for %q, note %q", c.Why, c.Note)
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAgentOutOfReach(t *testing.T) {
	b, server := onSocket(t)
	server.Secrets().Set(`{"url":"http://127.0.0.1:1/webhook/generic/x","token":"t"}`) // nobody listens there
	a := b.triggers("A")
	if c := b.wantCase(a.Case, gate.Waiting, 1); c.Why != gate.WhyAgentDown {
		t.Errorf("waits for %s", c.Why)
	}
}

// The Agent took the event and the answer was lost. The repeat is a duplicate to it, by id and timestamp.
func TestRepeatIsADuplicateToTheAgent(t *testing.T) {
	b, server := onSocket(t)
	server.Next(agenttest.Taken(agenttest.ResetBeforeReading))
	a := b.triggers("A")
	b.wantCase(a.Case, gate.InDoubt, 1)
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Started, 1)
	if n := len(server.Investigations()); n != 1 {
		t.Errorf("%d investigations for one case", n)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests, want the first and its repeat", n)
	}
}

// A key is replaced at the Agent without overlap. The new one is read at once, and the alert does not notice.
func TestRotatedKey(t *testing.T) {
	b, server := onSocket(t)
	b.wantCase(b.triggers("A").Case, gate.Started, 1)
	server.Rotate()
	b.wantCase(b.triggers("B").Case, gate.Started, 1)
	if n := len(server.Investigations()); n != 2 {
		t.Errorf("%d investigations, want 2", n)
	}
}

// The stack creates the Agent's secret empty. Cases wait until it is filled in, and then start.
func TestEmptySecretIsFilledIn(t *testing.T) {
	b, server := onSocket(t)
	filled := server.Secret()
	server.Secrets().Set("{}")
	a := b.triggers("A")
	if c := b.wantCase(a.Case, gate.Waiting, 1); c.Why != gate.WhyAgentShut || c.Note[:15] != "secret_missing:" {
		t.Errorf("waits for %s: %s", c.Why, c.Note)
	}
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Waiting, 1)
	server.Secrets().Set(filled)
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Started, 1)
	if n := len(server.Investigations()); n != 1 {
		t.Errorf("%d investigations, want 1", n)
	}
}

// The address in the secret is right, and the setting AGENT_HOST was not. Once the setting is mended the account opens,
// although the secret is still the same.
func TestMendedHostOpensTheAccount(t *testing.T) {
	b, server := onSocket(t)
	strict, err := agent.NewCredentials(server.Secrets(), agent.CredentialOptions{Host: "event-ai.eu-central-1.api.aws"})
	if err != nil {
		t.Fatal(err)
	}
	server.Secrets().Set(`{"url":"https://event-ai.us-east-1.api.aws/webhook/generic/x","token":"t"}`)
	wrong := agent.New(agent.Options{Credentials: strict})
	b.dispatch.Starter.Agents["default"], b.schedule.Secrets = wrong, map[string]schedule.Secrets{"default": wrong}
	a := b.triggers("A")
	if c := b.wantCase(a.Case, gate.Waiting, 1); c.Why != gate.WhyAgentShut || c.Note[:17] != "host_not_allowed:" {
		t.Errorf("waits for %s: %s", c.Why, c.Note)
	}
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Waiting, 1)
	right, err := agent.NewCredentials(server.Secrets(), agent.CredentialOptions{Host: "event-ai.us-east-1.api.aws"})
	if err != nil {
		t.Fatal(err)
	}
	b.schedule.Secrets["default"], b.schedule.Starter.Agents["default"] = agent.New(agent.Options{Credentials: right}), b.agent
	b.tick(time.Minute)
	b.wantCase(a.Case, gate.Started, 1)
}

// A dispatcher that remembers a secret which nobody could use reads it again before it shuts the account once more.
func TestRememberedBadSecretIsReadAgain(t *testing.T) {
	b, server := onSocket(t)
	filled := server.Secret()
	server.Secrets().Set("{}")
	b.triggers("A")
	server.Secrets().Set(filled)
	b.byHand(gate.Change{At: b.clock.Now(), Account: &gate.AccountWrite{Agent: "default", Shut: &gate.Shut{}}})
	b.wantCase(b.triggers("B").Case, gate.Started, 1)
}

// A dispatcher that remembers an address which is gone does not shut the account again after the secret was mended.
func TestRememberedOldAddressIsReadAgain(t *testing.T) {
	b, server := onSocket(t)
	right := server.Secret()
	server.Secrets().Set(strings.Replace(right, server.URL(), server.URL()+"-old", 1))
	if c := b.wantCase(b.triggers("A").Case, gate.Waiting, 1); !strings.HasPrefix(c.Note, "not_found: ") {
		t.Errorf("note %q", c.Note)
	}
	server.Secrets().Set(right)
	b.byHand(gate.Change{At: b.clock.Now(), Account: &gate.AccountWrite{Agent: "default", Shut: &gate.Shut{}}})
	b.wantCase(b.triggers("B").Case, gate.Started, 1)
}

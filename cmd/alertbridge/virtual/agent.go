package virtual

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
)

// reach makes the stand-in for an Agent, and the real client on its way to it.
func (b *Bridge) reach(name string) (*agent.Client, error) {
	s := agenttest.NewInProcess(agenttest.Options{Now: b.Now, OnRequest: func(r agenttest.Request) { b.reached(name, r) }})
	s.Always(func(x *agenttest.Exchange) { b.behaviour(name)(x) })
	b.agents[name] = s
	credentials, err := agent.NewCredentials(s.Secrets(), agent.CredentialOptions{
		Host: s.Host(), AllowLocal: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return agent.New(agent.Options{Credentials: credentials, Transport: door{b, name, s}, Now: b.local}), nil
}

func (b *Bridge) behaviour(name string) agenttest.Behaviour {
	if b.o.Agent != nil {
		if behave := b.o.Agent(name, b.now); behave != nil {
			return behave
		}
	}
	if b.o.Latency > 0 {
		return agenttest.SlowAfterReading(b.o.Latency)
	}
	return agenttest.Honest
}

// reached tells of a request that came to an Agent.
func (b *Bridge) reached(name string, r agenttest.Request) {
	if v := b.work[name]; v != nil && (r.Started || r.Verdict == "duplicate") {
		v.open(r.Body)
	}
	if b.o.OnStart == nil {
		return
	}
	b.o.OnStart(Start{At: b.now, Agent: name, Case: b.running.kase, Invocation: b.running.id, Request: r})
}

// door is the way to an Agent: a step like any other.
type door struct {
	b      *Bridge
	name   string
	server *agenttest.Server
}

// RoundTrip implements http.RoundTripper.
func (d door) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	i := d.b.running
	err = d.b.step(r.Context(), Calling, func() (err error) {
		i.called = true
		if err := d.tell(i, r); err != nil {
			return err
		}
		resp, err = d.server.RoundTrip(r)
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// tell says which case it is about. What is no event is about none.
func (d door) tell(i *invocation, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var event struct{ IncidentID, Timestamp, Priority string }
	_ = json.Unmarshal(body, &event)
	i.kase = event.IncidentID
	if d.b.o.OnCall == nil {
		return nil
	}
	d.b.o.OnCall(Call{
		At: d.b.now, Agent: d.name, Invocation: i.id, Case: event.IncidentID, Timestamp: event.Timestamp, Priority: event.Priority,
	})
	return nil
}

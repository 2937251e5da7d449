package functions_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/gate/gatetest"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// newReading is a followed deployment whose tick reads the account's usage too. The stand-in's limit is 20 h.
func newReading(t *testing.T, change ...func(*gatetest.Policy)) *followed {
	t.Helper()
	f := newFollowed(t, change...)
	f.schedule.Usage = f.client(f.api)
	return f
}

// uses lets the API say that so many hours of investigation were used, without a limit where it is 0, and without the
// members that are named.
func (f *followed) uses(hours, limit float64, without ...string) {
	f.api.Always(apitest.With(func(o map[string]any) {
		if o["usage"] != nil {
			o["usage"], o["limit"] = hours, limit
			if limit == 0 {
				delete(o, "limit")
			}
		}
		for _, name := range without {
			delete(o, name)
		}
	}))
}

// The first tick of a process asks, and after it one tick an hour.
func TestUsageIsReadOnceAnHour(t *testing.T) {
	f := newReading(t)
	f.uses(5, 20)
	f.ticks(1)
	if n := f.asked("GetAccountUsage"); n != 1 {
		t.Errorf("after the first tick it was asked for %d times", n)
	}
	f.ticks(59)
	if n := f.asked("GetAccountUsage"); n != 1 {
		t.Errorf("within an hour it was asked for %d times", n)
	}
	f.ticks(1)
	if n := f.asked("GetAccountUsage"); n != 2 {
		t.Errorf("after an hour it was asked for %d times", n)
	}
	records, counts := f.written()
	if len(records) != 0 {
		t.Errorf("records %v", records)
	}
	same(t, counts, map[string]float64{"AgentUsage": 25 + 25, "Tick": 61})
	other := &schedule.Handler{
		Ledger: f.store, Starter: f.schedule.Starter, Secrets: f.schedule.Secrets, Work: f.schedule.Work, Spaces: f.schedule.Spaces,
		Usage: f.schedule.Usage, Policy: f.policy, Now: f.clock.Now, Log: f.schedule.Log, Metrics: f.schedule.Metrics,
	}
	if _, err := other.Handle(f.invoked(time.Minute), struct{}{}); err != nil {
		t.Fatal(err)
	}
	if n := f.asked("GetAccountUsage"); n != 3 {
		t.Errorf("another process has asked %d times", n-2)
	}
}

// From 90 % on somebody is warned, with each reading; from the limit on it is a fault. An account without a limit has
// nothing to warn of.
func TestHighUsageIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		used, limit, percent float64
		level                string
	}{
		{0, 20, 0, ""}, {17.98, 20, 89.9, ""}, {18, 20, 90, "WARN"}, {19.98, 20, 99.9, "WARN"}, {20, 20, 100, "ERROR"}, {21, 20, 105, "ERROR"},
	} {
		f := newReading(t)
		f.uses(c.used, c.limit)
		f.ticks(61)
		records, counts := f.written()
		if counts["AgentUsage"] != 2*c.percent {
			t.Errorf("%v of %v h: said twice as %v %%, want %v", c.used, c.limit, counts["AgentUsage"]/2, c.percent)
		}
		if c.level == "" {
			if len(records) != 0 || counts["AgentUsageHigh"] != 0 {
				t.Errorf("%v of %v h: %v, %v", c.used, c.limit, records, counts)
			}
			continue
		}
		if len(records) != 2 || counts["AgentUsageHigh"] != 2 {
			t.Fatalf("%v of %v h: %v, %v", c.used, c.limit, records, counts)
		}
		r := records[1]
		if r["message"] != "usage is high" || r["level"] != c.level || r["percent"] != c.percent || r["used_h"] != c.used || r["limit_h"] != c.limit ||
			r["until"] != "2026-12-01T00:00:00Z" {
			t.Errorf("%v of %v h: %v", c.used, c.limit, r)
		}
	}
	f := newReading(t)
	f.uses(1000, 0)
	f.ticks(61)
	records, counts := f.written()
	if len(records) != 0 || f.asked("GetAccountUsage") != 2 {
		t.Errorf("without a limit: %v", records)
	}
	same(t, counts, map[string]float64{"Tick": 61})
}

// What the Agent has worked counts: one investigation by apitest.Typical runs for 300 s, a twelfth of an hour, which is 8.3 %
// of one hour.
func TestUsageIsTheAgentsOwn(t *testing.T) {
	f := newReading(t)
	f.schedule.Usage = f.client(apitest.NewInProcess(apitest.Options{Investigations: f.tasks, Limit: 1}))
	f.triggers("A", critical)
	f.out.take()
	f.ticks(62)
	if _, counts := f.written(); counts["AgentUsage"] != 8.3 {
		t.Errorf("said as %v %%", counts["AgentUsage"])
	}
}

// A fault is counted and told in words, and all else goes on: the tick, its starts, and the next hour's question.
func TestUsageThatCannotBeRead(t *testing.T) {
	for name, fails := range map[string]apitest.Behaviour{
		"denied": apitest.Denied, "throttled": apitest.Throttled, "unavailable": apitest.Reset, "timed_out": apitest.Hang, "unreadable": apitest.Garbage,
	} {
		f := newReading(t)
		f.api.Always(fails)
		f.ticks(1)
		lines := f.out.take()
		f.out.put(lines)
		records, counts := f.written()
		f.out.put(lines)
		if got := f.reasons(telemetry.AgentAPIFailed); len(got) != 1 || got[name] != 1 {
			t.Errorf("%s: counted by reason as %v", name, got)
		}
		same(t, counts, map[string]float64{"AgentAPIFailed": 1, "Tick": 1})
		if len(records) != 1 || records[0]["message"] != "usage was not read" || records[0]["level"] != "WARN" ||
			!strings.Contains(records[0]["error"].(string), "GetAccountUsage") {
			t.Errorf("%s: %v", name, records)
		}
		asked := f.asked("GetAccountUsage") // more than once, where the client tries again by itself
		f.uses(5, 20)
		f.ticks(59)
		if n := f.asked("GetAccountUsage"); n != asked {
			t.Errorf("%s: asked again within the hour", name)
		}
		f.ticks(1)
		if _, counts = f.written(); counts["AgentUsage"] != 25 {
			t.Errorf("%s: an hour later %v", name, counts)
		}
	}
}

// It is asked for when the starts are made, in the time that asking has in one tick; a tick without time leaves it to the
// next one.
func TestUsageKeepsNoStartFromItsTurn(t *testing.T) {
	f := newReading(t)
	f.clock.add(time.Minute)
	if _, err := f.schedule.Handle(f.invoked(schedule.StopBefore-time.Second), struct{}{}); err != nil || f.asked("GetAccountUsage") != 0 {
		t.Errorf("a tick without time has asked %d times, %v", f.asked("GetAccountUsage"), err)
	}
	f.api.Always(apitest.Hang)
	began := f.clock.Now()
	f.ticks(1)
	if took := f.clock.Now().Sub(began) - time.Minute; took <= 0 || took > schedule.AskTime {
		t.Errorf("it was asked for during %s, at most %s is for it", took, schedule.AskTime)
	}

	f = newReading(t, held)
	waits := f.triggers("A").Case
	f.wantCase(waits, gate.Waiting, 1)
	order := &ordering{followed: f, id: waits}
	f.schedule.Usage = order
	f.ticks(1)
	if order.asked != 1 || !order.started {
		t.Errorf("asked %d times, and the case was started before: %t", order.asked, order.started)
	}
}

// ordering tells whether a case had been sent when it was asked.
type ordering struct {
	*followed
	id      string
	asked   int
	started bool
}

func (o *ordering) Usage(context.Context) (gate.Usage, error) {
	o.asked++
	o.started = o.agent.calls(o.id) == 1
	return gate.Usage{}, nil
}

// A panic is the tick's failure, as any other, when all else is done.
func TestPanicWhileUsageIsRead(t *testing.T) {
	f := newReading(t)
	f.schedule.Usage = usagePanics{}
	f.clock.add(time.Minute)
	_, err := f.schedule.Handle(f.invoked(time.Minute), struct{}{})
	if err == nil || !strings.Contains(err.Error(), "usage of the Agent could not be read: the handler panicked: boom") {
		t.Errorf("%v", err)
	}
	_, counts := f.written()
	same(t, counts, map[string]float64{"Tick": 1})
}

type usagePanics struct{}

func (usagePanics) Usage(context.Context) (gate.Usage, error) { panic("boom") }

package virtual

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// asked is a bridge whose Agent has opened three investigations, each of which ends in another way, and the real client of
// that Agent's API.
func asked(t *testing.T) (*Bridge, *apitest.Server, *agentapi.Client) {
	t.Helper()
	rules := gate.DefaultRules()
	rules.Followed = true
	ends := []string{"COMPLETED", "SKIPPED", "CANCELED", "COMPLETED"}
	b, err := New(Options{
		Policy: rules, Begin: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		Follow: func(_ string, i apitest.Incident) apitest.Plan {
			plan := apitest.Typical
			plan.Appear += time.Duration(len(ends)) * 7 * time.Millisecond
			plan.End, ends = ends[0], ends[1:]
			return plan
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	for i, id := range []string{"case-1", "case-2", "case-3", "case-1"} { // of the last of them triage says that it is the first
		b.At(b.Now().Add(time.Duration(i)*9*time.Second), func() {
			b.work["default"].open(fmt.Appendf(nil, `{"incidentId":%q,"title":"A","timestamp":"12:00"}`, id))
		})
	}
	server := apitest.NewInProcess(apitest.Options{Investigations: b.Investigations("default")})
	return b, server, agentapi.New(aws.Config{
		Region: "eu-central-1", HTTPClient: server, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}, agentapi.Options{Endpoint: server.URL()})
}

// What the functions are told in virtual time is what they would be told by the real client over the stand-in, at every
// moment of the tasks' lives.
func TestSameAnswersAsTheRealClient(t *testing.T) {
	b, _, real := asked(t)
	space, begin := b.Investigations("default").Space(), b.Now()
	cases := []string{"case-1", "case-3", "case-4"}
	seen := map[gate.Status]bool{}
	for range 100 {
		b.Run(b.Now().Add(5 * time.Second))
		b.Do(b.Now(), func(ctx context.Context, _ Ledger) {
			for _, since := range []time.Time{begin, begin.Add(25 * time.Second), begin.Add(time.Hour)} {
				got, err := api{b}.Find(ctx, space, cases, since)
				want, real := real.Find(t.Context(), space, cases, since)
				if err != nil || real != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%s since %s: %+v, %v\nand the real client %+v, %v", b.Now(), since, got, err, want, real)
				}
			}
			for _, task := range append(b.Investigations("default").Tasks(), apitest.Task{ID: "nowhere"}) {
				got, err := api{b}.Task(ctx, space, task.ID)
				want, real := real.Task(t.Context(), space, task.ID)
				if got != want || (err == nil) != (real == nil) || errors.Is(err, delivery.APIGone) != errors.Is(real, delivery.APIGone) {
					t.Fatalf("%s: %+v, %v\nand the real client %+v, %v", b.Now(), got, err, want, real)
				}
				seen[got.Status] = true
			}
		})
		b.Run(b.Now())
	}
	for _, s := range []gate.Status{"", gate.PendingTriage, gate.PendingStart, gate.InProgress, gate.Completed, gate.Skipped, gate.Cancelled, gate.Linked} {
		if !seen[s] {
			t.Errorf("no task was ever %q", s)
		}
	}
}

// What is wrong with the API is the same fault as the real client makes of it.
func TestSameFaultsAsTheRealClient(t *testing.T) {
	for name, tt := range map[string]struct {
		behaves apitest.Behaviour
		fault   delivery.Fault
	}{
		"throttled": {apitest.Throttled, delivery.APIThrottled},
		"denied":    {apitest.Denied, delivery.APIDenied},
		"broken":    {apitest.Broken, delivery.APIUnavailable},
		"gone":      {apitest.Gone, delivery.APIGone},
	} {
		b, server, real := asked(t)
		server.Always(tt.behaves)
		b.o.API = func(time.Time, bool) (time.Duration, delivery.Fault) { return time.Second, tt.fault }
		space, then := b.Investigations("default").Space(), b.Now()
		b.Do(then, func(ctx context.Context, _ Ledger) {
			_, err := api{b}.Task(ctx, space, "task")
			if _, real := real.Task(t.Context(), space, "task"); !errors.Is(err, tt.fault) || !errors.Is(real, tt.fault) {
				t.Errorf("%s: %v, and the real client %v", name, err, real)
			}
			_, err = api{b}.Find(ctx, space, []string{"case-1"}, then)
			if _, real := real.Find(t.Context(), space, []string{"case-1"}, then); !errors.Is(err, tt.fault) || !errors.Is(real, tt.fault) {
				t.Errorf("%s: %v, and the real client %v", name, err, real)
			}
			if took := b.Now().Sub(then); took != 2*time.Second {
				t.Errorf("%s: two questions took %s", name, took)
			}
		})
		b.Run(then.Add(time.Minute))
	}
}

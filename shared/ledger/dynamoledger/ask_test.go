package dynamoledger

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// What no engine produces, or not when it is wanted: the answers of a real table under load, and no answer at all.
func TestCommitMeetsFailures(t *testing.T) {
	const none, failed, collided = "None", "ConditionalCheckFailed", "TransactionConflict"
	var (
		nothingApplied = errors.New("an error that says that nothing was applied")
		refused        = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}
	)
	for _, row := range []struct {
		name     string
		why      string
		script   []answer
		want     error // nil, ErrConflict, ErrUnknown or nothingApplied
		attempts int   // 0: until the time is over
		words    string
	}{
		{"at once", "", []answer{ok}, nil, 1, ""},

		{
			"a conflict of transactions", "says nothing about the decision",
			then(repeat(5, cancelled(collided, none)), []answer{ok}), nil, 6, "",
		},
		{
			"a conflict on a single item", "the same, as other engines say it",
			[]answer{coded(400, "TransactionConflictException"), ok},
			nil, 2, "",
		},
		{"throttled by item", "", []answer{cancelled(none, "ThrottlingError"), cancelled("ProvisionedThroughputExceeded", none), ok}, nil, 3, ""},
		{"throttled, ProvisionedThroughputExceeded", "", []answer{coded(400, "ProvisionedThroughputExceededException"), ok}, nil, 2, ""},
		{"throttled, ThrottlingException", "", []answer{coded(400, "ThrottlingException"), ok}, nil, 2, ""},
		{"throttled, RequestLimitExceeded", "", []answer{coded(400, "RequestLimitExceeded"), ok}, nil, 2, ""},
		{
			"conflicts for ever", "nothing was applied, and the message comes again",
			[]answer{cancelled(collided, none)},
			nothingApplied, 0, "TransactionConflict",
		},
		{"throttled for ever", "", []answer{coded(400, "ThrottlingException")}, nothingApplied, 0, "ThrottlingException"},

		{"a condition", "read again, decide again", []answer{cancelled(none, failed)}, ledger.ErrConflict, 1, "incident 1/2/c.3"},
		{
			"a condition and a conflict", "the decision is stale: asking again would be in vain",
			[]answer{cancelled(collided, failed)},
			ledger.ErrConflict, 1, "incident 1/2/c.3",
		},
		{
			"a condition and a request that is wrong", "a stale decision may have made it wrong",
			[]answer{cancelled("ValidationError", failed)},
			ledger.ErrConflict, 1, "",
		},
		{"cancelled without a reason", "reading again is always right", []answer{cancelled()}, ledger.ErrConflict, 1, ""},
		{"a condition, after conflicts", "", []answer{cancelled(collided, none), cancelled(failed, none)}, ledger.ErrConflict, 2, "delivery d-1"},

		{"the answer lost after the commit", "the token makes the second a repetition", []answer{fails(errReset), ok}, nil, 2, ""},
		{"no answer in time", "", []answer{hangs, ok}, nil, 2, ""},
		{"an answer that nobody can read", "", []answer{says(200, `{"`), ok}, nil, 2, ""},
		{"500", "DynamoDB says itself that it may have been applied", []answer{coded(500, "InternalServerError"), ok}, nil, 2, ""},
		{"503", "", []answer{says(503, "<html>"), ok}, nil, 2, ""},
		{"408", "", []answer{says(408, ""), ok}, nil, 2, ""},
		{
			"the first attempt is still being worked on", "its answer was lost",
			then([]answer{fails(errReset)}, repeat(3, coded(400, "TransactionInProgressException")), []answer{ok}), nil, 5, "",
		},
		{
			"the answer lost, and then a condition", "under the same token this says that the first was not applied",
			[]answer{fails(errReset), cancelled(failed, none)},
			ledger.ErrConflict, 2, "delivery d-1",
		},

		{"no answer, ever", "", []answer{hangs}, ledger.ErrUnknown, 4, "deadline exceeded"},
		{"500 for ever", "", []answer{coded(500, "InternalServerError")}, ledger.ErrUnknown, 0, "InternalServerError"},
		{"in progress for ever", "", []answer{coded(400, "TransactionInProgressException")}, ledger.ErrUnknown, 0, ""},
		{
			"the answer lost, then throttled for ever", "one lost attempt is enough to know nothing",
			[]answer{fails(errReset), coded(400, "ThrottlingException")},
			ledger.ErrUnknown, 0, "",
		},
		{"the answer lost, then no access", "", []answer{fails(errReset), coded(400, "AccessDeniedException")}, ledger.ErrUnknown, 2, "role"},
		{"the answer lost, then no connection", "", []answer{fails(errReset), fails(refused)}, ledger.ErrUnknown, 0, ""},

		{"no connection, once", "", []answer{fails(refused), ok}, nil, 2, ""},
		{"no connection, ever", "nothing was ever sent", []answer{fails(refused)}, nothingApplied, 0, "connection refused"},

		{"no access", "", []answer{coded(400, "AccessDeniedException")}, nothingApplied, 1, "ConditionCheckItem"},
		{"no table", "", []answer{coded(400, "ResourceNotFoundException")}, nothingApplied, 1, "TABLE_NAME"},
		{"no credentials", "", []answer{coded(400, "UnrecognizedClientException")}, nothingApplied, 1, "credentials"},
		{"no key", "", []answer{coded(400, "KMSAccessDeniedException")}, nothingApplied, 1, "key"},
		{"a request that is wrong", "", []answer{coded(400, "ValidationException")}, nothingApplied, 1, "bug"},
		{"an action that is wrong", "", []answer{cancelled("ValidationError", collided)}, nothingApplied, 1, "bug"},
		{"a token that is not ours", "", []answer{coded(400, "IdempotentParameterMismatchException")}, nothingApplied, 1, "token"},
		{"a status that nobody expects", "", []answer{says(418, "")}, nothingApplied, 1, "would not take it again"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := newStub(t, row.script...)
				begin := time.Now()
				err := l.Commit(t.Context(), twoActions(begin))
				took := time.Since(begin)
				switch row.want {
				case nil:
					if err != nil {
						t.Errorf("it ends in %v; %s", err, row.why)
					}
				case nothingApplied:
					if err == nil || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnknown) {
						t.Errorf("it ends in %v, want %v; %s", err, row.want, row.why)
					}
				default:
					if !errors.Is(err, row.want) {
						t.Errorf("it ends in %v, want %v; %s", err, row.want, row.why)
					}
				}
				if row.words != "" && !strings.Contains(fmt.Sprint(err), row.words) {
					t.Errorf("the error does not speak of %q: %v", row.words, err)
				}
				switch {
				case row.attempts > 0:
					s.count(row.attempts)
				case took < DefaultOverall-400*time.Millisecond || len(s.requests) < 10:
					t.Errorf("given up after %v and %d attempts", took, len(s.requests))
				}
				if took > DefaultOverall {
					t.Errorf("it took %v, more than %v", took, DefaultOverall)
				}
				sameRequests(t, s.requests)
				s.requests[0].token(t)
			})
		})
	}
}

// twoActions is a change with a delivery and an incident, in this order.
func twoActions(now time.Time) gate.Change {
	key := alert.Incident{Org: "1", Monitor: "2", Key: "c.3", Cycle: true}
	return gate.Change{
		At: now, Delivery: &gate.Delivery{ID: "d-1", Verdict: gate.Drop, Reason: gate.IsRecovery, Time: now, Decided: now},
		Incident: &gate.IncidentWrite{Now: gate.Incident{Key: key, Rec: now, Version: 1}},
	}
}

func TestPausesGrowAndDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for n := 1; n < 10; n++ {
			most := min(25*time.Millisecond<<(n-1), 400*time.Millisecond)
			for range 20 {
				begin := time.Now()
				if !pause(t.Context(), n) {
					t.Fatal("no time, without a deadline")
				}
				d := time.Since(begin)
				if d > most || d <= most/2 {
					t.Errorf("pause %d is %v, want more than %v and at most %v", n, d, most/2, most)
				}
				seen[d] = true
			}
		}
		if len(seen) < 100 {
			t.Errorf("180 pauses have only %d lengths", len(seen))
		}
	})
}

func TestCallersDeadlineHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := newStub(t, hangs)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		err := l.Commit(ctx, twoActions(begin))
		if !errors.Is(err, ledger.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		s.count(1)

		err = l.Commit(ctx, twoActions(begin)) // now it is over before anything was sent
		if err == nil || errors.Is(err, ledger.ErrUnknown) {
			t.Errorf("got %v, want an error that says that nothing was applied", err)
		}
		s.count(1)
	})
}

func TestOptionsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := newStub(t, hangs)
		l = New(l.api, l.table, Options{Attempt: 100 * time.Millisecond, Overall: 350 * time.Millisecond})
		begin := time.Now()
		if err := l.Commit(t.Context(), twoActions(begin)); !errors.Is(err, ledger.ErrUnknown) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took > 350*time.Millisecond || took < 300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		s.count(3)
	})
}

// A join whose notification is older than what another join has brought meanwhile needs no new decision.
func TestOvertakenJoin(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	read := gate.Case{ID: "ab-1", Agent: "default", State: gate.Waiting, Version: 3, Firing: 1, Opened: now, Last: now.Add(-time.Hour)}
	join := read
	join.Firing, join.Joined, join.Last = 2, 1, now
	change := gate.Change{
		At: now, Delivery: twoActions(now).Delivery, Cases: []gate.CaseWrite{{Read: read, Now: join}},
	}
	const failed = "ConditionalCheckFailed"
	stored := func(format, version int, last time.Time) string {
		return failed + fmt.Sprintf(` {"pk":{"S":"C#ab-1"},"sk":{"S":"C"},"format":{"N":"%d"},"version":{"N":"%d"},"last":{"N":"%d"}}`,
			format, version, last.UnixMilli())
	}
	later := now.Add(time.Minute)
	for _, row := range []struct {
		name     string
		script   []answer
		want     error
		requests int
	}{
		{"a later join has come in between", []answer{cancelled("None", stored(1, 3, later)), ok}, nil, 2},
		{"and then somebody decided", []answer{cancelled("None", stored(1, 3, later)), cancelled("None", stored(1, 4, later))}, ledger.ErrConflict, 2},
		{"somebody decided", []answer{cancelled("None", stored(1, 4, later))}, ledger.ErrConflict, 1},
		{"it is as old as what is stored, so something else fails", []answer{cancelled("None", stored(1, 3, now))}, ledger.ErrConflict, 1},
		{"the delivery has its verdict too", []answer{cancelled(failed, stored(1, 3, later))}, ledger.ErrConflict, 1},
		{"what is stored is not said", []answer{cancelled("None", failed)}, ledger.ErrConflict, 1},
		{"what is stored is of a newer format", []answer{cancelled("None", stored(2, 3, later))}, ledger.ErrConflict, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := newStub(t, row.script...)
				if err := l.Commit(t.Context(), change); !errors.Is(err, row.want) {
					t.Errorf("it ends in %v, want %v", err, row.want)
				}
				s.count(row.requests)
				if row.requests < 2 {
					return
				}
				if s.requests[0].token(t) == s.requests[1].token(t) {
					t.Error("another request under the same token")
				}
				if first, second := s.requests[0].body, s.requests[1].body; !strings.Contains(string(first), `"last"`) ||
					strings.Contains(string(second), `"last"`) {
					t.Errorf("the second request still brings the time:\n%s\n%s", first, second)
				}
			})
		})
	}
}

// The message of an answer can quote the request that was signed, and with it the session token.
func TestNoSecretTravels(t *testing.T) {
	const token = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
	for _, code := range []string{"InvalidSignatureException", "UnrecognizedClientException", "SomethingNew", "InternalServerError"} {
		_, l := newStub(t, says(400, fmt.Sprintf(
			`{"__type":"com.amazon.coral.service#%s","message":"The Canonical String should have been 'x-amz-security-token:%s'"}`, code, token)))
		l.overall = 50 * time.Millisecond
		_, err := l.Look(t.Context(), ledger.Question{Delivery: "d", Agent: "default"}, time.Now())
		if err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("%s: the error is %v", code, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if s := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(s, token) {
				t.Errorf("the token is in %s", s)
			}
		}
	}
}

package dynamoledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
)

// line is the way between a client and the engine: it counts what passes, and loses what a test wants lost.
type line struct {
	dynamodb.HTTPClient

	mu     sync.Mutex
	bodies map[string][][]byte // by operation
	before func(op string, n int) error
	after  func(op string, n int) error
}

func (l *line) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	l.mu.Lock()
	l.bodies[op] = append(l.bodies[op], body)
	n := len(l.bodies[op])
	l.mu.Unlock()
	if l.before != nil {
		if err := l.before(op, n); err != nil {
			return nil, err
		}
	}
	answer, err := l.HTTPClient.Do(r)
	if err == nil && l.after != nil {
		if lost := l.after(op, n); lost != nil {
			answer.Body.Close()
			return nil, lost
		}
	}
	return answer, err
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, b := range l.bodies {
		n += len(b)
	}
	return n
}

// overLine opens a ledger on the engine whose requests pass a line.
func overLine(t *testing.T) (*dynamoledger.Ledger, *line, *dynamodb.Client, string) {
	t.Helper()
	client, table := dynamotest.Open(t)
	l := &line{HTTPClient: client.Options().HTTPClient, bodies: map[string][][]byte{}}
	o := client.Options()
	o.HTTPClient = l
	return dynamoledger.New(dynamodb.New(o), table, dynamoledger.Options{}), l, client, table
}

const agent = "default"

func opened(id string, now time.Time) gate.Case {
	return gate.Case{
		ID: id, Agent: agent, State: gate.Waiting, Why: gate.WhySlots, Until: now, Opened: now, Severity: alert.High,
		Firing: 1, Last: now, Title: "CPU is high", Version: 1,
	}
}

func opening(c gate.Case, now time.Time) gate.Change {
	return gate.Change{At: now, Cases: []gate.CaseWrite{{Now: c, Lead: &alert.Alert{Delivery: "d-1", Title: c.Title, Time: now}}}}
}

func joining(read gate.Case, last, at time.Time) gate.Change {
	now := read
	now.Firing++
	now.Joined++
	now.Last = last
	return gate.Change{At: at, Cases: []gate.CaseWrite{{Read: read, Now: now}}}
}

var errLost = errors.New("connection reset by peer")

// A transaction whose answer is lost is applied once, whatever happens before it is asked again.
func TestLostAnswers(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, row := range []struct {
		name   string
		before bool // lost on the way there, not on the way back
	}{{"on the way there", true}, {"on the way back", false}} {
		t.Run(row.name, func(t *testing.T) {
			l, way, _, _ := overLine(t)
			if err := l.Commit(t.Context(), opening(opened("ab-1", now), now)); err != nil {
				t.Fatal(err)
			}
			v, err := l.LookCase(t.Context(), "ab-1", agent, now)
			if err != nil {
				t.Fatal(err)
			}
			lose := func(op string, n int) error {
				if op == "TransactWriteItems" && n <= 3 { // the second and third in all are attempts one and two of ours
					return errLost
				}
				return nil
			}
			if row.before {
				way.before = lose
			} else {
				way.after = lose
			}
			join := joining(v.Cases["ab-1"], now.Add(time.Second), now)
			if err := l.Commit(t.Context(), join); err != nil {
				t.Fatal(err)
			}
			sent := way.bodies["TransactWriteItems"][1:]
			if len(sent) != 3 || !bytes.Equal(sent[0], sent[1]) || !bytes.Equal(sent[0], sent[2]) {
				t.Errorf("%d requests went out, want the same one 3 times", len(sent))
			}
			v, err = l.LookCase(t.Context(), "ab-1", agent, now)
			if err != nil || v.Cases["ab-1"].Joined != 1 || v.Cases["ab-1"].Firing != 2 {
				t.Errorf("joined %d, firing %d, %v; want 1, 2", v.Cases["ab-1"].Joined, v.Cases["ab-1"].Firing, err)
			}
		})
	}

	t.Run("and another process has gone on meanwhile", func(t *testing.T) {
		l, way, client, table := overLine(t)
		other := dynamoledger.New(client, table, dynamoledger.Options{})
		c := opened("ab-1", now)
		if err := l.Commit(t.Context(), opening(c, now)); err != nil {
			t.Fatal(err)
		}
		started, ended := c, gate.Case{}
		started.State, started.Why, started.Attempt, started.Version = gate.Starting, "", 1, 2
		ended = started
		ended.State, ended.Version = gate.Refused, 3
		way.after = func(op string, n int) error {
			if n != 2 {
				return nil
			}
			if err := other.Commit(t.Context(), gate.Change{At: now, Cases: []gate.CaseWrite{{Read: started, Now: ended}}}); err != nil {
				t.Error(err)
			}
			return errLost
		}
		// Its conditions do not hold any more, but the token tells that this very transaction was applied.
		if err := l.Commit(t.Context(), gate.Change{At: now, Cases: []gate.CaseWrite{{Read: c, Now: started}}}); err != nil {
			t.Errorf("the transaction that was applied ends in %v", err)
		}
	})
}

// The numbers on which the design's count of round trips stands, and that ledgertest.Between counts the same.
func TestRoundTrips(t *testing.T) {
	l, way, _, _ := overLine(t)
	b := ledgertest.Stand(l)
	now := time.Now().UTC().Truncate(time.Millisecond)
	ctx := t.Context()
	step := func(name string, trips int, do func() error) {
		t.Helper()
		before, counted := way.count(), b.Trips("")
		if err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := way.count() - before; n != trips {
			t.Errorf("%s: %d round trips, want %d", name, n, trips)
		}
		if n := b.Trips("") - counted; n != trips && !strings.HasPrefix(name, "*") {
			t.Errorf("%s: Between counts %d round trips, want %d", name, n, trips)
		}
	}
	key := alert.Incident{Org: "1", Monitor: "2", Key: "c.3", Cycle: true}
	look := func() error {
		_, err := b.Look(ctx, ledger.Question{Delivery: "d-1", Incident: key, Pointers: []string{"k-1"}, Agent: agent, Leads: true}, now)
		return err
	}
	lookCase := func(id string) func() error {
		return func() error {
			_, err := b.LookCase(ctx, id, agent, now)
			return err
		}
	}
	c := opened("ab-1", now)
	first := opening(c, now)
	first.Delivery = &gate.Delivery{ID: "d-1", Verdict: gate.Start, Time: now}
	first.Incident = &gate.IncidentWrite{Now: gate.Incident{Key: key, Fire: now, Case: "ab-1", Version: 1}}
	first.Pointers = []gate.PointerWrite{{Key: "k-1", Now: "ab-1"}}
	first.Account = &gate.AccountWrite{Agent: agent, Put: map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: now}}}

	step("a look that names nothing", 1, look)
	step("the account without reservations", 1, lookCase(""))
	step("a commit of every record", 1, func() error { return b.Commit(ctx, first) })
	step("a look that names a case", 2, look)
	step("a write of an environment", 1, func() error {
		return b.Commit(ctx, gate.Change{At: now, Surge: &gate.SurgeWrite{Now: gate.Surge{Name: "prod", Case: "ab-1", Version: 1}}})
	})
	step("a look at an environment that names a case", 2, func() error {
		_, err := b.Look(ctx, ledger.Question{Surge: "prod"}, now)
		return err
	})
	step("a case", 1, lookCase("ab-1"))
	step("the account with a reservation", 2, lookCase(""))
	step("an empty commit", 0, func() error { return b.Commit(ctx, gate.Change{At: now}) })
	step("what is due", 2, func() error {
		_, err := b.Due(ctx, agent, now)
		return err
	})
	step("a join", 1, func() error { return b.Commit(ctx, joining(c, now.Add(2*time.Second), now)) })
	step("* a join that another has overtaken", 2, func() error { return b.Commit(ctx, joining(c, now.Add(time.Second), now)) })
	step("* a page of cases", 2, func() error {
		page, _, err := l.List(ctx, agent, gate.Queue, 10, "", now)
		if err == nil && (len(page) != 1 || page[0].Joined != 2) {
			err = fmt.Errorf("got %+v", page)
		}
		return err
	})
	step("* an empty page", 1, func() error {
		_, _, err := l.List(ctx, agent, gate.Closed, 10, "", now)
		return err
	})
	step("* a monitor's incidents", 1, func() error {
		list, err := l.Incidents(ctx, "1", "2", 10, now)
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("got %+v", list)
		}
		return err
	})
	step("a moment noted", 1, func() error {
		return b.Commit(ctx, gate.Change{At: now, Posts: []gate.PostWrite{{ID: "ab-1", Agent: agent, Moments: gate.Moments()}}})
	})
	step("* what is to be told", 1, func() error {
		ids, err := l.Posts(ctx, agent, now)
		if err == nil && len(ids) != 1 {
			err = fmt.Errorf("got %v", ids)
		}
		return err
	})
	step("* a post", 1, func() error {
		p, err := l.Post(ctx, "ab-1", now)
		if err == nil && len(p.Happened) != len(gate.Moments()) {
			err = fmt.Errorf("got %+v", p)
		}
		return err
	})
	step("* a verdict", 1, func() error {
		_, err := l.Verdict(ctx, "d-1", now)
		return err
	})
}

// No engine removes items while a test looks on, so what the table would remove, and when, is read from the items.
func TestExpiryOfItems(t *testing.T) {
	l, _, client, table := overLine(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	ctx := t.Context()
	expires := func(pk, sk string) (time.Time, bool) {
		t.Helper()
		out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk},
		}})
		if err != nil || len(out.Item) == 0 {
			t.Fatalf("item %s/%s: %v, %v", pk, sk, out, err)
		}
		n, there := out.Item["expires"].(*types.AttributeValueMemberN)
		if !there {
			return time.Time{}, false
		}
		seconds, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(seconds, 0), true
	}
	c := opened("ab-1", now)
	first := opening(c, now)
	first.Delivery = &gate.Delivery{ID: "d-1", Verdict: gate.Start, Time: now}
	first.Incident = &gate.IncidentWrite{Now: gate.Incident{Key: alert.Incident{Org: "1", Monitor: "2", Key: "c.3"}, Version: 1}}
	first.Pointers = []gate.PointerWrite{{Key: "k-1", Now: "ab-1"}}
	first.Account = &gate.AccountWrite{Agent: agent, Put: map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: now}}}
	first.Group = &gate.GroupWrite{Now: gate.Group{Name: "1/2/host", Version: 1}}
	first.Surge = &gate.SurgeWrite{Now: gate.Surge{Name: "1/prod", Version: 1}}
	first.Hand = &gate.HandWrite{Now: gate.Hand{Version: 1}}
	first.Lead = &gate.LeadWrite{Case: "ab-2", Alert: alert.Alert{Delivery: "d-2"}}
	first.Posts = []gate.PostWrite{{ID: "ab-1", Agent: agent, Moments: []gate.Moment{gate.Waits}}}
	first.Told = &gate.ToldWrite{Now: gate.Post{ID: gate.AgentPost(agent), Agent: agent, Version: 1}}
	if err := l.Commit(ctx, first); err != nil {
		t.Fatal(err)
	}
	life := now.Add(ledger.Life).Truncate(time.Second)
	for _, k := range [][2]string{
		{"D#d-1", "D"},
		{"I#1#2", "c.3"},
		{"K#k-1", "K"},
		{"C#ab-1", "C"},
		{"G#1/2/host", "G"},
		{"S#1/prod", "S"},
		{"C#ab-2", "L"},
		{"C#ab-1", "P"},
		{"C#agent:" + agent, "P"},
	} {
		if at, _ := expires(k[0], k[1]); !at.Equal(life) {
			t.Errorf("item %v expires at %v, want %v", k, at, life)
		}
	}
	if at, there := expires("A#"+agent, "A"); there {
		t.Errorf("the account expires at %v; it must not", at)
	}
	if at, there := expires("H", "H"); there {
		t.Errorf("what is set by hand expires at %v; it must not", at)
	}
	at := now
	for _, days := range []time.Duration{0, 14, 29, 3, 30, 30, 1, 30} {
		at = at.Add(days * 24 * time.Hour)
		if err := l.Commit(ctx, joining(c, now, at)); err != nil {
			t.Fatal(err)
		}
		caseEnd, _ := expires("C#ab-1", "C")
		leadEnd, _ := expires("C#ab-1", "L")
		if want := at.Add(ledger.Life).Truncate(time.Second); !caseEnd.Equal(want) || leadEnd.Before(caseEnd) {
			t.Errorf("written on day %d, the case expires at %v, want %v, and its lead at %v",
				at.Sub(now)/(24*time.Hour), caseEnd, want, leadEnd)
		}
	}
}

// An operator's slip, a missing table, must be told in words that lead to the mend.
func TestMissingTable(t *testing.T) {
	client, _ := dynamotest.Open(t)
	l := dynamoledger.New(client, "no-such-table", dynamoledger.Options{})
	now := time.Now()
	for name, err := range map[string]error{
		"look":   func() error { _, err := l.Look(t.Context(), ledger.Question{Delivery: "d-1"}, now); return err }(),
		"commit": l.Commit(t.Context(), opening(opened("ab-1", now), now)),
		"posts":  func() error { _, err := l.Posts(t.Context(), agent, now); return err }(),
		"post":   func() error { _, err := l.Post(t.Context(), "ab-1", now); return err }(),
		"due":    func() error { _, err := l.Due(t.Context(), agent, now); return err }(),
	} {
		if err == nil || errors.Is(err, ledger.ErrUnknown) || !strings.Contains(err.Error(), "no-such-table") ||
			!strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// While a newer build is being rolled out, an older process may hold what it has read before the newer one wrote.
func TestNothingIsWrittenIntoANewerFormat(t *testing.T) {
	l, _, client, table := overLine(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	ctx := t.Context()
	c := opened("ab-1", now)
	first := opening(c, now)
	first.Account = &gate.AccountWrite{Agent: agent, Put: map[string]gate.Reservation{"ab-1": {Attempt: 1, Until: now}}}
	noted := gate.Change{At: now, Posts: []gate.PostWrite{{ID: "ab-1", Agent: agent, Moments: []gate.Moment{gate.Waits}}}}
	first.Posts = noted.Posts
	if err := l.Commit(ctx, first); err != nil {
		t.Fatal(err)
	}
	for _, k := range [][2]string{{"C#ab-1", "C"}, {"C#ab-1", "P"}, {"A#" + agent, "A"}} {
		expression := "SET #f = :two"
		if _, err := client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &table, UpdateExpression: &expression, ExpressionAttributeNames: map[string]string{"#f": "format"},
			ExpressionAttributeValues: map[string]types.AttributeValue{":two": &types.AttributeValueMemberN{Value: "2"}},
			Key: map[string]types.AttributeValue{
				"pk": &types.AttributeValueMemberS{Value: k[0]}, "sk": &types.AttributeValueMemberS{Value: k[1]},
			},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]gate.Change{
		"a join":                {At: now, Cases: joining(c, now, now).Cases},
		"a condition":           {At: now, Cases: []gate.CaseWrite{{Read: c, Now: c}}},
		"a dropped reservation": {At: now, Account: &gate.AccountWrite{Agent: agent, Drop: []string{"ab-1"}}},
	} {
		if err := l.Commit(ctx, change); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("%s ends in %v, want %v", name, err, ledger.ErrConflict)
		}
	}
	var format *dynamoledger.FormatError
	if _, err := l.LookCase(ctx, "ab-1", agent, now); !errors.As(err, &format) || format.Format != 2 {
		t.Errorf("and read again, it ends in %v", err)
	}
	// But what happens is noted, for nothing may fail for it. The post stays the newer build's.
	noted.Posts[0].Moments = []gate.Moment{gate.HasEnded}
	if err := l.Commit(ctx, noted); err != nil {
		t.Errorf("something has happened, and noting it ends in %v", err)
	}
	if _, err := l.Post(ctx, "ab-1", now); !errors.As(err, &format) || format.Format != 2 || format.Item != "C#ab-1/P" {
		t.Errorf("and the post is read with %v", err)
	}
}

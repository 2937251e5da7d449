package batch

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// tape is what a handler did, in order.
type tape struct {
	did []string
	now time.Time
	do  map[string]func() error // by message; nothing: it succeeds
}

// begun is one message of it.
type begun struct {
	*tape
	id string
}

func (b begun) Take(_ context.Context, m events.SQSMessage) error {
	b.did = append(b.did, "take "+m.MessageId)
	if do := b.do[b.id]; do != nil {
		return do()
	}
	return nil
}

func (b begun) Record(_ context.Context, _ telemetry.Span, err error) {
	line := "record " + b.id
	if err != nil {
		line += ": " + err.Error()
	}
	b.did = append(b.did, line)
}

func (p *tape) each(ctx context.Context, ids ...string) (events.SQSEventResponse, error) {
	var ev events.SQSEvent
	for _, id := range ids {
		ev.Records = append(ev.Records, events.SQSMessage{MessageId: id})
	}
	return Each(ctx, ev, 10*time.Second, func() time.Time { return p.now }, func(m events.SQSMessage) Work {
		p.did = append(p.did, "begin "+m.MessageId)
		return begun{p, m.MessageId}
	})
}

// deadline is a context with a deadline by the test's clock, which never passes by itself.
type deadline struct {
	context.Context
	end time.Time
}

func (d deadline) Deadline() (time.Time, bool) { return d.end, true }

// Each message is begun, taken and told in turn, and those that failed come back alone, whatever way they failed. The
// last finds a moment less than it needs.
func TestEach(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	p := &tape{now: noon}
	p.do = map[string]func() error{
		"b": func() error { p.now = noon.Add(20 * time.Second); return errors.New("the ledger is down") },
		"c": func() error { panic("boom") },
		"d": func() error { p.now = p.now.Add(time.Nanosecond); return nil },
	}
	resp, err := p.each(deadline{t.Context(), noon.Add(30 * time.Second)}, "a", "b", "c", "d", "e")
	if err != nil {
		t.Error(err)
	}
	text, err := json.Marshal(resp)
	if want := `{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"},{"itemIdentifier":"e"}]}`; err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	want := []string{
		"begin a", "take a", "record a",
		"begin b", "take b", "record b: the ledger is down",
		"begin c", "take c", "record c: the handler panicked: boom",
		"begin d", "take d", "record d", // 10 s are left, and that is enough
		"begin e", "record e: message e was not begun: less than 10s of the invocation were left",
	}
	if !slices.Equal(p.did, want) {
		t.Errorf("it did\n%q\nwant\n%q", p.did, want)
	}
}

// A single message that fails is an error of the invocation, with its own words.
func TestEachOfOne(t *testing.T) {
	down := errors.New("the ledger is down")
	p := &tape{do: map[string]func() error{"a": func() error { return down }}}
	if resp, err := p.each(t.Context(), "a"); !errors.Is(err, down) || err.Error() != down.Error() || resp.BatchItemFailures != nil {
		t.Errorf("%v, %v", resp, err)
	}
	if resp, err := p.each(t.Context(), "b"); err != nil || resp.BatchItemFailures == nil || len(resp.BatchItemFailures) != 0 {
		t.Errorf("%v, %v", resp, err)
	}
}

// Without failures the response is an empty list: Lambda takes null for a failure of all.
func TestEachOfNone(t *testing.T) {
	resp, err := new(tape).each(t.Context())
	if text, _ := json.Marshal(resp); err != nil || string(text) != `{"batchItemFailures":[]}` {
		t.Errorf("%s, %v", text, err)
	}
}

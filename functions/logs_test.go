package functions_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/alertbridge/alertbridge/docs/docstest"
	corpus "github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

const logsPage = "docs/logs.md"

// door is an ingest in front of the bridge: what it sends, the dispatcher gets at once.
type door struct {
	*bridge
	intake *intake.Handler
	sent   []queue.Envelope
	down   error // what the queue answers
	unsure bool  // the tokens were read a moment ago
}

const token = "example-ingest-token-for-local-use-only" // of the corpus

func (b *bridge) door() *door {
	d := &door{bridge: b}
	cfg := telemetry.Config{Function: "test", Stack: "s", Out: &b.out, Now: b.clock.Now}
	d.intake = &intake.Handler{
		Queue: d, QueueName: "alerts", Tokens: d, Now: b.clock.Now, Log: telemetry.Logger(cfg), Metrics: telemetry.NewRecorder(cfg),
	}
	return d
}

func (d *door) Send(_ context.Context, e queue.Envelope, _ map[string]string) error {
	d.sent = append(d.sent, e)
	return d.down
}

func (d *door) Accepted(context.Context) ([]secret.Version, error) {
	return []secret.Version{{ID: "1", Value: secret.New(token)}}, nil
}

func (d *door) RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error) {
	v, err := d.Accepted(ctx)
	return v, !d.unsure, err
}

// takes hands a delivery of the corpus to ingest.
func (d *door) takes(file string, change ...func(*events.APIGatewayV2HTTPRequest)) {
	d.t.Helper()
	raw, err := corpus.File("http/" + file)
	if err != nil {
		d.t.Fatal(err)
	}
	var req events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &req); err != nil {
		d.t.Fatal(err)
	}
	req = corpus.Fresh(req, d.clock.Now())
	for _, c := range change {
		c(&req)
	}
	if _, err := d.intake.Handle(d.invocation(), req); err != nil {
		d.t.Fatal(err)
	}
}

// invocation is a context as Lambda gives it.
func (b *bridge) invocation() context.Context {
	return lambdacontext.NewContext(b.t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "8cbe8a9c-0b1e-4b0e-9f0e-4f7f1f0e6a55"})
}

// recordScenarios make the functions write every record there is, with every field.
var recordScenarios = map[string]func(*testing.T) *bridge{
	"ingest": func(t *testing.T) *bridge {
		b := newBridge(t)
		d := b.door()
		d.takes("triggered-p1.json")
		d.takes("test-notification.json") // it names a person
		d.takes("not-json.json")
		d.takes("no-token.json")
		d.down = errDown
		d.takes("triggered-p1.json")
		d.unsure = true
		d.takes("wrong-token.json")
		return b
	},
	"alerts that start, join and cannot be read": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.triggers("A")
		b.triggers("A")
		_, _ = b.dispatch.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
			{MessageId: "m", Body: encode(t, unreadable("raw-1", b.clock.Now()))},
		}})
		return b
	},
	"an alert with all that a decision reads": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.send(b.alertOf("A", alert.Triggered, cycle("1"), func(a *alert.Alert) {
			a.OrgName, a.Hostname, a.Priority, a.AlertType, a.Test = "Example", "web-1", "P3", "error", true
			a.Monitor.Type, a.Scope = "query_alert_monitor", []string{"host:web-1"}
		}))
		return b
	},
	"starts that go wrong": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.agent.says(delivery.Throttled)
		b.triggers("A")
		b.clock.add(time.Hour)
		b.agent.says(delivery.ErrorsInBody)
		b.triggers("B")
		return b
	},
	"an answer of the Agent that is not in the ledger": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.agent.meanwhile(func() { b.store.fails(errDown) })
		_ = b.try(b.alertOf("A", alert.Triggered))
		return b
	},
	"no verdict": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.store.fails(errDown)
		_ = b.try(b.alertOf("A", alert.Triggered))
		return b
	},
	"a tick that starts": func(t *testing.T) *bridge {
		b := newBridge(t, held)
		b.triggers("A")
		b.tick(time.Minute)
		return b
	},
	"a tick that finds a doubt which is repeated": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.store.losesAnswer()
		b.triggers("A")
		b.tick(gate.Lease + time.Second)
		return b
	},
	"ticks that find a doubt, and leave it": func(t *testing.T) *bridge {
		b := newBridge(t, stop)
		b.store.losesAnswer()
		b.triggers("A")
		b.tick(gate.Lease + time.Second)
		b.tick(time.Hour)
		return b
	},
	"a tick that the Agent refuses": func(t *testing.T) *bridge {
		b := newBridge(t, held)
		b.triggers("A")
		b.agent.says(delivery.ErrorsInBody)
		b.tick(time.Minute)
		return b
	},
	"a tick that fails": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.store.fails(errDown)
		_, _ = b.schedule.Handle(t.Context(), struct{}{})
		return b
	},
	"a message that panics": func(t *testing.T) *bridge {
		b := newBridge(t)
		b.agent.meanwhile(func() { panic("boom") })
		_ = b.try(b.alertOf("A", alert.Triggered))
		return b
	},
	"a tick that panics": func(t *testing.T) *bridge {
		b := newBridge(t, held)
		b.triggers("A")
		b.agent.meanwhile(func() { panic("boom") })
		b.clock.add(time.Minute)
		_, _ = b.schedule.Handle(t.Context(), struct{}{})
		return b
	},
	"a tick that looks after two Agents": func(t *testing.T) *bridge {
		b, _ := twoAgents(t)
		b.send(b.alertOf("A", alert.Triggered, critical, ofPayments))
		b.tick(time.Minute)
		return b
	},
	"events of the Agent": func(t *testing.T) *bridge {
		f := newFollowed(t)
		f.triggers("A", critical)
		f.clock.add(10 * time.Minute)
		heard := f.tasks.Events()
		f.hear(append(heard, heard[0])...)
		f.hear(json.RawMessage(file(t, "mitigation-failed.json")), json.RawMessage(file(t, "investigation-created.json")))
		return f.bridge
	},
	"events of an agent space that nobody has named": func(t *testing.T) *bridge {
		f := newFollowed(t)
		f.follow.Agents = nil
		f.hear(json.RawMessage(file(t, "investigation-created.json")))
		return f.bridge
	},
	"events that cannot be taken in": func(t *testing.T) *bridge {
		f := newFollowed(t)
		f.triggers("A", critical)
		f.clock.add(10 * time.Minute)
		heard := f.tasks.Events()
		f.api.Always(apitest.Denied)
		f.hear(heard[0])
		f.follow.Work = breaks{}
		f.hear(heard[0])
		return f.bridge
	},
	"ticks that find the account's usage high, and at its limit, and cannot read it": func(t *testing.T) *bridge {
		f := newReading(t)
		f.uses(19, 20)
		f.ticks(1)
		f.uses(20, 20)
		f.ticks(60)
		f.uses(20, 20, "usagePeriodEndTime")
		f.ticks(60)
		f.api.Always(apitest.Denied)
		f.ticks(60)
		return f.bridge
	},
	"ticks that find a start unconfirmed": func(t *testing.T) *bridge {
		f := newFollowed(t)
		f.deaf = true
		f.triggers("A", critical)
		f.ticks(15)
		return f.bridge
	},
	"answers that are told, put off, left out and given up": func(t *testing.T) *bridge {
		w := newTelling(t, unfollowed)
		w.events.Always(answertest.Status(503, ""))
		w.triggers("A")
		w.ticks(15 * time.Minute)
		w.events.Always(nil)
		w.ticks(20 * time.Minute)
		w.events.Next(answertest.Status(400, ""))
		w.triggers("B")
		w.tick(time.Minute)
		return w.bridge
	},
	"a tick that pages with a key for a route that there is not": func(t *testing.T) *bridge {
		w := newTelling(t)
		w.agent.says(delivery.Unauthorized)
		w.names("checkout", "an old name")
		w.triggers("A", critical)
		w.tick(time.Minute)
		return w.bridge
	},
	"a tick whose commit is lost": func(t *testing.T) *bridge {
		b := newBridge(t, held)
		b.triggers("A")
		b.store.losesAnswer()
		b.tick(time.Minute)
		return b
	},
}

// tablesOf are the page's tables for a record.
func tablesOf(message string) []string {
	switch {
	case strings.HasPrefix(message, "delivery "):
		return []string{"every record", "delivery"}
	case strings.HasPrefix(message, "answer "):
		return []string{"every record", "answer"}
	case strings.HasPrefix(message, "tick"):
		return []string{"every record", "tick"}
	case strings.HasPrefix(message, "event "):
		return []string{"every record", "event", message}
	case message == "message has no verdict", strings.HasPrefix(message, "pager keys "), strings.HasPrefix(message, "usage "):
		return []string{"every record", message}
	}
	return []string{"every record", message, "start"}
}

// Every field that a function writes is on the page, with its type, and every field on the page is written.
func TestFieldsAreOnThePage(t *testing.T) {
	type field struct{ table, name string }
	written := map[field]int{}
	records := map[string]int{} // by table
	levels := map[string]bool{}
	for name, play := range recordScenarios {
		got, _ := play(t).written()
		if len(got) == 0 {
			t.Errorf("%s: no record", name)
		}
		for _, r := range got {
			message := r["message"].(string)
			members(r, "alert")
			levels[message+" "+r["level"].(string)] = true
			told := map[string]string{}
			for _, table := range tablesOf(message) {
				records[table]++
				for _, row := range docstest.Table(t, logsPage, table) {
					told[row["field"]] = row["type"]
					if _, there := r[row["field"]]; there {
						written[field{table, row["field"]}]++
					}
				}
			}
			for name, value := range r {
				if want := typeOf(value); told[name] != want {
					t.Errorf("%q has the field %s, of type %s, and the page says %q", message, name, want, told[name])
				}
			}
		}
	}
	for table, n := range records {
		for _, row := range docstest.Table(t, logsPage, table) {
			w := written[field{table, row["field"]}]
			switch row["when"] {
			case "always":
				if w != n {
					t.Errorf("%s is in %d of %d records of %q, and the page says always", row["field"], w, n, table)
				}
			case "with Datadog": // held by package telemetry's tests, for there is no tracer here
			default:
				if w == 0 || w == n {
					t.Errorf("%s is in %d of %d records of %q, and the page says %q", row["field"], w, n, table, row["when"])
				}
			}
			if !like(row["example"], row["type"]) {
				t.Errorf("the example of %s is %q, which is no %s", row["field"], row["example"], row["type"])
			}
		}
	}
	var told []string
	for _, row := range docstest.Table(t, logsPage, "levels") {
		for _, message := range strings.Split(row["message"], ", ") {
			told = append(told, message+" "+row["level"])
		}
	}
	slices.Sort(told)
	if got := slices.Sorted(maps.Keys(levels)); !slices.Equal(got, told) {
		t.Errorf("the page has the records\n\t%v\nthe functions write\n\t%v", told, got)
	}
}

// members puts the members of a group beside it, under names with a dot: the page tells of each.
func members(record map[string]any, group string) {
	in, _ := record[group].(map[string]any)
	for name, value := range in {
		record[group+"."+name] = value
	}
}

func typeOf(v any) string {
	switch v.(type) {
	case []any:
		return "list"
	case float64:
		return "number"
	case bool:
		return "bool"
	case map[string]any:
		return "group"
	}
	return "string"
}

func like(example, kind string) bool {
	switch kind {
	case "number":
		_, err := strconv.ParseFloat(example, 64)
		return err == nil
	case "bool":
		_, err := strconv.ParseBool(example)
		return err == nil
	}
	return example != ""
}

// Every member of a counter's line is on the page too.
func TestCountersMembersAreOnThePage(t *testing.T) {
	told := map[string]bool{}
	for _, row := range docstest.Table(t, logsPage, "counter") {
		told[row["member"]] = false
	}
	for _, play := range recordScenarios {
		for _, line := range play(t).out.take() {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil || m["_aws"] == nil {
				continue
			}
			for name := range m {
				if slices.ContainsFunc(telemetry.Metrics(), func(d telemetry.Definition) bool { return string(d.Metric) == name }) {
					name = "the counter's name"
				}
				if _, known := told[name]; !known {
					t.Errorf("the page does not know %s of %s", name, line)
				}
				told[name] = true
			}
		}
	}
	for name, seen := range told {
		if !seen {
			t.Errorf("no counter has %s", name)
		}
	}
}

// perAlert is what one alert costs in the log, in bytes.
func perAlert(t *testing.T, d *door, handle func()) map[string]int {
	t.Helper()
	d.out.take()
	handle()
	sizes := map[string]int{}
	for _, line := range d.out.take() {
		kind := "counters"
		if !strings.Contains(line, `"_aws"`) {
			kind = "records"
		}
		sizes[kind] += len(line) + 1
	}
	if sizes["records"] == 0 || sizes["counters"] == 0 {
		t.Errorf("sizes %v", sizes)
	}
	return sizes
}

// What the page says of an ordinary alert is so, within a tenth.
func TestBytesForAnAlert(t *testing.T) {
	d := newBridge(t).door()
	ingest := perAlert(t, d, func() { d.takes("triggered-p1.json") })
	decided := func() {
		body := encode(t, d.sent[len(d.sent)-1])
		if _, err := d.dispatch.Handle(d.invocation(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}}); err != nil {
			t.Fatal(err)
		}
	}
	starts := perAlert(t, d, decided)
	joins := perAlert(t, d, decided)
	for _, row := range docstest.Table(t, logsPage, "bytes") {
		got := map[string]map[string]int{"ingest": ingest, "dispatcher, it starts": starts, "dispatcher, it joins": joins}[row["what"]]
		for _, kind := range []string{"records", "counters"} {
			told, err := strconv.Atoi(strings.ReplaceAll(row[kind], ",", ""))
			if err != nil || told*9 > got[kind]*10 || told*11 < got[kind]*10 {
				t.Errorf("%s: %s of %d bytes, and the page says %s", row["what"], kind, got[kind], row[kind])
			}
		}
	}
}

// However long an alert's fields and the Agent's words, a record stays below what its fields' limits add up to. So no
// text that has no limit gets into one.
func TestBytesForTheLargestAlert(t *testing.T) {
	const (
		char   = 4    // bytes of the longest character
		quoted = 2    // bytes of one that JSON escapes; what would need more is not in cleaned text
		fixed  = 1200 // names of the fields, numbers, words of closed lists
		ids    = alert.MaxID + (3*alert.MaxID + 2)
		lines  = 2 * 300                                     // what decided, and what was set by hand, in characters
		values = 2*alert.MaxName + 10*alert.MaxField + lines // title, service; source, shape, event; of the group alert seven more
		lists  = alert.MaxScopes + alert.MaxTags
		limit  = fixed + ids + char*values + quoted*delivery.MaxWords + lists*(char*alert.MaxField+len(`"",`))
	)
	b := newBridge(t)
	a := *ledgertest.Largest(b.clock.Now(), 1).Cases[0].Lead
	b.agent.answers = []delivery.Answer{{Reason: delivery.ErrorsInBody, Words: strings.Repeat(`"`, delivery.MaxWords)}}
	n := perAlert(t, b.door(), func() { b.send(a) })["records"]
	t.Logf("the record of the largest alert has %d bytes, its limit is %d", n, limit)
	if n > limit || n < limit/4 {
		t.Errorf("the record of the largest alert has %d bytes, its fields' limits allow %d", n, limit)
	}
	d := b.door()
	n = perAlert(t, d, func() {
		d.takes("triggered-p1.json", func(r *events.APIGatewayV2HTTPRequest) {
			r.Body = strings.ReplaceAll(r.Body, "Checkout answers slowly", strings.Repeat("𠮷", 20_000))
		})
	})["records"]
	if n > limit {
		t.Errorf("ingest's record of the largest alert has %d bytes, its fields' limits allow %d", n, limit)
	}
}

// The paths on which a message or a tick gives up are told with what failed.
func TestWhatFailedIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		play func(*testing.T) *bridge
		says string
	}{
		"a verdict that cannot be written": {func(t *testing.T) *bridge {
			b := newBridge(t)
			b.store.before = []func(gate.Change) error{func(gate.Change) error { return errDown }}
			_ = b.try(b.alertOf("A", alert.Triggered))
			return b
		}, "the verdict start (new_incident) on delivery dd-1-1 could not be written: " + errDown.Error()},
		"an unreadable delivery while the ledger is away": {func(t *testing.T) *bridge {
			b := newBridge(t)
			b.store.fails(errDown)
			_, _ = b.dispatch.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
				{MessageId: "m", Body: encode(t, unreadable("raw-1", b.clock.Now()))},
			}})
			return b
		}, "the ledger could not be read for delivery raw-1: " + errDown.Error()},
		"a case that cannot be moved": {func(t *testing.T) *bridge {
			b := newBridge(t, held)
			b.triggers("A")
			b.out.take()
			b.store.before = []func(gate.Change) error{func(gate.Change) error { return errDown }}
			b.clock.add(time.Minute)
			_, _ = b.schedule.Handle(t.Context(), struct{}{})
			return b
		}, "could not move case"},
		"an account that cannot be mended": {func(t *testing.T) *bridge {
			b := newBridge(t)
			b.agent.says(delivery.Unauthorized)
			b.triggers("A")
			b.agent.version = "v2"
			b.out.take()
			b.store.before = []func(gate.Change) error{func(gate.Change) error { return errDown }}
			_, _ = b.schedule.Handle(t.Context(), struct{}{})
			return b
		}, "could not mend the account"},
		"nobody knows what is due": {func(t *testing.T) *bridge {
			b := newBridge(t)
			b.schedule.Ledger = noDue{b.store}
			_, _ = b.schedule.Handle(t.Context(), struct{}{})
			return b
		}, "could not ask the ledger what is due: " + errDown.Error()},
	} {
		records, _ := c.play(t).written()
		if len(records) != 1 || records[0]["level"] != "ERROR" || !strings.Contains(records[0]["error"].(string), c.says) {
			t.Errorf("%s: records %v, want one that says %q", name, records, c.says)
		}
	}
}

type noDue struct{ ledger.Ledger }

func (noDue) Due(context.Context, string, time.Time) ([]string, error) { return nil, errDown }

package alertbridge_test

import (
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/answer/ddevents"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/answer/words"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

var drawTold = flag.Bool("draw", false, "draw docs/pictures/told.svg anew")

const toldPicture = "docs/pictures/told.svg"

// The picture of what the on-call sees is drawn here, from what the stand-ins of Datadog and PagerDuty have taken: nothing
// in it is written by hand but what stands above the columns. make pictures draws it anew.
func TestPictureOfWhatIsTold(t *testing.T) {
	got := drawn(t, toldOf(t))
	if *drawTold {
		if err := os.WriteFile(toldPicture, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got != docstest.Read(t, toldPicture) {
		t.Errorf("%s shows other words than are told; draw it anew with make pictures", toldPicture)
	}
	if err := xml.Unmarshal([]byte(got), new(struct{})); err != nil {
		t.Errorf("it is no XML: %v", err)
	}
	if !strings.Contains(docstest.Read(t, "README.md"), "("+toldPicture+")") {
		t.Errorf("the README does not show %s", toldPicture)
	}
}

// seen is what there is to be seen at a moment.
type seen struct {
	at    time.Time
	event answertest.Event
	page  []answertest.PagerDutyEvent // in the order in which they came, what is about the incident before the change
}

// toldOf tells one case from its start to its end: it is critical, nothing confirms its start for ten minutes, then the Agent
// shows that it has had it all the time, and what it has found.
func toldOf(t *testing.T) (all []seen) {
	began := time.Date(2026, 11, 20, 11, 52, 4, 0, time.UTC)
	lead := alert.Alert{
		Title: "Checkout answers slowly", Severity: alert.Critical, Tags: []string{"service:checkout", "env:prod", "team:shop"},
		Incident: alert.Incident{Org: "1000042", Monitor: "24018841", Key: "c.8f0c"},
		Links:    []alert.Link{{Name: "Monitor", URL: "https://app.datadoghq.eu/monitors/24018841"}},
	}
	c := gate.Case{
		ID: "ab-k5w2q7n3xj4mzyta", State: gate.Started, Severity: alert.Critical, Title: lead.Title, Service: "checkout", StartAt: began,
	}
	rules := policy.Default().For(lead)
	rules.Followed, rules.Tells = true, true
	var happened []gate.Moment
	now := began
	events, pager := places(t, func() time.Time { return now })
	tell := func(m gate.Moment, found string) {
		happened = append(happened, m)
		a := words.Of(words.Telling{Case: c, Lead: lead, Rules: rules, Moment: m, At: now, Happened: happened, Summary: found, Now: now})
		all = append(all, seen{at: now, event: events(a), page: pager(a)})
	}
	tell(gate.WasStarted, "")
	now = began.Add(gate.ConfirmWithin)
	c.Work.Missed = true
	tell(gate.WasMissed, "")
	now = began.Add(13*time.Minute + 40*time.Second)
	c.State, c.How = gate.Ended, gate.EndCompleted
	c.Work.Tasks = []gate.TaskWork{{
		ID: "815ff8b3-9809-4f61-8fe2-b80bf8fa5d0f", Status: gate.Completed, Created: began.Add(time.Minute), Updated: now,
		Marks: []gate.Mark{{At: began.Add(80 * time.Second), Status: gate.InProgress}, {At: now, Status: gate.Completed}},
	}}
	tell(gate.HasEnded, "## Root cause\n\nThe deployment of 11:47 set the pool of database connections to 5. Requests wait for a connection "+
		"until they time out.\n\n## Next steps\n\n- Set `DB_POOL_SIZE` back to 50, or roll back to 2.14.2.")
	return all
}

// places are the two stand-ins: each takes an answer by the real client and gives what it has taken.
func places(t *testing.T, now func() time.Time) (events func(answer.Answer) answertest.Event, pager func(answer.Answer) []answertest.PagerDutyEvent) {
	t.Helper()
	datadog, err := answertest.NewDatadog(answertest.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(datadog.Close)
	duty, err := answertest.NewPagerDuty(answertest.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(duty.Close)
	toDatadog, err := ddevents.New(ddevents.Options{StandIn: datadog.URL(), Keys: datadog.Secrets(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	toDuty, err := pagerduty.New(pagerduty.Options{StandIn: duty.URL(), Keys: duty.Secrets(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(to answer.Target, a answer.Answer) {
		t.Helper()
		if res := to.Deliver(t.Context(), a); res.End != answer.Delivered {
			t.Fatalf("%q was not taken: %+v", a.Title, res)
		}
	}
	events = func(a answer.Answer) answertest.Event {
		deliver(toDatadog, a)
		all := datadog.Events()
		return all[len(all)-1]
	}
	pager = func(a answer.Answer) []answertest.PagerDutyEvent {
		if a.Page == answer.NoPage {
			return nil
		}
		before, changed := len(duty.Events()), len(duty.Changes())
		deliver(toDuty, a)
		return append(duty.Events()[before:], duty.Changes()[changed:]...)
	}
	return events, pager
}

// The measures of the picture, in pixels and in characters.
const (
	pictureWide           = 980
	eventLeft, eventWide  = 84, 548
	pageLeft, pageWide    = 668, 292
	eventChars, pageChars = 80, 40
	lineHigh              = 17
)

// drawn is the picture.
func drawn(t *testing.T, all []seen) string {
	t.Helper()
	var b strings.Builder
	y, opened := 92, 0
	for _, s := range all {
		event := append([]toldLine{{"head", s.event.Title}}, broken("", s.event.Text, eventChars)...)
		event = append(event, broken("faint", strings.Join(s.event.Tags, "  "), eventChars)...)
		fmt.Fprintf(&b, "<text class=\"faint\" x=\"20\" y=\"%d\">%s</text>\n", y+20, s.at.Format("15:04:05"))
		under := y // where the next card of the pager's comes
		for _, p := range s.page {
			color, page := "", []toldLine(nil)
			switch p.Action {
			case string(answer.Trigger):
				color, opened = "bad", under
				page = append([]toldLine{{"bad head", "Incident triggered, " + p.Payload.Severity}}, said(p)...)
			case string(answer.Resolve): // it says the same as the change
				color = "good"
				page = []toldLine{{"good head", "Incident resolved"}}
				fmt.Fprintf(&b, "<path class=\"open\" d=\"M%d %dV%d\"/>\n", pageLeft+2, opened, under)
			case "":
				color = "info"
				page = append([]toldLine{{"info head", "Change event of the service, wakes nobody"}}, said(p)...)
			default:
				t.Fatalf("the picture has no drawing for %q", p.Action)
			}
			card(&b, color, pageLeft, under, pageWide, lineHigh*len(page)+18, page)
			under += lineHigh*len(page) + 18 + 8
		}
		high := lineHigh*len(event) + 18
		card(&b, s.event.AlertType, eventLeft, y, eventWide, high, event)
		y = max(y+high, under-8) + 16
	}
	title := "What the on-call sees of one case"
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %[1]d %[2]d\" role=\"img\" aria-label=%[3]q>\n%[4]s\n"+
		"<rect class=\"ground\" width=\"%[1]d\" height=\"%[2]d\"/>\n<text class=\"title\" x=\"20\" y=\"30\">%[5]s</text>\n"+
		"<text class=\"faint\" x=\"20\" y=\"50\">A critical alert: its investigation is started, is not confirmed, and ends well after all. Times are UTC.</text>\n"+
		"<text class=\"head\" x=\"%[6]d\" y=\"80\">Datadog, events</text>\n<text class=\"head\" x=\"%[7]d\" y=\"80\">PagerDuty</text>\n%[8]s</svg>\n",
		pictureWide, y+4, title, toldStyle, title, eventLeft, pageLeft, b.String())
}

// said is the text of a card of the pager's.
func said(p answertest.PagerDutyEvent) []toldLine {
	return append(broken("head", p.Payload.Summary, pageChars), broken("", p.Payload.Details["text"].(string), pageChars)...)
}

// toldLine is a line of a card, in a class of the style.
type toldLine struct{ class, text string }

func card(b *strings.Builder, color string, x, y, wide, high int, lines []toldLine) {
	fmt.Fprintf(b, "<rect class=\"card\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>\n<rect class=\"edge %s\" x=\"%d\" y=\"%d\" width=\"4\" height=\"%d\"/>\n",
		x, y, wide, high, color, x, y, high)
	for i, l := range lines {
		if l.text == "" {
			continue
		}
		class := ""
		if l.class != "" {
			class = fmt.Sprintf(" class=%q", l.class)
		}
		var text strings.Builder
		_ = xml.EscapeText(&text, []byte(l.text)) // a Builder does not fail
		fmt.Fprintf(b, "<text%s x=\"%d\" y=\"%d\">%s</text>\n", class, x+14, y+20+lineHigh*i, text.String())
	}
}

// broken breaks a text into lines of at most so many characters, where it has blanks.
func broken(class, text string, most int) (lines []toldLine) {
	for _, whole := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(whole) {
			if line != "" && len(line)+1+len(word) > most {
				lines = append(lines, toldLine{class, line})
				line = word
				continue
			}
			line = strings.TrimSpace(line + " " + word)
		}
		lines = append(lines, toldLine{class, line})
	}
	return lines
}

// toldStyle can be read on a light ground and on a dark one. The edges have the names of Datadog's kinds of events.
const toldStyle = `<style>
  text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .head { font-weight: 600; }
  .faint { fill: #59636e; }
  .ground { fill: #ffffff; }
  .card { fill: #f6f8fa; stroke: #d1d9e0; }
  .bad, .error { fill: #cf222e; }
  .good { fill: #1a7f37; }
  .info { fill: #0969da; }
  .open { stroke: #cf222e; stroke-width: 4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .faint { fill: #9198a1; }
    .ground { fill: #0d1117; }
    .card { fill: #151b23; stroke: #3d444d; }
    .bad, .error { fill: #ff7b72; }
    .good { fill: #3fb950; }
    .info { fill: #58a6ff; }
    .open { stroke: #ff7b72; }
  }
</style>`

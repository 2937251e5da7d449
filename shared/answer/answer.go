// Package answer says what is told about a case, to whom it may go, and what can become of it on the way.
//
// An Answer is finished: whoever hands one over has decided that it is to be told, in which words, and what it does to the
// pager. A Target carries it to one place where people look: ddevents to Datadog's events, pagerduty to PagerDuty. Package
// answertest stands in for both.
//
// What it promises:
//
//   - An Answer's text was written by an AI that read what strangers wrote. A Target makes it Ready before it sends it:
//     cleaned, redacted and bounded, whatever its caller did. What a place takes for more than text (mentions, markup), the
//     place's own package takes out.
//   - Deliver never fails silently. Its Result says delivered, later or given up, with the reason and with words that are
//     fit for a log, and hold no key and no address.
//   - Nothing here repeats a call, waits, or remembers what was told. That is the outbox's.
package answer

import (
	"context"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Answer is one thing to be told about a case.
type Answer struct {
	// ID names this telling: the same when it is sent again, and of no other.
	ID string
	// Case is the case's id; "" where it is about an Agent and no case.
	Case     string
	Moment   Moment
	At       time.Time      // when it happened; zero: not known
	Severity alert.Severity // the case's; where it is about an Agent, how much that matters
	Title    string         // one line
	Text     string         // plain, in lines
	Links    []Link
	Service  string
	Env      string
	// Route is the policy's route of the case, by its name; "" for none, and where it is about an Agent. It tells a Target
	// whom to tell, and stands in no text.
	Route string
	Tags  []string // the alert's that matter, "key:value" or bare
	// AggregationKey is the alert's own in Datadog; "" where it is not known.
	AggregationKey string

	// Page says what it does to the pager. PageKey names the pager's incident that it is about; "" is the case's.
	Page    Page
	PageKey string
}

// Link leads a reader on. An address that is not https leads nowhere and is left out.
type Link struct {
	Name string
	URL  string
}

// Moment is what has happened to a case, or to an Agent.
type Moment string

// The closed list of moments.
const (
	Started     Moment = "started"     // an investigation was asked for
	Waits       Moment = "waits"       // it waits; the text says for what and until when
	Unstarted   Moment = "unstarted"   // it ended and nothing was started for it
	Refused     Moment = "refused"     // the Agent would not take it
	Shut        Moment = "shut"        // it cannot start: the Agent's door is closed to us
	Beyond      Moment = "beyond"      // it is critical, and beyond the daily number of such
	Doubtful    Moment = "doubtful"    // nobody knows whether the Agent has it, and nothing more is tried
	Unconfirmed Moment = "unconfirmed" // the Agent took it, or may have, and nothing shows that it investigates
	Failed      Moment = "failed"      // the investigation failed, timed out or was cancelled
	Ended       Moment = "ended"       // the investigation is over; the text says what it found
	Planned     Moment = "planned"     // the Agent has made a plan for what its investigation has found; the text has it
	Recovered   Moment = "recovered"   // what it was about is over
	Down        Moment = "down"        // an Agent cannot be reached
	Up          Moment = "up"          // and can be again
)

// Moments lists every Moment, for tables and tests.
func Moments() []Moment {
	return []Moment{Started, Waits, Unstarted, Refused, Shut, Beyond, Doubtful, Unconfirmed, Failed, Ended, Planned, Recovered, Down, Up}
}

// Trouble tells a moment that a person should know of, however the case itself stands: an alert is not looked into, or
// was and without a result.
func (m Moment) Trouble() bool {
	switch m {
	case Refused, Shut, Beyond, Doubtful, Unconfirmed, Failed, Down:
		return true
	}
	return false
}

// Page is what an Answer does to the pager.
type Page string

// The closed list of what can be done to the pager.
const (
	NoPage   Page = ""         // nothing; such an Answer is not for the pager
	Trigger  Page = "trigger"  // opens the incident, or adds to it when it is open
	Resolve  Page = "resolve"  // closes it, if it is open
	Change   Page = "change"   // is shown beside the service's incidents, and wakes nobody
	Conclude Page = "conclude" // closes it as Resolve does, and is shown as Change is
)

// Pages lists every Page, for tables and tests.
func Pages() []Page { return []Page{NoPage, Trigger, Resolve, Change, Conclude} }

// Target delivers answers to one place. It is safe for concurrent use.
type Target interface {
	// Deliver tells an Answer once and says what became of it. It takes some seconds at most, ends with ctx, and leaves no
	// goroutine behind.
	Deliver(ctx context.Context, a Answer) Result
}

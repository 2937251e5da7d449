package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Kind is what an event of the Agent's speaks of.
type Kind string

// The kinds.
const (
	Investigation Kind = "investigation"
	// Mitigation is the plan that the Agent makes for a task whose investigation is over. The Status of its Task is the
	// plan's and settles nothing about the investigation. It is what the detail type says: whether the task's own status
	// changes by a mitigation is not documented.
	Mitigation Kind = "mitigation"
	// Other is everything else under the same source, such as the calls of its API that CloudTrail reports. It has no Task.
	Other Kind = "other"
)

// Event is what EventBridge delivers when something becomes of a task. It comes at least once, and in any order.
type Event struct {
	ID         string    // the event's own: the same when it is delivered again
	DetailType string    // as the Agent writes it, such as "Investigation Completed": one line, at most 100 characters
	Kind       Kind      //
	Space      string    // the agent space; "" for Other
	Time       time.Time // when the task was last changed
	// Task is how the task stood. No event says to what it refers, so Case is "", and no event has Primary and Words:
	// the API does. Created is zero and Updated is Time where the event does not say it in a form that can be read.
	Task gate.Task
}

// maxEvent is the most that DecodeEvent reads, in bytes: what EventBridge lets through.
const maxEvent = 256 << 10

// source is what the Agent's events are from, and what CloudTrail writes of its API.
const source = "aws.aidevops"

// DecodeEvent reads an event of EventBridge's default bus. An event of the Agent's source that is about neither an
// investigation nor a mitigation is no error, it is of Kind Other. An error says what is wrong with the event: it is from
// elsewhere, of a version that nobody knows, or without what a task cannot be without: its ids in a form that can be
// asked for, and its status; or it has more than 256 KiB. Fields that nobody knows are left alone.
//
// The contract is documented at docs.aws.amazon.com/devopsagent, "DevOps Agent events detail reference".
func DecodeEvent(body []byte) (Event, error) {
	if len(body) > maxEvent {
		return Event{}, fmt.Errorf("the event has %d bytes, more than %d", len(body), maxEvent)
	}
	w, d, plainly := readPlain(body)
	if !plainly {
		w = wireEvent{}
		if err := json.Unmarshal(body, &w); err != nil {
			return Event{}, fmt.Errorf("the event is not as EventBridge writes one: %w", wordsOf(err))
		}
	}
	if w.Source != source {
		return Event{}, fmt.Errorf("the event is from %q and not from %s; see the pattern of the rule that sends it", short(w.Source), source)
	}
	e := Event{ID: w.ID, DetailType: short(w.DetailType), Kind: kindOf(w.DetailType), Time: readTime(w.Time)}
	switch {
	case !IsRecordID(e.ID):
		return Event{}, fmt.Errorf("the event's id %q is none", short(w.ID))
	case e.Time.IsZero():
		return Event{}, fmt.Errorf("the event's time %q is none", short(w.Time))
	case e.Kind == Other:
		return e, nil
	}
	var err error
	if !plainly {
		d, err = decodeDetail(w.Detail)
	}
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return Event{}, fmt.Errorf("the detail of the event %q: %w", e.DetailType, err)
	}
	e.Space = d.Metadata.Space
	e.Task = gate.Task{
		ID:        d.Metadata.Task,
		Execution: d.Metadata.Execution,
		Status:    StatusOf(d.Data.Status),
		Created:   d.Data.Created.Time,
		Updated:   d.Data.Updated.Time,
		Summary:   d.Data.Summary,
	}
	if e.Task.Updated.IsZero() {
		e.Task.Updated = e.Time
	}
	e.Task.Of = gate.Investigating
	if e.Kind == Mitigation {
		e.Task.Of = gate.Mitigating
		_, status, _ := strings.Cut(w.DetailType, " ")
		if s := StatusOf(status); s != "" {
			e.Task.Status = s
		}
	}
	return e, nil
}

// wireEvent is what EventBridge writes. A CloudTrail event's detail is quite another one, so it is read later.
type wireEvent struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Time       string          `json:"time"`
	Detail     json.RawMessage `json:"detail"`
}

// wireDetail is the Agent's. A field that is empty is left out there.
type wireDetail struct {
	Version  string `json:"version"`
	Metadata struct {
		Space     string `json:"agent_space_id"`
		Task      string `json:"task_id"`
		Execution string `json:"execution_id"`
	} `json:"metadata"`
	Data struct {
		Status  string   `json:"status"`
		Created wireTime `json:"created_at"`
		Updated wireTime `json:"updated_at"`
		Summary string   `json:"summary_record_id"`
	} `json:"data"`
}

// wireTime is a time that may be missing or unreadable: what became of the task is worth more than since when.
type wireTime struct{ time.Time }

// UnmarshalJSON never fails.
func (t *wireTime) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		t.Time = readTime(s)
	}
	return nil
}

// readTime is zero for what is no time, or lies where JSON has none.
func readTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

func kindOf(detailType string) Kind {
	switch first, _, more := strings.Cut(detailType, " "); {
	case more && first == "Investigation":
		return Investigation
	case more && first == "Mitigation":
		return Mitigation
	}
	return Other
}

func decodeDetail(text []byte) (d wireDetail, err error) {
	if len(text) == 0 {
		return d, errors.New("there is none")
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return wireDetail{}, wordsOf(err)
	}
	return d, nil
}

// check says what a task cannot be without.
func (d wireDetail) check() error {
	m := d.Metadata
	switch {
	case d.Version != "" && !strings.HasPrefix(d.Version, "1."):
		return fmt.Errorf("its version is %q, and only 1.x is known; see whether there is a newer release of alertbridge", short(d.Version))
	case !IsID(m.Space):
		return fmt.Errorf("agent_space_id %q is missing or no id", short(m.Space))
	case !IsID(m.Task):
		return fmt.Errorf("task_id %q is missing or no id", short(m.Task))
	case m.Execution != "" && !IsRecordID(m.Execution):
		return fmt.Errorf("execution_id %q is no id", short(m.Execution))
	case d.Data.Summary != "" && !IsRecordID(d.Data.Summary):
		return fmt.Errorf("summary_record_id %q is no id", short(d.Data.Summary))
	case StatusOf(d.Data.Status) == "":
		return fmt.Errorf("status %q is missing or none", short(d.Data.Status))
	}
	return nil
}

// wordsOf says what encoding/json objects to without the text that it met.
func wordsOf(err error) error {
	e, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return errors.New("no JSON")
	}
	kind, _, _ := strings.Cut(e.Value, " ") // behind it stands the number that was met
	if e.Field == "" {
		return fmt.Errorf("a JSON %s and no object", kind)
	}
	return fmt.Errorf("%s is a JSON %s", short(e.Field), kind)
}

// short is a text of the event for an error or a log: one line of at most 100 characters.
func short(s string) string {
	return fit(alert.Value(s), 100, 200)
}

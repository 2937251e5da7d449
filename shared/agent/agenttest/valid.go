package agenttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/plain"
)

// The limits at which real events have vanished after a good answer, and those of a task of the Agent's API, which an
// event becomes. A description may have 10,000 characters there, which the body's limit does not leave room for.
const (
	maxBody  = 8000 // bytes; must stay below
	maxID    = 128  // bytes
	maxTitle = 400  // characters
)

// The stricter limits that the bridge promises for a description.
const (
	ourDescription      = 4000 // characters
	ourDescriptionBytes = 5000 // as JSON
)

// Invalid lists the documented schema's objections to an event; the Agent answers 200 with such.
func Invalid(body []byte) []string {
	_, errs := read(body)
	return errs
}

// read gives an event, with the objections to it.
func read(body []byte) (map[string]any, []string) {
	if !utf8.Valid(body) {
		return nil, []string{"the body is not UTF-8"}
	}
	event, err := object(body)
	if err != nil {
		return nil, []string{"the body is not a JSON object: " + err.Error()}
	}
	return event, invalid(event)
}

func invalid(event map[string]any) []string {
	var errs []string
	objection := func(format string, args ...any) { errs = append(errs, fmt.Sprintf(format, args...)) }
	text := func(name string, required bool) string {
		v, there := event[name]
		s, ok := v.(string)
		if there && !ok {
			objection("%s must be a string", name)
		} else if required && s == "" {
			objection("%s is required", name)
		}
		return s
	}
	oneOf := func(name string, allowed ...string) {
		if s := text(name, true); s != "" && !slices.Contains(allowed, s) {
			objection("%s must be one of %s", name, strings.Join(allowed, ", "))
		}
	}
	oneOf("eventType", "incident")
	text("incidentId", true)
	oneOf("action", "created", "updated", "closed", "resolved")
	oneOf("priority", "CRITICAL", "HIGH", "MEDIUM", "LOW", "MINIMAL")
	text("title", true)
	text("description", false)
	text("service", false)
	if s := text("timestamp", false); s != "" {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			objection("timestamp must be ISO 8601")
		}
	}
	if d, there := event["data"]; there {
		if _, ok := d.(map[string]any); !ok {
			objection("data must be an object")
		}
	}
	for name := range event {
		switch name {
		case "eventType", "incidentId", "action", "priority", "title", "description", "timestamp", "service", "data":
		default:
			objection("%q is not a field of the schema", name)
		}
	}
	slices.Sort(errs)
	return errs
}

// Vanishing lists what has made valid events vanish after a good answer. It expects an event that is not Invalid.
func Vanishing(body []byte) []string {
	event, err := object(body)
	if err != nil {
		return []string{err.Error()}
	}
	return vanishing(body, event)
}

func vanishing(body []byte, event map[string]any) []string {
	var errs []string
	if len(body) >= maxBody {
		errs = append(errs, fmt.Sprintf("the body has %d bytes, not less than %d", len(body), maxBody))
	}
	if id, _ := event["incidentId"].(string); !plainID(id) {
		errs = append(errs, "the incidentId is not [A-Za-z0-9_.-]{1,128}")
	}
	if n := characters(event, "title"); n > maxTitle {
		errs = append(errs, fmt.Sprintf("the title has %d characters, more than %d", n, maxTitle))
	}
	if s, _ := event["service"].(string); s == "" {
		errs = append(errs, "there is no service")
	}
	return errs
}

// Unkept lists what the bridge promises of an event over and above the Agent's contract, and has not kept.
func Unkept(body []byte) []string {
	event, err := object(body)
	if err != nil {
		return []string{err.Error()}
	}
	var errs []string
	if event["action"] != "created" {
		errs = append(errs, "the action is not created: what others do at the Agent is not documented")
	}
	if n := characters(event, "description"); n == 0 || n > ourDescription {
		errs = append(errs, fmt.Sprintf("the description has %d characters, not 1 to %d", n, ourDescription))
	}
	if n := encoded(body, "description"); n > ourDescriptionBytes {
		errs = append(errs, fmt.Sprintf("the description has %d bytes, more than %d", n, ourDescriptionBytes))
	}
	stamp, _ := event["timestamp"].(string)
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", stamp); err != nil || at.Format("2006-01-02T15:04:05.000Z") != stamp {
		errs = append(errs, "the timestamp is not RFC 3339 in UTC with milliseconds")
	}
	if _, ok := event["data"].(map[string]any); !ok {
		errs = append(errs, "there is no data")
	}
	for _, escape := range []string{`\u003c`, `\u003e`, `\u0026`, `\ufffd`} {
		if bytes.Contains(body, []byte(escape)) {
			errs = append(errs, "a character is written as "+escape)
		}
	}
	for _, name := range []string{"title", "service"} {
		if s, _ := event[name].(string); strings.ContainsAny(s, "\n\t") || s != strings.TrimSpace(s) {
			errs = append(errs, "the "+name+" is not one trimmed line")
		}
	}
	if name := repeated(json.NewDecoder(bytes.NewReader(body))); name != "" {
		errs = append(errs, fmt.Sprintf("the field %q comes twice", name))
	}
	if r, found := unprintable(event); found {
		errs = append(errs, fmt.Sprintf("there is a %U, which nobody can see", r))
	}
	return errs
}

// object decodes a body that is one JSON object and nothing else.
func object(body []byte) (map[string]any, error) {
	r := plain.Read(string(body))
	if event, isObject := r.Any().(map[string]any); isObject && r.OK() {
		return event, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var event map[string]any
	if err := d.Decode(&event); err != nil {
		return nil, err
	}
	if event == nil {
		return nil, fmt.Errorf("it is null")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows it")
	}
	return event, nil
}

func plainID(id string) bool {
	for _, r := range id {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r) {
			return false
		}
	}
	return id != "" && len(id) <= maxID
}

func characters(event map[string]any, name string) int {
	s, _ := event[name].(string)
	return utf8.RuneCountInString(s)
}

// encoded is how many bytes a text of the body takes as it stands there, without its quotes.
func encoded(body []byte, name string) int {
	var event map[string]json.RawMessage
	if err := json.Unmarshal(body, &event); err != nil {
		return 0
	}
	return len(event[name]) - 2
}

// repeated finds a name that comes twice in one object, of which a reader would see only one.
func repeated(d *json.Decoder) string {
	t, err := d.Token()
	if err != nil {
		return ""
	}
	names := map[string]bool{}
	for open, isDelim := t.(json.Delim); isDelim && d.More(); {
		if open == '{' {
			t, err := d.Token()
			name, _ := t.(string)
			if err != nil || names[name] {
				return name
			}
			names[name] = true
		}
		if name := repeated(d); name != "" {
			return name
		}
	}
	if _, isDelim := t.(json.Delim); isDelim {
		_, _ = d.Token() // the end of the object or list
	}
	return ""
}

// unprintable finds a character that hides something from a reader: all control characters but line feed and tab, and
// those that format or direct text.
func unprintable(v any) (rune, bool) {
	switch v := v.(type) {
	case string:
		for _, r := range v {
			if r != '\n' && r != '\t' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)) {
				return r, true
			}
		}
	case []any:
		for _, e := range v {
			if r, found := unprintable(e); found {
				return r, true
			}
		}
	case map[string]any:
		for k, e := range v {
			if r, found := unprintable(k); found {
				return r, true
			}
			if r, found := unprintable(e); found {
				return r, true
			}
		}
	}
	return 0, false
}

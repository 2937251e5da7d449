package ddevents

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
)

// Marker is the tag of every event of ours, and of nothing else.
const Marker = alert.OwnMark

// Datadog's limits, in characters; see the package comment.
const (
	maxTitle       = 100
	maxText        = 4000
	maxAggregation = 100
	maxTag         = 200
	oldest         = 18 * time.Hour
)

// youthMargin is kept between an event's age and oldest, for the way and for clocks.
const youthMargin = time.Hour

// event is the body of "Post an event".
type event struct {
	Title          string   `json:"title"`
	Text           string   `json:"text"`
	Tags           []string `json:"tags"`
	AggregationKey string   `json:"aggregation_key,omitempty"`
	AlertType      string   `json:"alert_type"`
	Priority       string   `json:"priority"`
	SourceTypeName string   `json:"source_type_name"`
	DateHappened   int64    `json:"date_happened,omitempty"` // seconds
}

func encode(a answer.Answer, now time.Time) []byte {
	a = a.Ready()
	e := event{
		Tags: tags(a), AggregationKey: aggregation(a), AlertType: alertType(a),
		// "low" would hide it from whoever has not asked for such events.
		Priority: "normal", SourceTypeName: "my_apps",
	}
	whole := inert(a.Title)
	if whole == "" {
		whole = strings.TrimSuffix("alertbridge: "+string(a.Moment), ": ")
	}
	title, cut := alert.Cut(whole, maxTitle)
	e.Title = strings.TrimSpace(title)
	young := !a.At.IsZero() && now.Sub(a.At) < oldest-youthMargin
	if young {
		e.DateHappened = a.At.Unix()
	}
	if !cut {
		whole = ""
	}
	e.Text = body(a, whole)

	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		panic("ddevents: texts and numbers cannot fail to encode: " + err.Error())
	}
	return bytes.TrimSpace(out.Bytes())
}

// body is the event's text: the title where it had to be cut, the answer's text, its links, and our last line. Where that
// is too long, it is the answer's text that is cut.
func body(a answer.Answer, title string) string {
	var after []string
	for _, l := range a.Links {
		// Percent-encoded, an @ in an address is the same address.
		after = append(after, inert(l.Name)+": "+strings.ReplaceAll(l.URL, "@", "%40"))
	}
	last := "alertbridge"
	if a.Case != "" {
		last += ", case " + a.Case
	}
	if !a.At.IsZero() {
		last += ", " + a.At.Format("2006-01-02 15:04:05") + " UTC"
	}
	after = append(after, last)
	end := strings.Join(after, "\n")
	for len(after) > 1 && len(end) > maxText/2 { // addresses are long; the text comes first
		after = slices.Delete(after, len(after)-2, len(after)-1)
		end = strings.Join(after, "\n")
	}
	begin := ""
	if title != "" {
		begin = title + "\n\n"
	}
	text := inert(a.Text)
	const ellipsis = "..."
	if room := maxText - utf8.RuneCountInString(begin) - len(end) - len("\n\n"); utf8.RuneCountInString(text) > room {
		text, _ = alert.Cut(text, room-len(ellipsis))
		text = strings.TrimSpace(text) + ellipsis
	}
	if text != "" {
		text += "\n\n"
	}
	return begin + text + end
}

// inert is text that Datadog shows and does nothing with. Ready has dropped "%%%" and what certainly is a handle; no other
// @ stays either, for whom a name notifies is Datadog's to know, nor any two % in a row, which a third could join.
func inert(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, "%%", "% %"), "%%", "% %"), "@", "(at)")
}

// tags are ours and then the alert's. What the alert says under our names is left out.
func tags(a answer.Answer) []string {
	all := []string{Marker, "source:alertbridge"}
	if a.Moment != "" {
		all = append(all, "alertbridge_moment:"+string(a.Moment))
	}
	if a.Case != "" {
		all = append(all, "alertbridge_case:"+a.Case)
	}
	given := slices.Clone(a.Tags)
	for name, v := range map[string]string{"service": a.Service, "env": a.Env} {
		has := slices.ContainsFunc(given, func(t string) bool { return strings.HasPrefix(strings.ToLower(t), name+":") })
		if v != "" && !has {
			given = append(given, name+":"+v)
		}
	}
	slices.Sort(given[len(a.Tags):])
	for _, t := range given {
		if key, _, _ := strings.Cut(strings.ToLower(t), ":"); key != "source" && !strings.HasPrefix(key, "alertbridge") {
			all = append(all, t)
		}
	}
	var kept []string
	for _, t := range all {
		if t = tag(t); t != "" && !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// tag is a tag as Datadog would write it: it begins with a letter, has 200 characters at most, and letters, digits and
// "_-:./" alone. One that begins otherwise is none.
func tag(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); !unicode.IsLetter(first) {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-:./", r) {
			return unicode.ToLower(r)
		}
		return '_'
	}, s)
	s, _ = alert.Cut(s, maxTag)
	return strings.TrimRight(s, "_:")
}

// aggregation is the alert's key, else the case's id. A key that is too long is none: cut, it would be another.
func aggregation(a answer.Answer) string {
	if a.AggregationKey != "" && utf8.RuneCountInString(a.AggregationKey) <= maxAggregation {
		return a.AggregationKey
	}
	if len(a.Case) <= maxAggregation {
		return a.Case
	}
	return ""
}

// alertType is the event's colour. An investigation that has ended is no success: what it was about may go on.
func alertType(a answer.Answer) string {
	switch {
	case a.Moment.Trouble() && a.Severity >= alert.Critical, a.Moment == answer.Down:
		return "error"
	case a.Moment.Trouble():
		return "warning"
	case a.Moment == answer.Recovered, a.Moment == answer.Up:
		return "success"
	}
	return "info"
}

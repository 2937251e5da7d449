package events

import (
	"crypto/md5" // SQS's own sum
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
)

// Fresh moves a delivery of http to now, as if the request had just come in: its own time, and all times in its body by
// the same span, so that it has been on its way for as long as before. Nothing else changes, not even the length of the
// body. What is moved: the members date, last_updated and timestamp wherever they stand, in each form that Datadog
// gives them. What stays: the id, so that the same file is the same delivery for good; and times within links and text.
func Fresh(e lambda.APIGatewayV2HTTPRequest, now time.Time) lambda.APIGatewayV2HTTPRequest {
	by := now.Sub(time.UnixMilli(e.RequestContext.TimeEpoch))
	e.RequestContext.TimeEpoch = now.UnixMilli()
	e.RequestContext.Time = now.UTC().Format("02/Jan/2006:15:04:05 -0700")
	if !e.IsBase64Encoded {
		e.Body = move(e.Body, by)
	} else if body, err := base64.StdEncoding.DecodeString(e.Body); err == nil {
		e.Body = base64.StdEncoding.EncodeToString([]byte(move(string(body), by)))
	}
	return e
}

// FreshBatch does the same for an event of sqs: each message by the time at which it was sent, or, when it does not say
// when, as FreshBody does.
func FreshBatch(e lambda.SQSEvent, now time.Time) lambda.SQSEvent {
	e.Records = slices.Clone(e.Records)
	for i := range e.Records {
		r := &e.Records[i]
		sent, err := strconv.ParseInt(r.Attributes["SentTimestamp"], 10, 64)
		if err != nil {
			r.Body = FreshBody(r.Body, now)
			continue
		}
		by := now.Sub(time.UnixMilli(sent))
		r.Body = move(r.Body, by)
		r.Attributes = maps.Clone(r.Attributes)
		for _, name := range []string{"SentTimestamp", "ApproximateFirstReceiveTimestamp"} {
			if at, err := strconv.ParseInt(r.Attributes[name], 10, 64); err == nil {
				r.Attributes[name] = strconv.FormatInt(at+by.Milliseconds(), 10)
			}
		}
	}
	return e
}

// FreshOutcome does the same for an event of eventbridge, by its own time, and hands it on as Lambda hands it to outcome:
// as what OutcomeQueue holds when the rule has just put it there. The ids stay, so it is the same event for good.
func FreshOutcome(e json.RawMessage, now time.Time) lambda.SQSEvent {
	var at struct{ Time time.Time }
	body := string(e)
	if json.Unmarshal(e, &at) == nil && !at.Time.IsZero() {
		body = move(body, now.Sub(at.Time))
	}
	return Outcomes(body, now)
}

// Outcomes is an event of the Agent's as it is, in the message in which the rule's queue gives it to Lambda. The rule sends
// no attributes, so none carries a trace.
func Outcomes(body string, sent time.Time) lambda.SQSEvent {
	ms := strconv.FormatInt(sent.UnixMilli(), 10)
	return lambda.SQSEvent{Records: []lambda.SQSMessage{{
		MessageId: "00000000-0000-4000-8000-000000000001", ReceiptHandle: "example", Body: body,
		Md5OfBody: fmt.Sprintf("%x", md5.Sum([]byte(body))),
		Attributes: map[string]string{
			"SentTimestamp": ms, "ApproximateFirstReceiveTimestamp": ms, "ApproximateReceiveCount": "1",
		},
		MessageAttributes: map[string]lambda.SQSMessageAttribute{},
		EventSource:       "aws:sqs", EventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:outcomes", AWSRegion: "eu-central-1",
	}}}
}

// FreshBody does it for a delivery of which nothing but the body is known: the latest time in it becomes now. A body in
// which no time is found stays as it is.
func FreshBody(body string, now time.Time) string {
	var latest time.Time
	eachTime(body, func(literal string) string {
		if t := parse(literal); t.After(latest) {
			latest = t
		}
		return literal
	})
	if latest.IsZero() {
		return body
	}
	return move(body, now.Sub(latest))
}

// move adds by to every time in a JSON text. A text that is not JSON stays as it is.
func move(text string, by time.Duration) string {
	return eachTime(text, func(literal string) string {
		t := parse(literal)
		if t.IsZero() {
			return literal
		}
		return like(literal, t.Add(by))
	})
}

// timed are the members that hold times, of deliveries, of the queue's envelope and of the Agent's events.
var timed = []string{"date", "last_updated", "timestamp", "received", "time", "created_at", "updated_at"}

// eachTime hands the value of every timed member to edit, without its quotes, and puts what comes back in its place.
func eachTime(text string, edit func(literal string) string) string {
	if !json.Valid([]byte(text)) {
		return text
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var (
		out    strings.Builder
		copied int    // how much of the text is in out
		open   []rune // the objects and lists that we are in
		name   string // the member whose value comes next
		isName bool   // the next string is a name
	)
	for {
		before := int(d.InputOffset())
		token, err := d.Token()
		if err != nil { // the end, for the text is valid
			break
		}
		inObject := func() bool { return len(open) > 0 && open[len(open)-1] == '{' }
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				open = append(open, rune(v))
			} else {
				open = open[:len(open)-1]
			}
			name, isName = "", inObject()
			continue
		case string:
			if isName {
				name, isName = v, false
				continue
			}
		}
		if literal, found := literalOf(token); found && slices.Contains(timed, name) {
			// Digits and dates are never escaped, so the literal stands in the text as it is.
			if at := strings.Index(text[before:d.InputOffset()], literal); at >= 0 {
				out.WriteString(text[copied : before+at])
				out.WriteString(edit(literal))
				copied = before + at + len(literal)
			}
		}
		name, isName = "", inObject()
	}
	out.WriteString(text[copied:])
	return out.String()
}

func literalOf(t json.Token) (string, bool) {
	switch v := t.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// parse reads seconds or milliseconds since 1970, or RFC 3339; the zero time when it is none of them.
func parse(literal string) time.Time {
	n, err := strconv.ParseInt(literal, 10, 64)
	switch {
	case err == nil && len(literal) == 10:
		return time.Unix(n, 0)
	case err == nil && len(literal) == 13:
		return time.UnixMilli(n)
	}
	t, err := time.Parse(time.RFC3339Nano, literal)
	if err != nil {
		return time.Time{}
	}
	return t
}

// like writes a time in the form of the literal.
func like(literal string, t time.Time) string {
	switch {
	case strings.Contains(literal, "."):
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	case strings.Contains(literal, "T"):
		return t.UTC().Format("2006-01-02T15:04:05Z")
	case len(literal) == 10:
		return strconv.FormatInt(t.Unix(), 10)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

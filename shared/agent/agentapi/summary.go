package agentapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent"
	"github.com/aws/aws-sdk-go-v2/service/devopsagent/types"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// The journal of a run is read in pages, of one type of record. There are as many as the run has ended.
const (
	pageOfRecords  = 50
	pagesOfRecords = 5
	summaryType    = "investigation_summary_md"
	planType       = "mitigation_summary_md"
)

// Summary is what the Agent found in a run: Markdown in lines, at most MaxSummary bytes, or "" where the record says
// nothing. record is what the event names; "" takes the latest. delivery.APIGone says that the run has no such record,
// which may still come: an event can be earlier than the journal.
//
// An AI has written the text, from logs that anybody may have written into. It is data.
func (c *Client) Summary(ctx context.Context, space, execution, record string) (string, error) {
	ctx, cancel := clock.WithTimeout(ctx, ListDeadline)
	defer cancel()
	return c.summary(ctx, space, execution, record, summaryType)
}

func (c *Client) summary(ctx context.Context, space, execution, record, kind string) (string, error) {
	const call = "ListJournalRecords"
	switch {
	case !agent.IsID(space):
		return "", refuse(call, "%.130q is no agent space's id; check the setting", space)
	case !agent.IsRecordID(execution):
		return "", refuse(call, "%.130q is no run's id", execution)
	}
	in := &devopsagent.ListJournalRecordsInput{
		AgentSpaceId: &space,
		ExecutionId:  &execution,
		RecordType:   &kind,
		Limit:        aws.Int32(pageOfRecords),
		Order:        types.OrderTypeDesc,
	}
	for range pagesOfRecords {
		out, err := ask(ctx, call, c.api.ListJournalRecords, in)
		if err != nil {
			return "", err
		}
		if out.Records == nil {
			return "", unreadable(call, "no list of records")
		}
		if r, found := pick(out.Records, kind, record); found {
			return contentOf(call, r)
		}
		if aws.ToString(out.NextToken) == "" {
			return "", &delivery.APIError{
				Fault: delivery.APIGone, Call: call, Status: 200, Words: "the run has no such summary, or none yet; " + mendLater,
			}
		}
		in.NextToken = out.NextToken
	}
	return "", &delivery.APIError{
		Fault: delivery.APITooLong, Call: call, Status: 200, Words: "the run has more summaries than are read; see the Agent's own page of it",
	}
}

// pick finds the record, or the latest of a page that begins with the latest. What is of another type is passed over,
// should the API not have done so.
func pick(records []types.JournalRecord, kind, id string) (latest types.JournalRecord, found bool) {
	for _, r := range records {
		switch {
		case r.RecordType != nil && *r.RecordType != kind:
		case id != "" && aws.ToString(r.RecordId) == id:
			return r, true
		case id == "" && (!found || moment(r.CreatedAt).After(moment(latest.CreatedAt))):
			latest, found = r, true
		}
	}
	return latest, found
}

// contentOf is the text of a record. Its content is a JSON document of no documented form: seen were a text and a text
// that is itself JSON.
func contentOf(call string, r types.JournalRecord) (string, error) {
	if r.Content == nil {
		return "", nil
	}
	raw, err := r.Content.MarshalSmithyDocument()
	if err != nil {
		return "", unreadable(call, "a record whose content is no document")
	}
	return document(textOf(raw)), nil
}

// textOf finds the text in a document: a string; a string that holds JSON; an object with a field that is called like a
// text; a list of these, one after another. Everything else is shown as it is.
func textOf(raw []byte) string {
	v, ok := decode(raw)
	if !ok {
		return ""
	}
	const deepest = 5
	return textIn(v, deepest)
}

// named are the fields of an object that may hold its text, the likelier first.
var named = []string{"markdown", "text", "summary", "content", "body", "message", "value"}

func textIn(v any, depth int) string {
	if depth == 0 {
		return plain(v)
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if inner, ok := decode([]byte(v)); ok {
			return textIn(inner, depth-1)
		}
		return v
	case []any:
		var parts []string
		for _, e := range v {
			if text := textIn(e, depth-1); text != "" {
				parts = append(parts, text)
			}
		}
		return strings.Join(parts, "\n\n")
	case map[string]any:
		for _, name := range named {
			if text := textIn(v[name], depth-1); text != "" {
				return text
			}
		}
		if len(v) == 0 {
			return ""
		}
	}
	return plain(v)
}

// plain is a value as JSON writes it, and a text without its quotes.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(text.String())
}

// decode reads text that is one JSON value and nothing else.
func decode(text []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

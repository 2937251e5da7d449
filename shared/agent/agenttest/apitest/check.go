package apitest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// question is a request that the model allows.
type question struct {
	call      string
	task      string
	execution string
	filter    filter
	kind      string // of records; "" is every kind
	limit     int
	skip      int // what earlier pages have shown
	oldest    bool
	byRank    bool
}

func (q question) list() bool { return strings.HasPrefix(q.call, "List") }

// member is the name of a list in its answer.
func (q question) member() string {
	switch q.call {
	case "ListBacklogTasks":
		return "tasks"
	case "ListExecutions":
		return "executions"
	}
	return "records"
}

// fault is an error of the API.
type fault struct {
	status      int
	code, words string
}

var (
	signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/ ]+/\d{8}/[a-z0-9-]+/aidevops/aws4_request, ?SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, ?Signature=[0-9a-f]{64}$`)
	idForm    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	taskPath  = regexp.MustCompile(`^/backlog/agent-space/([^/]+)/tasks/([^/]+)$`)
	listPath  = regexp.MustCompile(`^/backlog/agent-space/([^/]+)/tasks/list$`)
	execPath  = regexp.MustCompile(`^/journal/agent-space/([^/]+)/executions$`)
	recsPath  = regexp.MustCompile(`^/journal/agent-space/([^/]+)/journalRecords$`)
)

// read judges a request as the API's model does.
func read(r *http.Request, body []byte, space string) (question, *fault) {
	if !signature.MatchString(r.Header.Get("Authorization")) || r.Header.Get("X-Amz-Date") == "" {
		return question{}, &fault{http.StatusForbidden, "MissingAuthenticationTokenException", "the request is not signed for aidevops"}
	}
	path := r.URL.EscapedPath()
	var q question
	var asked string
	var f *fault
	switch {
	case r.Method == http.MethodGet && path == "/usage/account":
		return question{call: "GetAccountUsage"}, nil
	case r.Method == http.MethodPost && listPath.MatchString(path):
		asked = listPath.FindStringSubmatch(path)[1]
		q, f = readTaskList(body)
	case r.Method == http.MethodPost && recsPath.MatchString(path):
		asked = recsPath.FindStringSubmatch(path)[1]
		q, f = readRecordList(body)
	case r.Method == http.MethodPost && execPath.MatchString(path):
		asked = execPath.FindStringSubmatch(path)[1]
		q, f = readExecutionList(body)
	case r.Method == http.MethodGet && taskPath.MatchString(path):
		parts := taskPath.FindStringSubmatch(path)
		asked = parts[1]
		q = question{call: "GetBacklogTask", task: parts[2]}
		if !idForm.MatchString(q.task) {
			f = invalid("taskId must match %s", idForm)
		}
	default:
		return question{}, &fault{http.StatusNotFound, "UnknownOperationException", r.Method + " " + path + " is no operation"}
	}
	switch {
	case !idForm.MatchString(asked):
		f = invalid("agentSpaceId must match %s", idForm)
	case f == nil && asked != space:
		f = missing("agent space", asked)
	}
	return q, f
}

func invalid(format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, "ValidationException", fmt.Sprintf(format, args...)}
}

func missing(what, id string) *fault {
	return &fault{http.StatusNotFound, "ResourceNotFoundException", "there is no " + what + " " + id}
}

type filter struct {
	CreatedAfter  time.Time `json:"createdAfter"`  // inclusive
	CreatedBefore time.Time `json:"createdBefore"` // exclusive
	PrimaryTaskID string    `json:"primaryTaskId"`
	Priority      []string  `json:"priority"`
	Status        []string  `json:"status"`
	TaskType      []string  `json:"taskType"`
}

func readTaskList(body []byte) (question, *fault) {
	in := struct {
		Filter    filter  `json:"filter"`
		Limit     *int    `json:"limit"`
		NextToken *string `json:"nextToken"`
		Order     string  `json:"order"`
		SortField string  `json:"sortField"`
	}{Order: "DESC", SortField: "CREATED_AT"}
	q := question{call: "ListBacklogTasks"}
	if f := strictly(body, &in); f != nil {
		return q, f
	}
	q.filter = in.Filter
	q.oldest, q.byRank = in.Order == "ASC", in.SortField == "PRIORITY"
	f := q.page(in.Limit, 1000, in.NextToken)
	filter := in.Filter
	times := !filter.CreatedAfter.IsZero() || !filter.CreatedBefore.IsZero()
	switch {
	case f != nil:
		return q, f
	case !slices.Contains([]string{"ASC", "DESC"}, in.Order):
		return q, invalid("order must be one of ASC, DESC")
	case !slices.Contains([]string{"CREATED_AT", "PRIORITY"}, in.SortField):
		return q, invalid("sortField must be one of CREATED_AT, PRIORITY")
	case len(filter.Priority) > 1, len(filter.Status) > 1, len(filter.TaskType) > 1:
		return q, invalid("a filter may have one value")
	case len(filter.Priority) == 1 && len(filter.Status) == 1 && len(filter.TaskType) == 0:
		return q, invalid("a filter by priority and status needs one by type")
	case q.byRank && times:
		return q, invalid("what is filtered by time cannot be sorted by priority")
	}
	return q, nil
}

func readRecordList(body []byte) (question, *fault) {
	in := struct {
		ExecutionID string  `json:"executionId"`
		Limit       *int    `json:"limit"`
		NextToken   *string `json:"nextToken"`
		Order       string  `json:"order"`
		RecordType  string  `json:"recordType"`
	}{Order: "DESC"}
	q := question{call: "ListJournalRecords"}
	if f := strictly(body, &in); f != nil {
		return q, f
	}
	q.execution, q.kind, q.oldest = in.ExecutionID, in.RecordType, in.Order == "ASC"
	f := q.page(in.Limit, 100, in.NextToken)
	switch {
	case f != nil:
		return q, f
	case in.ExecutionID == "":
		return q, invalid("executionId is required")
	case !slices.Contains([]string{"ASC", "DESC"}, in.Order):
		return q, invalid("order must be one of ASC, DESC")
	}
	return q, nil
}

func readExecutionList(body []byte) (question, *fault) {
	in := struct {
		Limit     *int    `json:"limit"`
		NextToken *string `json:"nextToken"`
		TaskID    string  `json:"taskId"`
	}{}
	q := question{call: "ListExecutions"}
	if f := strictly(body, &in); f != nil {
		return q, f
	}
	if q.task = in.TaskID; !idForm.MatchString(q.task) {
		return q, invalid("taskId must match %s", idForm)
	}
	f := q.page(in.Limit, 100, in.NextToken)
	return q, f
}

// strictly reads a JSON object that has no members but those of the model.
func strictly(body []byte, into any) *fault {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("the body is not as in the model: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("something follows the body")
	}
	return nil
}

// page reads what all lists have. Both default to 100.
func (q *question) page(limit *int, most int, token *string) *fault {
	q.limit = 100
	if limit != nil {
		q.limit = *limit
	}
	if q.limit < 1 || q.limit > most {
		return invalid("limit must be 1 to %d", most)
	}
	if token == nil {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*token)
	after, ours := strings.CutPrefix(string(text), "after ")
	skip, notANumber := strconv.Atoi(after)
	if err != nil || !ours || notANumber != nil || skip < 0 {
		return invalid("nextToken is none of ours")
	}
	q.skip = skip
	return nil
}

func tokenAt(skip int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "after %d", skip))
}

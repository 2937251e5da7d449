package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger/dynamotest"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

func TestCasesOfALocalRun(t *testing.T) {
	url := bridge(t)
	if got := call(t, "", "cases", "list", "--url", url); got.status != 0 || got.out != "There is no such case.\n" {
		t.Errorf("before there is one: status %d, %q, %q", got.status, got.out, got.errs)
	}
	for _, n := range []string{"1", "2"} {
		if got := call(t, delivery(n, time.Now().UnixMilli()), "send", "--url", url, "-"); got.status != 0 {
			t.Fatal(got.out)
		}
	}
	got := call(t, "", "cases", "list", "--url", strings.TrimSuffix(url, "/datadog"))
	rows := regexp.MustCompile(`(?m)^(ab-\S{16})  started(?: \(\w+\))? +HIGH      \S+(?: ago)? +in [2378]m +1       0       決済 <b>$`).FindAllStringSubmatch(got.out, -1)
	if got.status != 0 || len(rows) != 2 {
		t.Fatalf("status %d, %s\n%s", got.status, got.errs, got.out)
	}
	if got := call(t, "", "cases", "list", "--url", url, "--limit", "1"); strings.Count(got.out, "ab-") != 1 || !strings.Contains(got.out, "There are more than these 1") {
		t.Errorf("with a limit: %s", got.out)
	}
	if got := call(t, "", "cases", "list", "--url", url, "--state", "waiting"); got.out != "There is no such case.\n" {
		t.Errorf("none waits: %s", got.out)
	}
	if got := call(t, "", "cases", "list", "--url", url, "--agent", "payments"); got.status != 1 || got.errs != "alertbridge: the policy has no Agent \"payments\"; it has default\n" {
		t.Errorf("of an Agent that there is not: status %d, %q%q", got.status, got.out, got.errs)
	}
	var list caseview.List
	got = call(t, "", "cases", "list", "--url", url, "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &list); err != nil || len(list.Cases) != 2 || list.More || strings.Contains(got.out, `\u003c`) {
		t.Errorf("as JSON: %v\n%s", err, got.out)
	}

	id := rows[0][1]
	got = call(t, "", "cases", "show", id, "--url", url)
	if got.status != 0 || !strings.HasPrefix(got.out, "case               "+id+"\n") || !strings.Contains(got.out, "\nstate              started\n") ||
		!strings.Contains(got.out, "\nattempts           1\n") {
		t.Errorf("status %d, %s\n%s", got.status, got.errs, got.out)
	}
	var c caseview.Case
	got = call(t, "", "cases", "show", id, "--url", url, "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &c); err != nil || c.ID != id || c.Agent != "default" || c.Joined != 0 {
		t.Errorf("as JSON: %v\n%s", err, got.out)
	}
	if got := call(t, "", "cases", "show", "ab-nothing", "--url", url); got.status != 1 || got.errs != "alertbridge: there is no case \"ab-nothing\"\n" {
		t.Errorf("one that is not there: status %d, %q", got.status, got.errs)
	}
}

func TestCasesSayWhatIsWrong(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Amz-Target") != "": // DynamoDB
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`)
		case strings.HasPrefix(r.URL.Path, "/gateway"):
			w.WriteHeader(http.StatusForbidden)
		case strings.HasPrefix(r.URL.Path, "/cases"): // as the HTTP API of a deployed bridge
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"Not Found"}`)
		default:
			_, _ = io.WriteString(w, "<html>Sign in</html>")
		}
	}))
	defer page.Close()
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL_DYNAMODB": page.URL,
	} {
		t.Setenv(name, value)
	}
	for _, row := range []struct {
		why    string
		args   []string
		status int
		want   string
	}{
		{"no local run", []string{"list", "--url", closed.URL}, 1, "start a bridge there with alertbridge run, name another with --url, or a deployed bridge's table with --table"},
		{"something else there", []string{"list", "--url", page.URL + "/portal"}, 1, "did not answer as a local run does"},
		{"a deployed bridge", []string{"list", "--url", page.URL + "/datadog"}, 1, " did not answer as a local run does (Not Found); a deployed bridge is read with --table\n"},
		{"a case of a deployed bridge", []string{"show", "ab-1", "--url", page.URL}, 1, " did not answer as a local run does (Not Found); a deployed bridge is read with --table\n"},
		{"a refusal", []string{"show", "ab-1", "--url", page.URL + "/gateway"}, 1, "alertbridge: the answer was 403 Forbidden\n"},
		{"no region", []string{"list", "--table", "Ledger"}, 2, "no AWS region is set; name it with --region, AWS_REGION or a profile"},
		{"no such profile", []string{"list", "--table", "Ledger", "--profile", "nobody"}, 1, "the AWS configuration cannot be read: "},
		{"no table", []string{"list", "--table", "Ledger", "--region", "eu-central-1"}, 1, "table Ledger cannot be read (check --table, --region and --profile; AWS_ENDPOINT_URL_DYNAMODB is set): "},
		{"no local run to ask", []string{"status", "--url", closed.URL}, 1, "start a bridge there with alertbridge run"},
		{"no local run to order", []string{"mode", "off", "--reason", "x", "--url", closed.URL}, 1, "start a bridge there with alertbridge run"},
		{"orders to a deployed bridge", []string{"retry", "--reason", "x", "--url", page.URL}, 1, "did not answer as a local run does"},
		{"no table to ask", []string{"status", "--table", "Ledger", "--region", "eu-central-1"}, 1, "table Ledger cannot be read"},
		{"no table to explain", []string{"explain", "ab-1", "--table", "Ledger", "--region", "eu-central-1"}, 1, "table Ledger cannot be read"},
		{"no table to order", []string{"mode", "off", "--reason", "x", "--table", "Ledger", "--region", "eu-central-1"}, 1, "table Ledger cannot be used"},
		{"no region to order", []string{"mode", "off", "--reason", "x", "--table", "Ledger"}, 2, "no AWS region is set"},
		{"no region to explain", []string{"explain", "ab-1", "--table", "Ledger"}, 2, "no AWS region is set"},
		{"no region to show", []string{"mode", "--table", "Ledger"}, 2, "no AWS region is set"},
		{"no id for a local run", []string{"show", "../deliveries/x", "--url", page.URL}, 2, `"../deliveries/x" is no id of a case`},
		{"no id", []string{"show", "ab/1", "--table", "Ledger", "--region", "eu-central-1"}, 2, `"ab/1" is no id of a case`},
	} {
		if row.args[0] == "list" || row.args[0] == "show" {
			row.args = append([]string{"cases"}, row.args...)
		}
		got := call(t, "", row.args...)
		if got.status != row.status || got.out != "" || !strings.Contains(got.errs, row.want) {
			t.Errorf("%s: status %d, %q, %q, want %d, %q", row.why, got.status, got.out, got.errs, row.status, row.want)
		}
	}
}

// waiting is a change that opens a case.
func waiting(now time.Time) gate.Change {
	a := alert.Alert{Delivery: "dd-1-1", Incident: alert.Incident{Org: "1", Monitor: "2", Key: "c.3", Cycle: true}, Title: "T", Time: now}
	return gate.Change{At: now, Cases: []gate.CaseWrite{{Lead: &a, Now: gate.Case{
		ID: "ab-k5w2q7n3xj4mzyta", Agent: "default", State: gate.Waiting, Why: gate.WhyAgentShut, Opened: now, Until: now,
		Severity: alert.High, Firing: 1, Last: now, Title: "T", Service: "S", Incident: a.Incident.String(), Version: 1,
	}}}}
}

// A table is read by the same rules as a local run, whatever ledger stands behind it.
func TestCasesOfATable(t *testing.T) {
	l := memledger.New()
	if err := l.Commit(t.Context(), waiting(time.Now())); err != nil {
		t.Fatal(err)
	}
	table := fromTable{l, "Ledger", "default"}
	list, err := table.list(t.Context(), caseview.Open, 10)
	if err != nil || len(list.Cases) != 1 || list.Cases[0].Why != "agent_shut" {
		t.Errorf("%+v, %v", list, err)
	}
	if c, err := table.show(t.Context(), "ab-k5w2q7n3xj4mzyta"); err != nil || c.Service != "S" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := table.show(t.Context(), "ab-nothing"); err == nil || err.Error() != "table Ledger has no case ab-nothing; cases are kept for 30 days" {
		t.Errorf("one that is not there: %v", err)
	}
	if days := ledger.Life / (24 * time.Hour); days != 30 {
		t.Errorf("cases are kept for %d days", days)
	}
	other := fromTable{l, "Ledger", "other"}
	if list, err := other.list(t.Context(), caseview.Open, 10); err != nil || len(list.Cases) != 0 {
		t.Errorf("another Agent: %+v, %v", list, err)
	}
}

// The whole way, where there is an engine.
func TestCasesOfATableOnAnEngine(t *testing.T) {
	client, table := dynamotest.Open(t)
	if err := dynamoledger.New(client, table, dynamoledger.Options{}).Commit(t.Context(), waiting(time.Now())); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL_DYNAMODB": dynamotest.Endpoint(t),
	} {
		t.Setenv(name, value)
	}
	got := call(t, "", "cases", "list", "--table", table, "--region", "us-east-1")
	if got.status != 0 || !strings.Contains(got.out, "ab-k5w2q7n3xj4mzyta  waiting (agent_shut)  HIGH") {
		t.Errorf("status %d, %q, %q", got.status, got.out, got.errs)
	}
	got = call(t, "", "cases", "show", "ab-k5w2q7n3xj4mzyta", "--table", table, "--region", "us-east-1")
	if got.status != 0 || !strings.Contains(got.out, "incident           1/2/c.3\n") {
		t.Errorf("status %d, %q, %q", got.status, got.out, got.errs)
	}
}

// The clock of a local run may go faster than ours: how long ago something was is told by its own.
func TestCasesByTheClockOfTheRun(t *testing.T) {
	there := time.Now().Add(3 * time.Hour).UTC().Truncate(time.Second)
	run := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", there.Format(http.TimeFormat))
		_, _ = fmt.Fprintf(w, `{"cases":[{"id":"ab-1","state":"started","opened":%q,"investigation":{"called":%q,"confirmed":false}}]}`,
			there.Add(-20*time.Minute).Format(time.RFC3339), there.Add(-12*time.Minute).Format(time.RFC3339))
	}))
	defer run.Close()
	got := call(t, "", "cases", "list", "--url", run.URL)
	if got.status != 0 || !strings.Contains(got.out, "  20m ago  ") || !strings.Contains(got.out, " (not confirmed for 12m)\n") {
		t.Errorf("status %d, %s\n%s", got.status, got.errs, got.out)
	}
}

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/verify"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger/memledger"
)

func TestVerifyALocalRun(t *testing.T) {
	url := bridge(t)
	got := call(t, "", "verify", "--url", url)
	if got.status != 0 || strings.Count(got.out, "✓ ") != 5 || !strings.HasSuffix(got.out, "\nAll that was checked works.\n") || got.errs != "" {
		t.Errorf("status %d, %q\n%s", got.status, got.errs, got.out)
	}
	for _, line := range []string{
		"✓ front door ", " s  202 for a marked test, delivery dd-0-", " s  drop, test: it is on record, and nothing was started for it\n",
		" s  the last one ended ", " s  Agent default: the key is right, and what is invalid is refused: errors: priority must be one of",
		" s  Agent default: it answers; 0.0 of 20 hours of investigation are used this month\n",
	} {
		if !strings.Contains(got.out, line) {
			t.Errorf("%q is not in\n%s", line, got.out)
		}
	}
	if cases := call(t, "", "cases", "list", "--state", "all", "--url", url); cases.out != "There is no such case.\n" {
		t.Errorf("it has opened\n%s", cases.out)
	}
}

func TestVerifyStarts(t *testing.T) {
	url := bridge(t)
	if got := call(t, "y\n", "verify", "--url", url, "--start"); got.status != 2 || !strings.Contains(got.errs, "there is no terminal to ask on; say --yes if you want it") || got.out != "" {
		t.Errorf("without a terminal: status %d, %q, %q", got.status, got.out, got.errs)
	}
	got := call(t, "", "verify", "--url", url, "--start", "--yes", "--wait", "1s", "-o", "json")
	var r verify.Report
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.status != 0 || !r.OK {
		t.Fatalf("status %d, %v, %q\n%s", got.status, err, got.errs, got.out)
	}
	s := r.Start
	if s == nil || s.State != "started" || s.Task == "" || s.Status == "" {
		t.Fatalf("the investigation is %+v, want one that runs", s)
	}
	if last := r.Steps[len(r.Steps)-1]; len(r.Steps) != 10 || last.Step != verify.End || last.Result != verify.NotChecked || last.Took < 1 {
		t.Errorf("%+v", r.Steps)
	}
	if c := call(t, "", "cases", "show", s.Case, "--url", url); !strings.Contains(c.out, "by alertbridge verify: there is no fault") || !strings.Contains(c.out, s.Task) {
		t.Errorf("the case is\n%s", c.out)
	}
}

func TestVerifySaysWhatIsWrong(t *testing.T) {
	url := bridge(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	got := call(t, "", "verify", "--url", url, "--token", "planted-wrong-token")
	if got.status != 1 || !strings.Contains(got.out, "✗ front door") || !strings.Contains(got.out, "the token is not the one in force") ||
		!strings.Contains(got.out, " went wrong.") || strings.Contains(got.out+got.errs, "planted") {
		t.Errorf("a wrong token: status %d, %q\n%s", got.status, got.errs, got.out)
	}
	if got := call(t, "", "verify", "--url", closed.URL); got.status != 1 || !strings.Contains(got.errs, "start a bridge there with alertbridge run") {
		t.Errorf("nothing there: status %d, %q", got.status, got.errs)
	}
	t.Setenv(tokenVariable, "")
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"--yes"}, "--yes goes with --start"},
		{[]string{"--wait", "5m"}, "--wait goes with --start"},
		{[]string{"--start", "--wait", "-5m"}, "--wait is -5m0s and must be above 0"},
		{[]string{"-o", "xml"}, `--output is "xml" and must be text or json`},
		{[]string{"--table", "T"}, "name its front door with --url"},
		{[]string{"--table", "T", "--url", "https://example.com/datadog"}, "put it into $ALERTBRIDGE_TOKEN"},
		{[]string{"--table", "T", "--url", "https://example.com/datadog", "--token", "planted", "--policy", "../../policy.yaml"}, "no AWS region is set"},
		{[]string{"--table", "T", "--url", "https://example.com/datadog", "--token", "planted", "--region", "eu-central-1", "--space", "a/b", "--policy", "../../policy.yaml"}, `--space has "a/b"`},
		{[]string{"--table", "T", "--url", "https://example.com/datadog", "--token", "planted", "--region", "eu-central-1", "--space", "payments=b", "--policy", "../../policy.yaml"}, `--space names the Agent "payments", and --agent does not`},
		{[]string{"--table", "T", "--url", "https://example.com/datadog", "--token", "planted", "--region", "eu-central-1", "--agent-secret", "S", "--agent-host", "https://x", "--policy", "../../policy.yaml"}, "--agent-host: "},
		{[]string{"--url", "http://example.com/datadog", "--token", "planted"}, "use https"},
		{[]string{"--space", "x"}, "--space goes with --table"},
		{[]string{"--agent", "payments"}, "--agent goes with --table; a local run knows its own"},
		{[]string{"x"}, "it takes no arguments"},
	} {
		noAWS(t)
		got := call(t, "", append([]string{"verify"}, row.args...)...)
		if got.status != 2 || !strings.Contains(got.errs, row.says) || got.out != "" || strings.Contains(got.errs, "planted") {
			t.Errorf("%v: status %d, %q, %q, want 2, %q", row.args, got.status, got.out, got.errs, row.says)
		}
	}
}

// noAWS takes away what this computer knows of AWS.
func noAWS(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "AKIDPLANTED", "AWS_SECRET_ACCESS_KEY": "planted-secret-key", "AWS_SESSION_TOKEN": "planted-session",
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// A test notification that would be paid for is not sent unless somebody wants to pay.
func TestVerifyReadsThePolicyFirst(t *testing.T) {
	noAWS(t)
	door := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	defer door.Close()
	file := filepath.Join(t.TempDir(), "starts.yaml")
	if err := os.WriteFile(file, []byte("mode: full\ntest: start\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "--table", "T", "--region", "eu-central-1", "--url", door.URL, "--token", "planted", "--policy", file}
	if got := call(t, "", args...); got.status != 2 || !strings.Contains(got.errs, "lets test notifications start, so a test would be paid for; say --start if you want that") {
		t.Errorf("status %d, %q", got.status, got.errs)
	}
	if got := call(t, "", "verify", "--table", "T", "--region", "eu-central-1", "--url", door.URL, "--token", "planted", "--policy", "../../policy.yaml", "--start", "--yes",
		"--tags", "env:test,team:a"); got.status != 2 || !strings.Contains(got.errs, "an alert with the tags env:test,team:a is not started (mode observe); name such tags with --tags") {
		t.Errorf("status %d, %q", got.status, got.errs)
	}
	if got := call(t, "", append(args, "--start", "--agent", "payments")...); got.status != 2 || !strings.Contains(got.errs, `is opened at the Agent "default", which --agent does not name`) {
		t.Errorf("status %d, %q", got.status, got.errs)
	}
	if got := call(t, "", append(args, "--start")...); got.status != 2 || !strings.Contains(got.errs, `(at the Agent "default", for about $`) || !strings.Contains(got.errs, " a minute) by the policy in "+file) {
		t.Errorf("status %d, %q", got.status, got.errs)
	}
}

// A deployed bridge, as far as there is one here: its front door is a local run, its table does not answer, the Agent's
// secret leads elsewhere, and its API is a stand-in.
func TestVerifyADeployedBridge(t *testing.T) {
	noAWS(t)
	api, err := apitest.NewServer(apitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if strings.Contains(r.Header.Get("X-Amz-Target"), "DynamoDB") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`)
			return
		}
		var asked struct{ SecretId string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		if asked.SecretId != "stack/agents/payments" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"planted message"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{
			"Name": asked.SecretId, "VersionId": "v1", "SecretString": `{"url":"https://planted.example.com/webhook/planted","token":"planted-token"}`,
		})
	}))
	defer store.Close()
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", store.URL)
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", store.URL)
	t.Setenv("AWS_ENDPOINT_URL_DEVOPS_AGENT", api.URL())
	t.Setenv(tokenVariable, defaultToken)
	got := call(t, "", "verify", "--url", bridge(t), "--table", "Ledger", "--region", "eu-central-1", "--agent", "default,payments,third",
		"--agent-secret", "planted-name-is-no-secret", "--agent-secrets-prefix", "stack/agents/", "--space", api.Investigations().Space(), "--policy", "../../policy.yaml")
	for _, text := range []string{
		"✓ front door", "✗ verdict ", "the ledger cannot be read: table Ledger cannot be read", "- tick ", "TickMissing",
		"Agent payments: the host in \"url\" is not the one this bridge may call, event-ai.eu-central-1.api.aws",
		"✓ API ", "Agent default: it answers", "- API ", "Agent payments: its work is not followed",
	} {
		if !strings.Contains(got.out, text) {
			t.Errorf("%q is not in\n%s", text, got.out)
		}
	}
	if got.status != 1 || got.errs != "" {
		t.Errorf("status %d, %q", got.status, got.errs)
	}
	for _, planted := range []string{"planted.example.com", "planted-token", "planted message", "AKIDPLANTED", "planted-secret-key", "planted-session", defaultToken} {
		if strings.Contains(got.out+got.errs, planted) {
			t.Errorf("%q is in\n%s", planted, got.out)
		}
	}
	got = call(t, "", "verify", "--url", bridge(t), "--table", "Ledger", "--region", "eu-central-1", "--agent", "default,third", "--policy", "../../policy.yaml")
	for _, text := range []string{"AgentSecretArn", "AgentSecretsPrefix", "Agent third: it was not called"} {
		if !strings.Contains(got.out, text) {
			t.Errorf("%q is not in\n%s", text, got.out)
		}
	}
}

// What the ledger in a table says is read as what a local run says.
func TestVerifyReadsATable(t *testing.T) {
	l := memledger.New()
	now := time.Now()
	c := waiting(now)
	c.Delivery = &gate.Delivery{ID: "dd-0-1", Verdict: gate.Wait, Reason: gate.AgentShut, Case: "ab-k5w2q7n3xj4mzyta", Decided: now, Time: now}
	if err := l.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	from := tableLedger{fromTable{l, "Ledger", "default,other"}}
	if v, err := from.Verdict(t.Context(), "dd-0-1", ""); err != nil || v != (verify.Verdict{Verdict: "wait", Reason: "agent_shut", Case: "ab-k5w2q7n3xj4mzyta"}) {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := from.Verdict(t.Context(), "dd-0-2", ""); err != nil || v != (verify.Verdict{}) {
		t.Errorf("one that is not there: %+v, %v", v, err)
	}
	if got, err := from.Case(t.Context(), "ab-k5w2q7n3xj4mzyta"); err != nil || got.Severity != alert.High.String() {
		t.Errorf("%+v, %v", got, err)
	}
	if open, err := from.Open(t.Context()); err != nil || len(open) != 1 || open[0].ID != "ab-k5w2q7n3xj4mzyta" {
		t.Errorf("%+v, %v", open, err)
	}
}

func TestVerifyAsks(t *testing.T) {
	for in, want := range map[string]bool{"y\n": true, " Yes \n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		var out strings.Builder
		err := agreed(t.Context(), strings.NewReader(in), &out, "for about $5.00")
		if (err == nil) != want || !strings.HasPrefix(out.String(), "This opens one real investigation: for about $5.00. Open it? [y/N] ") {
			t.Errorf("%q: %v, %q", in, err, out.String())
		}
	}
	if terminal(strings.NewReader("")) {
		t.Error("a text is no terminal")
	}
}

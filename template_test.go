package alertbridge_test

// These tests hold template.yaml to what the code and the design need of it: what the SAM CLI and cfn-lint cannot know,
// because it lies between two resources, or between the template and the code. They read .ci/template.json, the
// translated template, and so need Go alone. Each failure says what would go wrong.

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/functions/outcome/follow"
	"github.com/alertbridge/alertbridge/functions/scheduler/schedule"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/agent/agentapi"
	"github.com/alertbridge/alertbridge/shared/answer/ddevents"
	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/start"
	"github.com/alertbridge/alertbridge/shared/telemetry"
)

// functions are all that there are; OutcomeFunction only with AgentSpaces.
var functions = []string{"DispatcherFunction", "IngestFunction", "OutcomeFunction", "SchedulerFunction"}

// What the world takes; neither the template nor the code has a say in it.
const (
	datadogWaits   = 15 * time.Second // for an answer of the webhook
	hangingBefore  = 3 * time.Second  // that a Datadog extension which does not answer holds up an invocation,
	hangingAfter   = 3 * time.Second  // before and after the handler
	hangingAtWorst = 10 * time.Second // and with both at their worst and some air
)

// Each line is one place where two numbers, chosen far from each other, must fit. A wrong one shows only in an outage.
func TestNumbersBelongTogether(t *testing.T) {
	s := newFollowed(t)
	seconds := func(resource string, path ...string) time.Duration {
		n := at[float64](s.properties(resource), path...)
		if n == 0 {
			t.Fatalf("%s has no %s", resource, strings.Join(path, "."))
		}
		return time.Duration(n * float64(time.Second))
	}
	var (
		ingest      = seconds("IngestFunction", "Timeout")
		dispatcher  = seconds("DispatcherFunction", "Timeout")
		scheduler   = seconds("SchedulerFunction", "Timeout")
		integration = time.Duration(at[float64](s.properties("Api"), "Body", "paths", "/datadog", "x-amazon-apigateway-any-method",
			"x-amazon-apigateway-integration", "timeoutInMillis")) * time.Millisecond
		visibility  = seconds("AlertQueue", "VisibilityTimeout")
		kept        = seconds("AlertQueue", "MessageRetentionPeriod")
		deadKept    = seconds("AlertDeadLetterQueue", "MessageRetentionPeriod")
		tries       = at[float64](s.properties("AlertQueue"), "RedrivePolicy", "maxReceiveCount")
		concurrency = at[float64](s.properties("DispatcherFunctionAlert"), "ScalingConfig", "MaximumConcurrency")
		outcome     = seconds("OutcomeFunction", "Timeout")
		heard       = seconds("OutcomeQueue", "VisibilityTimeout")
		heardKept   = seconds("OutcomeQueue", "MessageRetentionPeriod")
		heardDead   = seconds("OutcomeDeadLetterQueue", "MessageRetentionPeriod")
		heardTries  = at[float64](s.properties("OutcomeQueue"), "RedrivePolicy", "maxReceiveCount")
		startTime   = start.CommitTime + agent.CallDeadline + start.SettleTime
	)
	for _, n := range []struct {
		left  time.Duration
		is    string
		right time.Duration
		why   string
	}{
		{intake.Deadline + hangingBefore + hangingAfter, "<=", ingest, "ingest is killed before it has answered"},
		{ingest, "<", integration, "the API answers for ingest, and what it did is not known"},
		{integration, "<", datadogWaits, "Datadog gives up on an alert that may be in the queue"},
		{start.DecideTime + startTime + hangingAtWorst, "<=", dispatcher, "dispatcher is killed between the call to the Agent and the record of it"},
		{schedule.ReadTime + startTime, "<=", schedule.StopBefore, "a tick begins a start that it cannot finish"},
		{schedule.StopBefore, "<", scheduler, "a tick takes no work at all"},
		{schedule.AskTime, "<=", schedule.StopBefore, "a tick is killed while it asks the Agent's API"},
		{agentapi.Deadline, "<=", follow.AskTime, "a question is given up before it was asked again"},
		{follow.NeedTime + hangingAtWorst, "<=", outcome, "outcome is killed before an event is in the ledger, and each try again"},
		{3 * outcome, "<=", heard, "an event that is being taken in is handed out again"},
		{time.Duration(heardTries) * heard, "==", time.Hour, "the alarm says an hour of tries"},
		{time.Duration(heardTries) * heard, "<", heardKept, "an event is thrown away instead of going to its dead-letter queue"},
		{heardKept, "<", heardDead, "an event reaches the dead-letter queue too late to be found"},
		{gate.Lease + gate.AbsentAfter, "<", gate.ConfirmWithin, "a start counts as missed before it is known to be absent"},
		{start.CommitTime + agent.CallDeadline + start.SettleTime + gate.ClockDifference, "<=", gate.Lease, "no call is ever begun, as its lease might run out in it"},
		{dispatcher + gate.ClockDifference, "<=", gate.Lease, "another process takes over a start that dispatcher is still busy with"},
		{3 * dispatcher, "<=", visibility, "an alert that is being worked on is handed out again"},
		{time.Duration(tries) * visibility, "==", time.Hour, "the alarms say an hour of tries"},
		{time.Duration(tries) * visibility, "<", kept, "an alert is thrown away instead of going to the dead-letter queue"},
		{kept, "<", deadKept, "an alert reaches the dead-letter queue too late to be found, for its age counts from its arrival"},
		{kept + deadKept, "<", ledger.Life, "an alert that is sent back is decided a second time"},
		{10, "==", time.Duration(concurrency), "DispatcherReservedConcurrency has to begin at this number"},
	} {
		holds := map[string]bool{"<": n.left < n.right, "<=": n.left <= n.right, "==": n.left == n.right}[n.is]
		if !holds {
			t.Errorf("not %v %s %v: %s", n.left, n.is, n.right, n.why)
		}
	}
}

func TestFunctionsAreBuiltFromCodeThatIsThere(t *testing.T) {
	s := newFollowed(t)
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		r := s.Template.Resources[f]
		if at[string](r.Metadata, "BuildMethod") != "makefile" {
			t.Errorf("%s is not built by make: it would lack the flags that keep it small", f)
		}
		if info, err := os.Stat(s.Code[f]); err != nil || !info.IsDir() {
			t.Errorf("CodeUri of %s is %q, which is no folder", f, s.Code[f])
		}
		target := regexp.MustCompile(`(?m)^build-` + f + `: FUNCTION = (\w+)$`).FindSubmatch(makefile)
		if target == nil {
			t.Errorf("the Makefile has no target build-%s, which sam build makes", f)
			continue
		}
		if _, err := os.Stat(filepath.Join(s.Code[f], "functions", string(target[1]), "main.go")); err != nil {
			t.Errorf("%s is built from what is not there: %v", f, err)
		}
		holdPolicyFile(t, s, f)
	}
}

// holdPolicyFile: what POLICY_FILE names is put beside the function's binary, where it is looked for.
func holdPolicyFile(t *testing.T, s *stack, f string) {
	t.Helper()
	name := at[string](s.properties(f), "Environment", "Variables", "POLICY_FILE")
	dry, err := exec.Command("make", "-n", "build-"+f, "ARTIFACTS_DIR=there").Output()
	if err != nil {
		t.Fatal(err)
	}
	if copies := strings.Contains(string(dry), "cp 'policy.yaml' 'there/"+name+"'"); copies != (name != "") {
		t.Errorf("%s is told POLICY_FILE=%q, and make puts into its artifact\n%s", f, name, dry)
	}
}

func TestFunctionsRunAsTheyShould(t *testing.T) {
	for _, arch := range []string{"arm64", "x86_64"} {
		s := newFollowed(t, "Architecture", arch)
		if got := s.ofType("AWS::Lambda::Function"); !slices.Equal(got, functions) {
			t.Fatalf("functions are %v, this test knows %v", got, functions)
		}
		for _, f := range functions {
			p := s.properties(f)
			if at[string](p, "Runtime") != "provided.al2023" || at[string](p, "Handler") != "bootstrap" {
				t.Errorf("%s does not run the binary bootstrap on provided.al2023", f)
			}
			if got := fmt.Sprint(p["Architectures"]); got != "["+arch+"]" {
				t.Errorf("%s runs on %s with Architecture=%s", f, got, arch)
			}
			// Go gives memory back to the system before Lambda ends the process for having used too much; the rest is
			// for the binary, for stacks, and for the extension.
			limit := at[string](p, "Environment", "Variables", "GOMEMLIMIT")
			var mib float64
			if _, err := fmt.Sscanf(limit, "%fMiB", &mib); err != nil || mib > 0.6*at[float64](p, "MemorySize") || mib < 100 {
				t.Errorf("%s has GOMEMLIMIT=%s of %v MB: not between 100 MiB and 60 %%", f, limit, p["MemorySize"])
			}
		}
	}
}

// See docs/adr/0001-parameters-take-effect-at-once.md.
func TestParametersTakeEffectAtOnce(t *testing.T) {
	s := newFollowed(t)
	for _, kind := range []string{"AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::CodeDeploy::DeploymentGroup"} {
		if names := s.ofType(kind); len(names) > 0 {
			t.Errorf("%s %v: a changed parameter would be deployed and not be in force", kind, names)
		}
	}
}

func TestReservedConcurrencyIsOptional(t *testing.T) {
	for f, param := range map[string]string{"IngestFunction": "IngestReservedConcurrency", "DispatcherFunction": "DispatcherReservedConcurrency"} {
		if v, there := newFollowed(t).properties(f)["ReservedConcurrentExecutions"]; there {
			t.Errorf("%s reserves %v unasked; a new account has 10 in all and could not deploy", f, v)
		}
		if got := newFollowed(t, param, "12").properties(f)["ReservedConcurrentExecutions"]; got != "12" {
			t.Errorf("%s reserves %v with %s=12", f, got, param)
		}
	}
}

// A counter's line has no level. Lambda takes it for INFO, and would drop it with the levels above.
func TestLambdaDropsNoCounter(t *testing.T) {
	for _, level := range []string{"DEBUG", "ERROR"} {
		s := newFollowed(t, "LogLevel", level)
		for _, f := range functions {
			c := at[object](s.properties(f), "LoggingConfig")
			if c["LogFormat"] != "JSON" || c["ApplicationLogLevel"] != "TRACE" {
				t.Errorf("%s has %v: counters would be dropped, and alarms be blind", f, c)
			}
			if got := at[string](s.properties(f), "Environment", "Variables", "LOG_LEVEL"); got != level {
				t.Errorf("%s is told LOG_LEVEL=%q with LogLevel=%s", f, got, level)
			}
		}
	}
}

func TestEveryLogGroupForgets(t *testing.T) {
	s := newFollowed(t, "LogRetentionDays", "14")
	for _, name := range s.ofType("AWS::Logs::LogGroup") {
		if got := s.properties(name)["RetentionInDays"]; got != "14" {
			t.Errorf("%s keeps its records %v days with LogRetentionDays=14", name, got)
		}
	}
	for _, f := range functions {
		group := at[string](s.properties(f), "LoggingConfig", "LogGroup")
		want := "Ref(" + strings.TrimSuffix(f, "Function") + "LogGroup)"
		if group != want {
			t.Errorf("%s logs to %q; in a group that Lambda makes, records stay for ever", f, group)
		}
	}
}

// environment is what each function is told, besides what all are.
var environment = map[string][]string{
	"IngestFunction":     {"QUEUE_URL", "INGEST_TOKEN_SECRET"},
	"DispatcherFunction": {"TABLE_NAME", "POLICY_FILE", "AGENT_SECRET", "AGENT_SECRETS_PREFIX", "AGENT_HOST", "AGENT_SPACES", "AGENT_ALLOW_LOCAL", "TELLS"},
	"SchedulerFunction": {
		"TABLE_NAME", "POLICY_FILE", "AGENT_SECRET", "AGENT_SECRETS_PREFIX", "AGENT_HOST", "AGENT_SPACES", "AGENT_ALLOW_LOCAL", "TELLS",
		"DATADOG_EVENTS_SECRET", "DATADOG_EVENTS_SITE", "PAGERDUTY_SECRET", "PAGERDUTY_REGION", "AGENT_PAGE",
	},
	"OutcomeFunction": {"TABLE_NAME", "POLICY_FILE", "AGENT_HOST", "AGENT_SPACES", "TELLS"},
}

func TestEnvironment(t *testing.T) {
	s := newFollowed(t)
	for _, f := range functions {
		vars := at[object](s.properties(f), "Environment", "Variables")
		var own []string
		for name, v := range vars {
			if strings.HasPrefix(name, "AWS_") {
				t.Errorf("%s declares %s: an endpoint could be turned to another place by a parameter", f, name)
			}
			// Every value is readable by whoever may look at the function: names of secrets only, nothing resolved.
			if text, ok := v.(string); !ok || strings.Contains(text, "{{resolve:") {
				t.Errorf("%s has %s=%v, which is no plain text", f, name, v)
			}
			common := strings.HasPrefix(name, "DD_") || slices.Contains([]string{"GOGC", "GOMEMLIMIT", "LOG_LEVEL", "STACK_NAME"}, name)
			if !common {
				own = append(own, name)
			}
		}
		want := slices.Sorted(slices.Values(environment[f]))
		if slices.Sort(own); !slices.Equal(own, want) {
			t.Errorf("%s is told %v, want %v", f, own, want)
		}
		for name, want := range map[string]string{
			"STACK_NAME": "bridge", "QUEUE_URL": "Ref(AlertQueue)", "TABLE_NAME": "Ref(Ledger)",
			"INGEST_TOKEN_SECRET": "Ref(IngestToken)", "AGENT_SECRET": "Ref(AgentSecret)", "AGENT_ALLOW_LOCAL": "no",
			"AGENT_HOST": "event-ai.eu-central-1.api.aws", "AGENT_SECRETS_PREFIX": "bridge/agents/", "POLICY_FILE": "policy.yaml",
			"TELLS": "yes", "DATADOG_EVENTS_SECRET": "", "DATADOG_EVENTS_SITE": "datadoghq.com", "PAGERDUTY_SECRET": pagerKey, "PAGERDUTY_REGION": "us", "AGENT_PAGE": "",
			"AGENT_SPACES": "space-1", "DD_SERVICE": "alertbridge-" + strings.ToLower(strings.TrimSuffix(f, "Function")),
		} {
			if got, there := vars[name]; there && got != want {
				t.Errorf("%s has %s=%v, want %s", f, name, got, want)
			}
		}
	}
}

func TestEachParameterReachesItsVariableAlone(t *testing.T) {
	plain := newFollowed(t)
	for param, c := range map[string]struct{ value, variable string }{
		"AgentHost":   {"event-ai.us-east-1.api.aws", "AGENT_HOST"},
		"AgentSpaces": {"space-2,payments=space-3", "AGENT_SPACES"},
	} {
		s := newFollowed(t, param, c.value)
		for _, f := range []string{"DispatcherFunction", "OutcomeFunction", "SchedulerFunction"} {
			want := at[object](plain.properties(f), "Environment", "Variables")
			want[c.variable] = c.value
			if got := at[object](s.properties(f), "Environment", "Variables"); !maps.Equal(got, want) {
				t.Errorf("with %s=%s, %s is told %v, want %v", param, c.value, f, got, want)
			}
		}
	}
}

func TestDatadogIsOptionalAsAWhole(t *testing.T) {
	const key = datadogKey
	for _, f := range functions {
		p := newFollowed(t).properties(f)
		if layers := at[[]any](p, "Layers"); len(layers) > 0 {
			t.Errorf("%s has layers %v without a Datadog key", f, layers)
		}
		if _, there := at[object](p, "Environment", "Variables")["DD_API_KEY_SECRET_ARN"]; there {
			t.Errorf("%s is told of a Datadog key that there is not", f)
		}
		for _, c := range []struct{ arch, partition, region, layer string }{
			{"arm64", "aws", "eu-central-1", "arn:aws:lambda:eu-central-1:464622532012:layer:Datadog-Extension-ARM:101"},
			{"x86_64", "aws", "us-east-1", "arn:aws:lambda:us-east-1:464622532012:layer:Datadog-Extension:101"},
			{"arm64", "aws-us-gov", "us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:002406178527:layer:Datadog-Extension-ARM:101"},
		} {
			p := newFollowed(t, "DatadogApiKeySecretArn", key, "DatadogExtensionVersion", "101", "Architecture", c.arch,
				"AWS::Partition", c.partition, "AWS::Region", c.region).properties(f)
			if got := fmt.Sprint(p["Layers"]); got != "["+c.layer+"]" {
				t.Errorf("%s on %s in %s has layers %s, want %s", f, c.arch, c.partition, got, c.layer)
			}
			if got := at[string](p, "Environment", "Variables", "DD_API_KEY_SECRET_ARN"); got != key {
				t.Errorf("%s reads its Datadog key from %q", f, got)
			}
		}
	}
}

// otherAgents are the secrets of the Agents that the policy names besides default, as far as this stack may read them.
const otherAgents = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bridge/agents/*"

// agentSpaces are those of which outcome and scheduler may ask what has become of a task.
const agentSpaces = "arn:aws:aidevops:eu-central-1:123456789012:agentspace/*"

// permissions are all that each function may do, and on what.
var permissions = map[string][]string{
	"IngestRole": {
		"logs:CreateLogStream IngestLogGroup.Arn", "logs:PutLogEvents IngestLogGroup.Arn",
		"sqs:SendMessage AlertQueue.Arn",
		"secretsmanager:GetSecretValue Ref(IngestToken)",
	},
	"DispatcherRole": append(ledgerPermissions(),
		"logs:CreateLogStream DispatcherLogGroup.Arn", "logs:PutLogEvents DispatcherLogGroup.Arn",
		"sqs:ReceiveMessage AlertQueue.Arn", "sqs:DeleteMessage AlertQueue.Arn", "sqs:GetQueueAttributes AlertQueue.Arn",
		"secretsmanager:GetSecretValue Ref(AgentSecret)", "secretsmanager:GetSecretValue "+otherAgents),
	"SchedulerRole": append(ledgerPermissions(),
		"logs:CreateLogStream SchedulerLogGroup.Arn", "logs:PutLogEvents SchedulerLogGroup.Arn",
		"dynamodb:Query Ledger.Arn/index/state", "aidevops:GetAccountUsage *", "aidevops:ListBacklogTasks "+agentSpaces, "aidevops:ListJournalRecords "+agentSpaces,
		"aidevops:ListExecutions "+agentSpaces,
		"secretsmanager:GetSecretValue "+pagerKey,
		"secretsmanager:GetSecretValue Ref(AgentSecret)", "secretsmanager:GetSecretValue "+otherAgents),
	"OutcomeRole": append(ledgerPermissions(),
		"logs:CreateLogStream OutcomeLogGroup.Arn", "logs:PutLogEvents OutcomeLogGroup.Arn",
		"sqs:ReceiveMessage OutcomeQueue.Arn", "sqs:DeleteMessage OutcomeQueue.Arn", "sqs:GetQueueAttributes OutcomeQueue.Arn",
		"aidevops:GetBacklogTask "+agentSpaces),
}

func ledgerPermissions() []string {
	return []string{
		"dynamodb:BatchGetItem Ledger.Arn", "dynamodb:ConditionCheckItem Ledger.Arn",
		"dynamodb:PutItem Ledger.Arn", "dynamodb:UpdateItem Ledger.Arn",
	}
}

func TestRolesAllowNoMoreThanIsUsed(t *testing.T) {
	const key = datadogKey
	for name, want := range permissions {
		plain := allowed(t, newFollowed(t), name)
		if want := slices.Sorted(slices.Values(want)); !slices.Equal(plain, want) {
			t.Errorf("%s allows\n\t%s\nwant\n\t%s", name, strings.Join(plain, "\n\t"), strings.Join(want, "\n\t"))
		}
		withKey := allowed(t, newFollowed(t, "DatadogApiKeySecretArn", key), name)
		if more := slices.DeleteFunc(withKey, func(p string) bool { return slices.Contains(plain, p) }); !slices.Equal(more, []string{"secretsmanager:GetSecretValue " + key}) {
			t.Errorf("with Datadog, %s allows also %v", name, more)
		}
	}
}

// The Agent is asked in the region of its host, and nowhere else.
func TestAgentIsAskedInItsRegion(t *testing.T) {
	s := newFollowed(t, "AgentHost", "event-ai.us-east-1.api.aws")
	for _, role := range []string{"OutcomeRole", "SchedulerRole"} {
		want := strings.Replace(agentSpaces, "eu-central-1", "us-east-1", 1)
		if all := allowed(t, s, role); !slices.ContainsFunc(all, func(p string) bool { return strings.HasSuffix(p, " "+want) }) {
			t.Errorf("%s may ask nothing of %s: %v", role, want, all)
		}
	}
}

// Without AgentSpaces there is nothing that is paid for or may do anything for following.
func TestFollowingIsOptionalAsAWhole(t *testing.T) {
	s := newStack(t, "PagerDutySecretArn", pagerKey)
	for name := range s.Template.Resources {
		follows := strings.HasPrefix(name, "Outcome") || name == "StartUnconfirmed" || name == "AgentApiFailing" || name == "AgentUsageHigh"
		if s.has(name) == follows {
			t.Errorf("without AgentSpaces %s is there: %v", name, s.has(name))
		}
		if s.has(name) {
			s.properties(name) // which fails on a reference to what is not there
		}
		if f := newFollowed(t); !f.has(name) {
			t.Errorf("with AgentSpaces there is no %s", name)
		}
	}
	for name, o := range s.Template.Outputs {
		if at[string](o, "Condition") == "" {
			s.resolve(o)
		} else if !strings.HasPrefix(name, "Outcome") {
			t.Errorf("the output %s is not always there", name)
		}
	}
	for _, f := range []string{"DispatcherFunction", "SchedulerFunction"} {
		if got := at[object](s.properties(f), "Environment", "Variables")["AGENT_SPACES"]; got != "" {
			t.Errorf("%s follows %v", f, got)
		}
	}
	for role := range permissions {
		if !s.has(role) {
			continue
		}
		for _, p := range allowed(t, s, role) {
			if strings.HasPrefix(p, "aidevops:") {
				t.Errorf("%s allows %s", role, p)
			}
		}
	}
}

// Without somebody to tell nobody is told, and nothing is noted, paid for or allowed for it. With one, all who decide note
// what he is to be told: what one of them left out would never be.
func TestTellingIsOptionalAsAWhole(t *testing.T) {
	const spaces = "aidevops:ListJournalRecords " + agentSpaces
	events := []string{"DatadogEvents", "yes", "DatadogApiKeySecretArn", datadogKey, "DatadogSite", "datadoghq.eu"}
	pager := []string{"PagerDutySecretArn", pagerKey, "PagerDutyRegion", "eu"}
	for _, c := range []struct {
		name                string
		given               []string
		tells               string
		eventsKey, pagerKey string
	}{
		{"nobody", nil, "no", "", ""},
		{"Datadog without events", events[2:], "no", "", ""},
		{"events without a key", events[:2], "no", "", ""},
		{"events", events, "yes", datadogKey, ""},
		{"pager", pager, "yes", "", pagerKey},
		{"both", slices.Concat(events, pager), "yes", datadogKey, pagerKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStack(t, slices.Concat([]string{"AgentSpaces", "space-1"}, c.given)...)
			variable := func(f, name string) string { return at[string](s.properties(f), "Environment", "Variables", name) }
			for _, f := range []string{"DispatcherFunction", "OutcomeFunction", "SchedulerFunction"} {
				if got := variable(f, "TELLS"); got != c.tells {
					t.Errorf("%s is told TELLS=%s, want %s", f, got, c.tells)
				}
			}
			if got := variable("SchedulerFunction", "DATADOG_EVENTS_SECRET"); got != c.eventsKey {
				t.Errorf("events are sent with %q, want %q", got, c.eventsKey)
			}
			if got := variable("SchedulerFunction", "PAGERDUTY_SECRET"); got != c.pagerKey {
				t.Errorf("PagerDuty is told with %q, want %q", got, c.pagerKey)
			}
			if slices.Contains(c.given, "DatadogSite") && variable("SchedulerFunction", "DATADOG_EVENTS_SITE") != "datadoghq.eu" ||
				c.pagerKey != "" && variable("SchedulerFunction", "PAGERDUTY_REGION") != "eu" {
				t.Error("it is told somewhere else than where the account is")
			}
			if got := s.has("AnswersGivenUp"); got != (c.tells == "yes") {
				t.Errorf("the alarm is there: %v", got)
			}
			may := allowed(t, s, "SchedulerRole")
			for permission, want := range map[string]bool{spaces: c.tells == "yes", "secretsmanager:GetSecretValue " + pagerKey: c.pagerKey != ""} {
				if got := slices.Contains(may, permission); got != want {
					t.Errorf("%s is allowed: %v, want %v", permission, got, want)
				}
			}
			if c.eventsKey != "" && !slices.Contains(may, "secretsmanager:GetSecretValue "+datadogKey) {
				t.Error("the key for events cannot be read")
			}
		})
	}
	// Nothing is found out where no Agent is followed.
	if may := allowed(t, newStack(t, pager...), "SchedulerRole"); slices.Contains(may, spaces) {
		t.Errorf("without an agent space it may ask for what was found: %v", may)
	}
}

// Whoever asks for events and has no key is told so before anything is changed, not by events that never come.
func TestEventsWithoutAKeyAreRefused(t *testing.T) {
	for _, c := range []struct {
		given []string
		words string
	}{
		{nil, ""},
		{[]string{"DatadogApiKeySecretArn", datadogKey}, ""},
		{[]string{"DatadogEvents", "yes", "DatadogApiKeySecretArn", datadogKey}, ""},
		{[]string{"DatadogEvents", "yes"}, "DatadogEvents=yes needs DatadogApiKeySecretArn"},
	} {
		if got := newStack(t, c.given...).refuses(); !strings.HasPrefix(got, c.words) || (got == "") != (c.words == "") {
			t.Errorf("%v is refused with %q, want %q", c.given, got, c.words)
		}
	}
}

// allowed lists what a role allows, one action on one resource each.
func allowed(t *testing.T, s *stack, role string) []string {
	t.Helper()
	var all []string
	for _, policy := range list(s.properties(role)["Policies"]) {
		for _, st := range list(at[any](policy, "PolicyDocument", "Statement")) {
			if at[string](st, "Effect") != "Allow" {
				t.Errorf("%s has a statement that is no Allow: %v", role, st)
			}
			for _, action := range list(at[any](st, "Action")) {
				for _, resource := range list(at[any](st, "Resource")) {
					all = append(all, fmt.Sprint(action, " ", resource))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// What is allowed and never asked for is a permission too many; what is asked for and not allowed shows only at AWS.
func TestRolesAllowWhatTheCodeAsks(t *testing.T) {
	byMapping := []string{"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"} // Lambda asks, not the code
	asked := slices.Concat(byMapping,
		requests(t, "sqs", "shared/queue/sqsqueue/*.go", `^\t(SendMessage\w*)\(ctx `),
		requests(t, "aidevops", "shared/agent/agentapi/task.go", `c\.api\.(\w+)`),
		requests(t, "aidevops", "shared/agent/agentapi/usage.go", `c\.api\.(\w+)`),
		requests(t, "aidevops", "shared/agent/agentapi/plan.go", `c\.api\.(\w+)`),
		requests(t, "aidevops", "shared/agent/agentapi/summary.go", `c\.api\.(\w+)`),
		requests(t, "secretsmanager", "shared/secret/awssecret/*.go", `^\t(\w+)\(context\.Context, \*secretsmanager\.`),
		requests(t, "dynamodb", "shared/ledger/dynamoledger/*.go", `^\t(\w+)\(context\.Context, \*dynamodb\.`, `types\.(Put|Update|Delete|ConditionCheck)\{`))
	// A transaction is allowed by what is in it.
	inside := map[string]string{
		"dynamodb:Put": "dynamodb:PutItem", "dynamodb:Update": "dynamodb:UpdateItem", "dynamodb:Delete": "dynamodb:DeleteItem",
		"dynamodb:ConditionCheck": "dynamodb:ConditionCheckItem", "dynamodb:TransactWriteItems": "",
	}
	var want []string
	for _, a := range asked {
		if action, part := inside[a]; !part {
			want = append(want, a)
		} else if action != "" {
			want = append(want, action)
		}
	}
	var got []string
	for role := range permissions {
		for _, p := range allowed(t, newFollowed(t), role) {
			if action, _, _ := strings.Cut(p, " "); !strings.HasPrefix(action, "logs:") {
				got = append(got, action)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if want, got = slices.Compact(want), slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("roles allow\n\t%v\nthe code asks for\n\t%v", got, want)
	}
}

// requests finds what an adapter asks of its service, in the interface that it declares and by other patterns.
func requests(t *testing.T, service, files string, patterns ...string) []string {
	t.Helper()
	names, err := filepath.Glob(files)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range patterns {
			for _, m := range regexp.MustCompile("(?m)"+pattern).FindAllStringSubmatch(string(source), -1) {
				found = append(found, service+":"+m[1])
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no request found in %s; has the interface another form now?", files)
	}
	return found
}

// The translator gives a function without a role of its own one with managed policies, which reach every queue and log
// of the account.
func TestRolesAreOurOwn(t *testing.T) {
	const boundary = "arn:aws:iam::123456789012:policy/boundary"
	s, bound := newFollowed(t), newFollowed(t, "PermissionsBoundaryArn", boundary)
	roles := s.ofType("AWS::IAM::Role")
	if want := []string{"DispatcherRole", "IngestRole", "OutcomeRole", "SchedulerRole"}; !slices.Equal(roles, want) {
		t.Fatalf("roles are %v, want %v", roles, want)
	}
	for name, r := range s.Template.Resources {
		if strings.HasPrefix(r.Type, "AWS::IAM::") && r.Type != "AWS::IAM::Role" {
			t.Errorf("%s is a %s, which this test does not look into", name, r.Type)
		}
	}
	for _, f := range functions {
		if got, want := at[string](s.properties(f), "Role"), strings.TrimSuffix(f, "Function")+"Role.Arn"; got != want {
			t.Errorf("%s acts as %q, want %q", f, got, want)
		}
	}
	for _, role := range roles {
		p := s.properties(role)
		if managed := list(p["ManagedPolicyArns"]); len(managed) > 0 {
			t.Errorf("%s has managed policies: %v", role, managed)
		}
		trust := fmt.Sprint(at[any](p, "AssumeRolePolicyDocument", "Statement"))
		if want := "[map[Action:sts:AssumeRole Effect:Allow Principal:map[Service:lambda.amazonaws.com]]]"; trust != want {
			t.Errorf("%s may be assumed by %s, want %s", role, trust, want)
		}
		if _, there := p["PermissionsBoundary"]; there {
			t.Errorf("%s has a boundary that nobody gave", role)
		}
		if got := bound.properties(role)["PermissionsBoundary"]; got != boundary {
			t.Errorf("%s has the boundary %v, want the one given", role, got)
		}
	}
}

func TestQueueKeepsEveryAlert(t *testing.T) {
	s := newFollowed(t)
	for queue, dead := range map[string]string{"AlertQueue": "AlertDeadLetterQueue", "OutcomeQueue": "OutcomeDeadLetterQueue"} {
		redrive := at[object](s.properties(queue), "RedrivePolicy")
		if redrive["deadLetterTargetArn"] != dead+".Arn" || at[float64](redrive, "maxReceiveCount") < 5 {
			t.Errorf("RedrivePolicy of %s is %v: SQS needs the ARN and a count, and fewer tries than 5 dead-letter alerts in any storm", queue, redrive)
		}
		allow := at[object](s.properties(dead), "RedriveAllowPolicy")
		source := "arn:aws:sqs:eu-central-1:123456789012:" + at[string](s.properties(queue), "QueueName")
		if allow["redrivePermission"] != "byQueue" || fmt.Sprint(allow["sourceQueueArns"]) != "["+source+"]" {
			t.Errorf("RedriveAllowPolicy of %s is %v, which does not let %s in", dead, allow, source)
		}
	}
	for _, q := range s.ofType("AWS::SQS::Queue") {
		if !at[bool](s.properties(q), "SqsManagedSseEnabled") {
			t.Errorf("%s is not encrypted at rest", q)
		}
		if at[bool](s.properties(q), "FifoQueue") {
			t.Errorf("%s is a FIFO queue: one failing message would block others", q)
		}
		st := list(at[any](s.properties(q+"Policy"), "PolicyDocument", "Statement"))
		want := "map[Action:sqs:* Condition:map[Bool:map[aws:SecureTransport:false]] Effect:Deny Principal:* Resource:" + q + ".Arn Sid:EncryptedOnly]"
		if q == "OutcomeQueue" { // EventBridge has no role here: the queue itself lets it in, and of its rules ours alone
			want += " map[Action:sqs:SendMessage Condition:map[ArnEquals:map[aws:SourceArn:OutcomeRule.Arn]] Effect:Allow" +
				" Principal:map[Service:events.amazonaws.com] Resource:" + q + ".Arn Sid:OnlyTheRule]"
		}
		want = "[" + want + "]"
		if fmt.Sprint(st) != want || fmt.Sprint(s.properties(q + "Policy")["Queues"]) != "[Ref("+q+")]" {
			t.Errorf("%sPolicy says %v, want %s", q, st, want)
		}
	}
}

func TestMapping(t *testing.T) {
	s := newFollowed(t)
	mappings := map[string][2]string{
		"DispatcherFunctionAlert": {"AlertQueue", "DispatcherFunction"}, "OutcomeFunctionEvent": {"OutcomeQueue", "OutcomeFunction"},
	}
	if got, want := s.ofType("AWS::Lambda::EventSourceMapping"), slices.Sorted(maps.Keys(mappings)); !slices.Equal(got, want) {
		t.Fatalf("mappings are %v, want %v", got, want)
	}
	for name, m := range mappings {
		p := s.properties(name)
		if p["EventSourceArn"] != m[0]+".Arn" || p["FunctionName"] != "Ref("+m[1]+")" {
			t.Errorf("%s leads from %v to %v", name, p["EventSourceArn"], p["FunctionName"])
		}
		if enabled, there := p["Enabled"]; there && enabled != true {
			t.Errorf("%s has Enabled=%v: messages lie in the queue until they are thrown away", name, enabled)
		}
		if p["BatchSize"] != 1.0 || fmt.Sprint(p["FunctionResponseTypes"]) != "[ReportBatchItemFailures]" {
			t.Errorf("%s: batch of %v, answers %v: a failure in a batch is no error that an alarm sees", name, p["BatchSize"], p["FunctionResponseTypes"])
		}
		if n := at[float64](p, "ScalingConfig", "MaximumConcurrency"); n < 2 || n > 10 {
			t.Errorf("%s starts %v at once: Lambda takes no less than 2, and without a limit it is 1,250", name, n)
		}
		for _, never := range []string{"FilterCriteria", "DestinationConfig", "ProvisionedPollerConfig"} {
			if v, there := p[never]; there {
				t.Errorf("%s has %s=%v: a filter deletes what does not match, for good; pollers exclude MaximumConcurrency", name, never, v)
			}
		}
	}
}

// The rule takes what the Agent says, and leaves alone what CloudTrail reports under the same source: the corpus has both.
func TestRuleTakesTheAgentsEvents(t *testing.T) {
	p := newFollowed(t).properties("OutcomeRule")
	pattern := at[object](p, "EventPattern")
	if got, want := fmt.Sprint(pattern), "map[detail-type:[map[prefix:Investigation] map[prefix:Mitigation]] source:[aws.aidevops]]"; got != want {
		t.Fatalf("the rule takes %s, this test knows %s", got, want)
	}
	if bus, there := p["EventBusName"]; there || p["State"] != "ENABLED" {
		t.Errorf("the rule is %v on the bus %v; the Agent's events are on the default one", p["State"], bus)
	}
	if targets := list(p["Targets"]); len(targets) != 1 || at[string](targets[0], "Arn") != "OutcomeQueue.Arn" || len(targets[0].(object)) != 2 {
		t.Errorf("the rule sends to %v; the function reads events as they are, to the last field", targets)
	}
	files, err := filepath.Glob("events/eventbridge/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no events", err)
	}
	kinds := map[agent.Kind]int{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Source     string `json:"source"`
			DetailType string `json:"detail-type"`
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(file, "version-of-tomorrow") {
			continue
		}
		read, err := agent.DecodeEvent(body)
		takes := e.Source == "aws.aidevops" && (strings.HasPrefix(e.DetailType, "Investigation") || strings.HasPrefix(e.DetailType, "Mitigation"))
		if err != nil || takes != (read.Kind != agent.Other) {
			t.Errorf("%s (%s): the rule takes it: %v; it is read as %q, %v", file, e.DetailType, takes, read.Kind, err)
		}
		kinds[read.Kind]++
	}
	if len(kinds) != 3 {
		t.Errorf("the events are of the kinds %v, want all three", kinds)
	}
}

// A function without its caller's permission is deployed and never runs. The mapping needs none: Lambda itself reads the
// queue, with dispatcher's role.
func TestCallersMayInvoke(t *testing.T) {
	s := newFollowed(t)
	got := map[string]string{}
	for _, name := range s.ofType("AWS::Lambda::Permission") {
		p := s.properties(name)
		got[at[string](p, "FunctionName")] += fmt.Sprint(p["Action"], " ", p["Principal"], " ", p["SourceArn"])
	}
	want := map[string]string{
		"Ref(IngestFunction)":    "lambda:InvokeFunction apigateway.amazonaws.com arn:aws:execute-api:eu-central-1:123456789012:Ref(Api)/*/*/datadog",
		"Ref(SchedulerFunction)": "lambda:InvokeFunction events.amazonaws.com SchedulerFunctionTick.Arn",
	}
	if !maps.Equal(got, want) {
		t.Errorf("who may call what is\n\t%v\nwant\n\t%v", got, want)
	}
}

// What outlives the stack: alerts that were answered 202 and not decided, and the record of what was paid for.
func TestWhatOutlivesTheStack(t *testing.T) {
	s := newFollowed(t)
	kept := map[string]bool{"AlertDeadLetterQueue": true, "Ledger": true}
	for name, r := range s.Template.Resources {
		policies := r.DeletionPolicy + " " + r.UpdateReplacePolicy
		if kept[name] && policies != "RetainExceptOnCreate Retain" {
			t.Errorf("%s has policies %q and is lost with the stack", name, policies)
		}
		if !kept[name] && policies != " " {
			t.Errorf("%s has policies %q: whoever deletes the stack would leave it behind unawares", name, policies)
		}
		if kept[name] {
			for _, own := range []string{"QueueName", "TableName"} {
				if v, there := r.Properties[own]; there {
					t.Errorf("%s has a fixed %s (%v): the stack could not be made again beside the kept one", name, own, v)
				}
			}
		}
	}
}

func TestLedgerTable(t *testing.T) {
	p := newFollowed(t).properties("Ledger")
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, want := range map[string]string{
		"KeySchema":                        `[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]`,
		"AttributeDefinitions":             `[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"S"},{"AttributeName":"bucket","AttributeType":"S"},{"AttributeName":"order","AttributeType":"S"}]`,
		"GlobalSecondaryIndexes":           `[{"IndexName":"state","KeySchema":[{"AttributeName":"bucket","KeyType":"HASH"},{"AttributeName":"order","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]`,
		"TimeToLiveSpecification":          `{"AttributeName":"expires","Enabled":true}`,
		"PointInTimeRecoverySpecification": `{"PointInTimeRecoveryEnabled":true}`,
		"BillingMode":                      `"PAY_PER_REQUEST"`,
	} {
		if got := text(p[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestTickIsNeitherRepeatedNorLate(t *testing.T) {
	s := newFollowed(t)
	rules := s.ofType("AWS::Events::Rule")
	if !slices.Equal(rules, []string{"OutcomeRule", "SchedulerFunctionTick"}) {
		t.Fatalf("rules are %v; the tick is the only timer", rules)
	}
	if when, there := s.properties(rules[0])["ScheduleExpression"]; there {
		t.Errorf("OutcomeRule runs %v; the tick is the only timer", when)
	}
	p := s.properties(rules[1])
	if p["ScheduleExpression"] != "rate(1 minute)" || p["State"] != "ENABLED" {
		t.Errorf("the tick is %v, %v", p["ScheduleExpression"], p["State"])
	}
	targets := list(p["Targets"])
	if len(targets) != 1 || at[string](targets[0], "Arn") != "SchedulerFunction.Arn" {
		t.Fatalf("the tick calls %v", targets)
	}
	// Twice the same, for two services hand the tick on: EventBridge to Lambda, Lambda to the function.
	for where, c := range map[string]object{
		"EventBridge": at[object](targets[0], "RetryPolicy"), "Lambda": s.properties("SchedulerFunctionEventInvokeConfig"),
	} {
		tries, there := c["MaximumRetryAttempts"].(float64)
		if !there || tries != 0 || at[float64](c, "MaximumEventAgeInSeconds") != 60 {
			t.Errorf("%s repeats a tick %v times, up to %v s later, into the next ones", where, c["MaximumRetryAttempts"], c["MaximumEventAgeInSeconds"])
		}
	}
}

func TestFrontDoor(t *testing.T) {
	s := newFollowed(t)
	paths := at[object](s.properties("Api"), "Body", "paths")
	if len(paths) != 1 || len(at[object](paths, "/datadog")) != 1 {
		t.Fatalf("routes are %v, want /datadog alone, with any method", paths)
	}
	integration := at[object](paths, "/datadog", "x-amazon-apigateway-any-method", "x-amazon-apigateway-integration")
	if integration["payloadFormatVersion"] != "2.0" || !strings.Contains(at[string](integration, "uri"), "IngestFunction.Arn") {
		t.Errorf("any method of /datadog leads to %v", integration)
	}
	stage := s.properties("ApiApiGatewayDefaultStage")
	for _, never := range []string{"DefaultRouteSettings", "RouteSettings"} {
		if v, there := stage[never]; there {
			t.Errorf("the stage has %s=%v: throttled is answered 429, which Datadog never repeats", never, v)
		}
	}
	if got := at[string](stage, "AccessLogSettings", "DestinationArn"); got != "ApiAccessLogGroup.Arn" {
		t.Errorf("the access log goes to %q", got)
	}
	format := at[string](stage, "AccessLogSettings", "Format")
	var fields map[string]string
	if err := json.Unmarshal([]byte(format), &fields); err != nil {
		t.Fatalf("a line of the access log is no JSON: %v", err)
	}
	if fields["integrationErrorMessage"] != "$context.integrationErrorMessage" || fields["status"] != "$context.status" {
		t.Errorf("the access log does not say what went wrong: %s", format)
	}
	for _, never := range []string{"$context.path", "queryString", "authorizer", "header"} {
		if strings.Contains(format, never) {
			t.Errorf("the access log holds %s, where a caller may have put the token", never)
		}
	}
}

func TestSecretsAreMadeAsTheyShould(t *testing.T) {
	s := newFollowed(t)
	if got, want := fmt.Sprint(s.properties("IngestToken")["GenerateSecretString"]), "map[ExcludePunctuation:true PasswordLength:48]"; got != want {
		t.Errorf("the token is generated by %s, want %s", got, want)
	}
	for _, name := range s.ofType("AWS::SecretsManager::Secret") {
		p := s.properties(name)
		if v, there := p["SecretString"]; there {
			t.Errorf("%s has the value %v in the template: known to all, and put back over the real one when it changes", name, v)
		}
		if v, there := p["Name"]; there {
			t.Errorf("%s has the fixed name %v, which a second stack in the account cannot have", name, v)
		}
	}
	if _, there := s.properties("AgentSecret")["GenerateSecretString"]; there {
		t.Error("the Agent's secret is generated: cases would be sent to nowhere instead of waiting for it")
	}
}

// alarm is what an alarm stands on and when it comes: after so many of the last periods, of so many seconds each, in
// which the metric was beyond the threshold.
type alarm struct {
	on         string // namespace, name, dimensions
	statistic  string
	seconds    float64
	datapoints float64
	periods    float64
	comes      string
	because    string
}

var alarms = map[string]alarm{
	"ApiFailing": {
		"AWS/ApiGateway 5xx ApiId=Ref(Api) Stage=$default", "Sum", 60, 1, 1, "GreaterThanThreshold 0",
		"one 5xx can be an alert that Datadog gives up",
	},
	"AuthenticationFailing": {
		"Alertbridge AuthenticationFailed stack=bridge", "Sum", 300, 1, 1, "GreaterThanThreshold 0",
		"one refused call can be an alert that is lost; somebody who tries tokens shall not ring every minute",
	},
	"AlertsStuck": {
		"AWS/SQS ApproximateAgeOfOldestMessage QueueName=AlertQueue.QueueName", "Maximum", 60, 2, 2, "GreaterThanThreshold 300",
		"its text says five minutes; one late minute of a storm passes",
	},
	"DispatcherFailing": {
		"AWS/Lambda Errors FunctionName=Ref(DispatcherFunction)", "Sum", 60, 3, 5, "GreaterThanThreshold 0",
		"one that fails now and then is retried; most minutes bad is no accident, and an hour of tries is not over yet",
	},
	"DeadLetters": {
		"AWS/SQS ApproximateNumberOfMessagesVisible QueueName=AlertDeadLetterQueue.QueueName", "Maximum", 60, 1, 1, "GreaterThanThreshold 0",
		"each is an alert without a verdict",
	},
	"TickMissing": {
		"Alertbridge Tick stack=bridge", "Sum", 60, 5, 5, "LessThanThreshold 1",
		"there is a tick each minute, and its text says five minutes without one",
	},
	"AgentShut": {
		"Alertbridge AgentShut stack=bridge", "Maximum", 180, 1, 1, "GreaterThanThreshold 0",
		"every tick tells it again, and two that are missed must not look like a mend",
	},
	"CaseRefused": {
		"Alertbridge CaseRefused stack=bridge", "Sum", 60, 1, 1, "GreaterThanThreshold 0",
		"each is a case that nobody investigates, and is told once",
	},
	"CaseInDoubt": {
		"Alertbridge CaseLeftInDoubt stack=bridge", "Sum", 60, 1, 1, "GreaterThanThreshold 0",
		"each is a case that only a person can settle, and is told once",
	},
	"StartUnconfirmed": {
		"Alertbridge StartUnconfirmed stack=bridge", "Sum", 60, 1, 1, "GreaterThanThreshold 0",
		"each is an incident that probably nobody investigates, and is told once",
	},
	"AgentApiFailing": {
		"Alertbridge AgentAPIFailed stack=bridge", "Sum", 300, 2, 3, "GreaterThanThreshold 0",
		"one question that gets no answer is asked again; a case is asked about every five minutes at the least",
	},
	"AgentUsageHigh": {
		"Alertbridge AgentUsageHigh stack=bridge", "Sum", 3600, 1, 2, "GreaterThanThreshold 0",
		"it is read once an hour, and two readings can leave an hour of the clock empty",
	},
	"OutcomeFailing": {
		"AWS/Lambda Errors FunctionName=Ref(OutcomeFunction)", "Sum", 60, 3, 5, "GreaterThanThreshold 0",
		"as of the dispatcher's",
	},
	"OutcomeDeadLetters": {
		"AWS/SQS ApproximateNumberOfMessagesVisible QueueName=OutcomeDeadLetterQueue.QueueName", "Maximum", 60, 1, 1, "GreaterThanThreshold 0",
		"each is an event that an hour of tries could not bring into the ledger",
	},
	"AnswersGivenUp": {
		"Alertbridge AnswerGivenUp stack=bridge", "Sum", 300, 1, 1, "GreaterThanThreshold 0",
		"each is something that nobody was told, and is counted once; a wrong key's come together",
	},
	"BeyondBudget": {
		"Alertbridge BeyondBudget stack=bridge", "Sum", 3600, 1, 1, "GreaterThanThreshold 0",
		"each is money that was not planned; a bad afternoon rings once an hour, not with each case",
	},
}

// standsOn names the metric of an alarm: namespace, name, dimensions.
func standsOn(p object) string {
	text := fmt.Sprint(p["Namespace"], " ", p["MetricName"])
	for _, d := range list(p["Dimensions"]) {
		text += fmt.Sprintf(" %v=%v", at[string](d, "Name"), at[any](d, "Value"))
	}
	return text
}

// An alarm on a metric that nobody writes stays green for ever, and so does one that asks for too much.
func TestAlarmsStandOnMetricsThatExist(t *testing.T) {
	s := newFollowed(t)
	if got, want := len(s.ofType("AWS::CloudWatch::Alarm")), len(alarms); got != want {
		t.Errorf("%d alarms, this test knows %d", got, want)
	}
	for name, want := range alarms {
		p := s.properties(name)
		on := standsOn(p)
		if on != want.on {
			t.Errorf("%s stands on %s, want %s", name, on, want.on)
		}
		datapoints, there := p["DatapointsToAlarm"]
		if !there {
			datapoints = p["EvaluationPeriods"]
		}
		const comes = "%v of %v s, %v of %v times %v"
		got := fmt.Sprintf(comes+" %v", p["Statistic"], p["Period"], datapoints, p["EvaluationPeriods"], p["ComparisonOperator"], p["Threshold"])
		if want := fmt.Sprintf(comes, want.statistic, want.seconds, want.datapoints, want.periods, want.comes); got != want {
			t.Errorf("%s comes by %s, want %s: %s", name, got, want, alarms[name].because)
		}
		ours := slices.ContainsFunc(telemetry.Metrics(), func(d telemetry.Definition) bool { return string(d.Metric) == p["MetricName"] })
		if p["Namespace"] == telemetry.Namespace && !ours {
			t.Errorf("%s stands on %v, which no function counts", name, p["MetricName"])
		}
	}
}

func TestAlarmsSayWhatToDo(t *testing.T) {
	s := newFollowed(t)
	for name := range alarms {
		p := s.properties(name)
		if p["AlarmName"] != "bridge-"+name {
			t.Errorf("%s is called %v: two stacks would share it, or its page is not found", name, p["AlarmName"])
		}
		text := at[string](p, "AlarmDescription")
		first := regexp.MustCompile(`First: (?:aws (\w+) |alertbridge cases list --state (\w+) --table Ref\(Ledger\))`).FindStringSubmatch(text)
		if len(text) > 1024 || first == nil {
			t.Errorf("%s does not say in 1,024 characters what to run first: %q", name, text)
		} else if first[2] != "" && !slices.Contains(caseview.States(), first[2]) {
			t.Errorf("%s asks for cases in the state %s, which there is not", name, first[2])
		}
		want := "notBreaching"
		if name == "TickMissing" {
			want = "breaching" // it is the missing that it tells
		}
		if p["TreatMissingData"] != want {
			t.Errorf("%s takes missing data for %v, want %s", name, p["TreatMissingData"], want)
		}
	}
}

func TestAlarmsTellTheTopicIfThereIsOne(t *testing.T) {
	const topic = "arn:aws:sns:eu-central-1:123456789012:on-call"
	silent, telling := newFollowed(t), newFollowed(t, "AlarmTopicArn", topic)
	for name := range alarms {
		for _, when := range []string{"AlarmActions", "OKActions"} {
			if got := list(silent.properties(name)[when]); len(got) > 0 {
				t.Errorf("%s of %s is %v without a topic", when, name, got)
			}
			if got := fmt.Sprint(telling.properties(name)[when]); got != "["+topic+"]" {
				t.Errorf("%s of %s is %s, want the topic", when, name, got)
			}
		}
	}
}

func TestParametersRefuseWhatCannotWork(t *testing.T) {
	params := newFollowed(t).Template.Parameters
	for _, c := range []struct {
		param, value string
		fits         bool
	}{
		{"AgentHost", "", true},
		{"AgentHost", "event-ai.eu-central-1.api.aws", true},
		{"AgentHost", "event-ai.eu-central-1.api.aws.evil.example", false},
		{"AgentHost", "x.event-ai.eu-central-1.api.aws", false},
		{"AgentHost", "https://event-ai.eu-central-1.api.aws", false},
		{"AgentHost", "event-ai-eu.api.aws", false},
		{"AgentSpaces", "", true},
		{"AgentSpaces", "5b0f7d62-93a4-4e1c-8f25-7c6d1e9a0b34", true},
		{"AgentSpaces", "default=space-1,payments=space-2", true},
		{"AgentSpaces", "space-1,payments=space-2", true},
		{"AgentSpaces", "space-1,space-2", false}, // two for the Agent default
		{"AgentSpaces", "arn:aws:aidevops:eu-central-1:123456789012:agentspace/space-1", false},
		{"AgentSpaces", "payments=", false},
		{"AgentSpaces", "../space", false},
		{"AgentSpaces", "*", false},
		{"AgentPage", "", true},
		{"AgentPage", "https://{space}.agent.example/investigation/{task}", true},
		{"AgentPage", "https://agent.example/#/a?space={space}&task={task}&again={task}", true},
		{"AgentPage", "https://agent.example/investigation/", false}, // it would be the same for every case
		{"AgentPage", "https://{task}.example/", false},
		{"AgentPage", "https://agent.example/{execution}/{task}", false},
		{"AgentPage", "http://agent.example/{task}", false},
		{"AlarmTopicArn", "", true},
		{"AlarmTopicArn", "arn:aws:sns:eu-central-1:123456789012:on-call", true},
		{"AlarmTopicArn", "on-call", false},
		{"DatadogApiKeySecretArn", "", true},
		{"DatadogApiKeySecretArn", "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:dd-AbCdEf", true},
		{"DatadogApiKeySecretArn", "0123456789abcdef0123456789abcdef", false}, // the key itself
		{"PagerDutySecretArn", "", true},
		{"PagerDutySecretArn", pagerKey, true},
		{"PagerDutySecretArn", "0123456789abcdef0123456789abcdef", false}, // the key itself
		{"DispatcherReservedConcurrency", "", true},
		{"DispatcherReservedConcurrency", "10", true},
		{"DispatcherReservedConcurrency", "9", false}, // less than the mapping starts: throttled messages would be dead-lettered
		{"DispatcherReservedConcurrency", "0", false}, // switches the function off
		{"IngestReservedConcurrency", "", true},
		{"IngestReservedConcurrency", "1", true},
		{"IngestReservedConcurrency", "0", false},
		{"PermissionsBoundaryArn", "", true},
		{"PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/team/boundary", true},
		{"PermissionsBoundaryArn", "arn:aws:iam::aws:policy/PowerUserAccess", true},
		{"PermissionsBoundaryArn", "boundary", false},
		{"Environment", "production", true},
		{"Environment", "Production", false}, // Datadog would make it lower case
		{"Version", "1.4.0-3-gab12cd", true},
		{"Version", "", false},
	} {
		pattern := params[c.param].AllowedPattern
		if got := pattern != "" && regexp.MustCompile(pattern).MatchString(c.value); got != c.fits {
			t.Errorf("%s=%q: allowed is %v, want %v (%s)", c.param, c.value, got, c.fits, pattern)
		}
	}
}

// Whoever deploys from the console sees the parameters as this says.
func TestParametersArePresented(t *testing.T) {
	s := newFollowed(t)
	text, err := json.Marshal([]any{s.Template.Conditions, s.Template.Resources, s.Template.Outputs})
	if err != nil {
		t.Fatal(err)
	}
	ui := at[object](s.Template.Metadata, "AWS::CloudFormation::Interface")
	shown := map[string]int{}
	for _, group := range list(ui["ParameterGroups"]) {
		for _, p := range list(at[any](group, "Parameters")) {
			shown[p.(string)]++
		}
	}
	for name, p := range s.Template.Parameters {
		if shown[name] != 1 || at[string](ui, "ParameterLabels", name, "default") == "" {
			t.Errorf("%s is in %d groups, labelled %q", name, shown[name], at[string](ui, "ParameterLabels", name, "default"))
		}
		if p.Description == "" || p.Default == nil {
			t.Errorf("%s has no description or no default; a first deployment must need no answer", name)
		}
		if !strings.Contains(string(text), `"Ref":"`+name+`"`) && !strings.Contains(string(text), "${"+name+"}") {
			t.Errorf("%s is asked for and not used", name)
		}
		if p.AllowedPattern != "" && p.ConstraintDescription == "" && name != "Environment" && name != "Version" {
			t.Errorf("%s refuses values and does not say what it wants", name)
		}
		delete(shown, name)
	}
	if len(shown) > 0 {
		t.Errorf("shown and not there: %v", shown)
	}
}

// The sites and regions that the template offers are those that answers can be told to.
func TestSitesAreThoseOfAnswers(t *testing.T) {
	var offered []string
	for _, site := range newStack(t).Template.Parameters["DatadogSite"].AllowedValues {
		offered = append(offered, site.(string))
	}
	if !slices.Equal(offered, ddevents.Sites()) {
		t.Errorf("the template offers %q, and events can be sent to %q", offered, ddevents.Sites())
	}
	offered = nil
	for _, region := range newStack(t).Template.Parameters["PagerDutyRegion"].AllowedValues {
		offered = append(offered, region.(string))
	}
	if want := []string{string(pagerduty.US), string(pagerduty.EU)}; !slices.Equal(offered, want) {
		t.Errorf("the template offers %q, and PagerDuty can be told in %q", offered, want)
	}
}

package telemetry

import (
	"slices"

	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// Namespace holds all counters in CloudWatch.
const Namespace = "Alertbridge"

// Metric is the name of a counter in CloudWatch.
type Metric string

// The counters; Metrics says what each means.
const (
	AlertsReceived       Metric = "AlertsReceived"
	DeliveryRejected     Metric = "DeliveryRejected"
	AuthenticationFailed Metric = "AuthenticationFailed"
	SecretReadFailed     Metric = "SecretReadFailed"
	QueueSendFailed      Metric = "QueueSendFailed"
	Redacted             Metric = "Redacted"
	AlertVerdict         Metric = "AlertVerdict"
	MessageFailed        Metric = "MessageFailed"
	AgentCall            Metric = "AgentCall"
	AgentShut            Metric = "AgentShut"
	BeyondBudget         Metric = "BeyondBudget"
	BudgetSpent          Metric = "BudgetSpent"
	BudgetWaiting        Metric = "BudgetWaiting"
	CaseRefused          Metric = "CaseRefused"
	CaseInDoubt          Metric = "CaseInDoubt"
	CaseLeftInDoubt      Metric = "CaseLeftInDoubt"
	StartUnconfirmed     Metric = "StartUnconfirmed"
	InvestigationEnded   Metric = "InvestigationEnded"
	AgentAPIFailed       Metric = "AgentAPIFailed"
	AgentUsage           Metric = "AgentUsage"
	AgentUsageHigh       Metric = "AgentUsageHigh"
	EventFailed          Metric = "EventFailed"
	AnswerTold           Metric = "AnswerTold"
	AnswerFailed         Metric = "AnswerFailed"
	AnswerGivenUp        Metric = "AnswerGivenUp"
	SettleFailed         Metric = "SettleFailed"
	LedgerConflict       Metric = "LedgerConflict"
	LedgerUnknown        Metric = "LedgerUnknown"
	Tick                 Metric = "Tick"
	TickDue              Metric = "TickDue"
	TickStarted          Metric = "TickStarted"
)

// Definition is what there is to know about a counter.
type Definition struct {
	Metric  Metric
	Datadog string // its name there, a distribution to be summed
	Unit    string // as CloudWatch calls it; it has none for dollars
	// Dimensions are its own, besides stack. CloudWatch has it twice: with the dimension stack alone, which is what
	// alarms stand on, and with stack and these.
	Dimensions []string
	Meaning    string
}

// Metrics lists every counter.
func Metrics() []Definition { return slices.Clone(metrics[:]) }

var metrics = [...]Definition{
	{
		AlertsReceived, "alertbridge.alerts.received", "Count", nil,
		"ingest: authenticated deliveries that the queue has taken, also those that cannot be read",
	},
	{
		DeliveryRejected, "alertbridge.delivery.rejected", "Count",
		[]string{"reason"},
		"ingest: deliveries answered with a 4xx other than 401",
	},
	{
		AuthenticationFailed, "alertbridge.delivery.unauthenticated", "Count", nil,
		"ingest: deliveries whose token matches none that is known, answered with 401, or with 503 when it may have been rotated a moment ago",
	},
	{
		SecretReadFailed, "alertbridge.secret.read_failed", "Count", nil,
		"ingest: deliveries answered with a 5xx because the token to compare with could not be read",
	},
	{
		QueueSendFailed, "alertbridge.queue.send_failed", "Count", nil,
		"ingest: deliveries answered with a 5xx because the queue did not take them",
	},
	{
		Redacted, "alertbridge.delivery.redacted", "Count",
		[]string{"kind"},
		"ingest: secrets and personal data that were replaced in what was queued, each place by itself",
	},
	{
		AlertVerdict, "alertbridge.alert.verdict", "Count",
		[]string{"verdict", "reason"},
		"dispatcher: verdicts, one for each message; an alert that is delivered again counts as duplicate_delivery",
	},
	{
		MessageFailed, "alertbridge.message.failed", "Count", nil,
		"dispatcher: messages given back to the queue because they could not be decided now",
	},
	{
		AgentCall, "alertbridge.agent.call", "Count",
		[]string{"outcome", "reason"},
		"dispatcher, scheduler: calls to the Agent, by how they ended",
	},
	{
		AgentShut, "alertbridge.agent.shut", "Count", nil,
		"dispatcher, scheduler: an account found shut, when it happens and again by each tick while it lasts",
	},
	{
		BeyondBudget, "alertbridge.budget.beyond", "Count", nil,
		"dispatcher, scheduler: critical cases that were started although the budget had no money for them",
	},
	{
		BudgetSpent, "alertbridge.budget.spent", "None",
		[]string{"agent"},
		"scheduler: dollars that an Agent has cost this month, with what runs; said anew by each tick, so the maximum counts and not the sum",
	},
	{
		BudgetWaiting, "alertbridge.budget.waiting", "Count",
		[]string{"agent"},
		"scheduler: cases of an Agent that wait for money, of those that the tick has looked at; said anew by each tick as well",
	},
	{
		CaseRefused, "alertbridge.case.refused", "Count", nil,
		"dispatcher, scheduler: cases that the Agent refused",
	},
	{
		CaseInDoubt, "alertbridge.case.in_doubt", "Count", nil,
		"dispatcher, scheduler: cases that came to be in doubt",
	},
	{
		CaseLeftInDoubt, "alertbridge.case.left_in_doubt", "Count", nil,
		"dispatcher, scheduler: cases in doubt of which nothing more is tried by itself; only a person can tell what became of them",
	},
	{
		StartUnconfirmed, "alertbridge.start.unconfirmed", "Count", nil,
		"scheduler: starts that neither an event of the Agent nor its API has confirmed within ten minutes, where its work is followed",
	},
	{
		InvestigationEnded, "alertbridge.investigation.ended", "Count",
		[]string{"how"},
		"outcome, scheduler: investigations that have ended, as the Agent itself says",
	},
	{
		AgentAPIFailed, "alertbridge.agent.api_failed", "Count",
		[]string{"reason"},
		"outcome, scheduler: questions to the Agent's API that got no answer",
	},
	{
		AgentUsage, "alertbridge.agent.usage", "Percent", nil,
		"scheduler: how much of its month's investigations the AWS account has used, where the Agent's work is followed and the account has a limit; said anew when it is read, once an hour, so the maximum counts and not the sum",
	},
	{
		AgentUsageHigh, "alertbridge.agent.usage_high", "Count", nil,
		"scheduler: readings of that by which at least 90 % were used; at 100 % the Agent cancels whatever is started",
	},
	{
		EventFailed, "alertbridge.event.failed", "Count", nil,
		"outcome: events of the Agent given back to the queue because they could not be taken in now",
	},
	{
		AnswerTold, "alertbridge.answer.told", "Count",
		[]string{"target"},
		"scheduler: answers that a place where they go has taken: Datadog's events, PagerDuty",
	},
	{
		AnswerFailed, "alertbridge.answer.failed", "Count",
		[]string{"target", "reason"},
		"scheduler: tries to tell an answer that did not succeed and are made again",
	},
	{
		AnswerGivenUp, "alertbridge.answer.given_up", "Count",
		[]string{"target"},
		"scheduler: answers that nobody was told, because the place would not take them or was away for a day",
	},
	{
		SettleFailed, "alertbridge.settle.failed", "Count", nil,
		"dispatcher, scheduler: calls whose outcome could not be written; the case becomes a doubt when its lease is over",
	},
	{
		LedgerConflict, "alertbridge.ledger.conflict", "Count", nil,
		"dispatcher, scheduler: commits that found the ledger changed, and are decided anew, in a tick by the next one",
	},
	{
		LedgerUnknown, "alertbridge.ledger.unknown", "Count", nil,
		"dispatcher, scheduler: commits of which nobody knows whether they were applied",
	},
	{
		Tick, "alertbridge.tick", "Count", nil,
		"scheduler: ticks that came to their end; none in some minutes means that nothing that waits is started",
	},
	{
		TickDue, "alertbridge.tick.due", "Count", nil,
		"scheduler: cases that a tick found due",
	},
	{
		TickStarted, "alertbridge.tick.started", "Count", nil,
		"scheduler: starts that a tick made",
	},
}

// Dimension is one property of a count. It can be made only from a value of a closed list, so that nothing an alert
// says ever becomes a dimension: each combination is a metric of its own, and is paid for.
type Dimension struct{ name, value string }

// Verdict is the dimension verdict.
func Verdict(v gate.Verdict) Dimension { return Dimension{"verdict", string(v)} }

// Reason is the dimension reason of AlertVerdict.
func Reason(r gate.Reason) Dimension { return Dimension{"reason", string(r)} }

// Outcome is the dimension outcome.
func Outcome(o delivery.Outcome) Dimension { return Dimension{"outcome", string(o)} }

// CallReason is the dimension reason of AgentCall.
func CallReason(r delivery.Reason) Dimension { return Dimension{"reason", string(r)} }

// EndedAs is the dimension how.
func EndedAs(h gate.How) Dimension { return Dimension{"how", string(h)} }

// APIFault is the dimension reason of AgentAPIFailed.
func APIFault(f delivery.Fault) Dimension { return Dimension{"reason", string(f)} }

// AnswerTarget is the dimension target. The name must be one that a main gives to a place where answers go.
func AnswerTarget(name string) Dimension { return Dimension{"target", name} }

// Agent is the dimension agent. The name must be one that the deployed policy has, never one that an alert or a record
// brings: the policy's are few, and who writes them pays for them.
func Agent(name string) Dimension { return Dimension{"agent", name} }

// RedactedKind is the dimension kind.
func RedactedKind(k redact.Kind) Dimension { return Dimension{"kind", string(k)} }

// Rejection is why ingest answered with a 4xx, other than for the token.
type Rejection string

// The rejections.
const (
	RejectedMethod     Rejection = "method"       // 405
	RejectedType       Rejection = "content_type" // 415
	RejectedSize       Rejection = "too_large"    // 413
	RejectedUnreadable Rejection = "unreadable"   // 400; queued all the same
)

// Rejected is the dimension reason of DeliveryRejected.
func Rejected(r Rejection) Dimension { return Dimension{"reason", string(r)} }

package datadog

import "strings"

// variables are all that Datadog documents for webhooks (docs.datadoghq.com, Integrations, Webhooks), and the two
// _POSIX ones, which its integrations still use.
var variables = []string{
	"AGGREG_KEY", "ALERT_CYCLE_KEY", "ALERT_ID", "ALERT_METRIC", "ALERT_PRIORITY", "ALERT_QUERY", "ALERT_SCOPE",
	"ALERT_STATUS", "ALERT_TITLE", "ALERT_TRANSITION", "ALERT_TYPE", "DATE", "DATE_POSIX", "EMAIL", "EVENT_MSG",
	"EVENT_TITLE", "EVENT_TYPE", "HOSTNAME", "ID", "INCIDENT_ATTACHMENTS", "INCIDENT_COMMANDER",
	"INCIDENT_CUSTOMER_IMPACT", "INCIDENT_FIELDS", "INCIDENT_INTEGRATIONS", "INCIDENT_MSG", "INCIDENT_PUBLIC_ID",
	"INCIDENT_SEVERITY", "INCIDENT_STATUS", "INCIDENT_TITLE", "INCIDENT_TODOS", "INCIDENT_URL", "INCIDENT_UUID",
	"LAST_UPDATED", "LAST_UPDATED_POSIX", "LINK", "LOGS_SAMPLE", "METRIC_NAMESPACE", "ORG_ID", "ORG_NAME", "PRIORITY",
	"SECURITY_RULE_GROUP_BY_FIELDS", "SECURITY_RULE_ID", "SECURITY_RULE_MATCHED_QUERIES", "SECURITY_RULE_NAME",
	"SECURITY_RULE_QUERY", "SECURITY_RULE_TYPE", "SECURITY_SIGNAL_ATTRIBUTES", "SECURITY_SIGNAL_ID",
	"SECURITY_SIGNAL_MSG", "SECURITY_SIGNAL_SEVERITY", "SECURITY_SIGNAL_TITLE", "SNAPSHOT",
	"SYNTHETICS_FIRST_FAILING_STEP_NAME", "SYNTHETICS_SUMMARY", "SYNTHETICS_TEST_NAME", "TAGS", "TEXT_ONLY_MSG", "USER",
	"USERNAME",
}

// absent tells that a value says nothing: it is empty, or the text null, which Datadog writes for what an alert does
// not have, or a variable that was not filled in. A documented name without its dollar ("event_id": "ID") is a slip
// seen in real templates, and counts as not filled in, too.
func absent(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || strings.EqualFold(s, "null") || unfilled(s)
}

func unfilled(s string) bool {
	name, dollar := strings.CutPrefix(s, "$")
	name = strings.TrimSuffix(strings.TrimPrefix(name, "{"), "}")
	name, key, ok := strings.Cut(name, "[") // $TAGS[service]
	if ok && strings.IndexByte(key, ']') != len(key)-1 || name == "" || name[0] < 'A' || name[0] > 'Z' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	if dollar {
		return true
	}
	for _, v := range variables {
		if s == v {
			return true
		}
	}
	return false
}

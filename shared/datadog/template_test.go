package datadog

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// own are the fields that our template fills: all that a variable exists for.
func own() []field {
	var list []field
	for f := schema; f < state; f++ {
		list = append(list, f)
	}
	return list
}

func templateKeys(t *testing.T) map[string]string {
	t.Helper()
	var keys map[string]string // fails for anything that is not text between quotes
	if err := json.Unmarshal([]byte(Template()), &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

// The template and the decoder know the same names.
func TestTemplateAndDecoderAgree(t *testing.T) {
	keys := templateKeys(t)
	for _, f := range own() {
		name := strings.TrimPrefix(names[f][0], ".")
		if f == message {
			name = "body"
		}
		if _, ok := keys[name]; !ok {
			t.Errorf("the decoder looks for %s, which the template does not have", name)
		}
		delete(keys, name)
	}
	for name := range keys {
		t.Errorf("the template has %s, for which the decoder does not look", name)
	}
}

// Each key of the template makes a difference to the alert, so none is read in vain.
func TestTemplateKeysAreRead(t *testing.T) {
	// A body in which each key matters: where one stands in for another, the other one is left out.
	filled := map[string]string{
		"schema": "1", "event_id": "8541", "monitor_id": "155", "cycle_key": "8540", "aggreg_key": "5d41", "transition": "Warn",
		"alert_type": "warning", "alert_priority": "P4", "event_type": "log_alert", "event_title": "Event", "alert_title": "Alert",
		"alert_status": "is high", "alert_query": "q", "alert_metric": "m", "alert_scope": "host:a", "hostname": "a", "tags": "x:y",
		"date": "1795165200000", "last_updated": "1795165201000", "link": "https://app.datadoghq.com/event/event?id=8999",
		"snapshot": "https://p.datadoghq.com/a.png", "org_id": "5", "org_name": "N", "body": "text",
	}
	hidden := map[string][]string{"alert_title": {"event_title"}, "last_updated": {"date"}}
	for name := range templateKeys(t) {
		with := make(map[string]string)
		for k, v := range filled {
			if !slices.Contains(hidden[name], k) {
				with[k] = v
			}
		}
		if with[name] == "" {
			t.Errorf("no sample value for %s", name)
			continue
		}
		a := decodeMap(t, with)
		with[name] = ""
		if b := decodeMap(t, with); reflect.DeepEqual(a, b) {
			t.Errorf("the alert is the same without %s", name)
		}
	}
}

func decodeMap(t *testing.T, m map[string]string) alert.Alert {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Decode(body, received, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every value of the template is one documented variable, and each is used once.
func TestTemplateVariables(t *testing.T) {
	used := map[string]string{}
	for name, v := range templateKeys(t) {
		if name == "schema" {
			continue
		}
		variable, ok := strings.CutPrefix(v, "$")
		if !ok || !slices.Contains(variables, variable) {
			t.Errorf("%s is %s, which is no variable of Datadog's", name, v)
		}
		if other, ok := used[v]; ok {
			t.Errorf("%s and %s are both %s", name, other, v)
		}
		used[v] = name
	}
	// Objects and lists would break the JSON where they are empty, and $PRIORITY is not the monitor's.
	for _, object := range []string{
		"$LOGS_SAMPLE", "$INCIDENT_FIELDS", "$INCIDENT_INTEGRATIONS", "$INCIDENT_TODOS", "$INCIDENT_ATTACHMENTS", "$INCIDENT_COMMANDER",
		"$INCIDENT_CUSTOMER_IMPACT", "$SYNTHETICS_SUMMARY", "$SECURITY_SIGNAL_ATTRIBUTES", "$SECURITY_RULE_MATCHED_QUERIES",
		"$SECURITY_RULE_GROUP_BY_FIELDS", "$PRIORITY",
	} {
		if strings.Contains(Template(), `"`+object+`"`) || strings.Contains(Template(), object+",") {
			t.Errorf("the template uses %s", object)
		}
	}
}

func TestAbsent(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, " \t": true, "null": true, "NULL": true, "$HOSTNAME": true, "$EVENT_ID": true, "${ALERT_ID}": true, "$TAGS[service]": true,
		"ID": true, "ALERT_STATUS": true, " $ID ": true,
		"0": false, "nullable": false, "$5": false, "$HOME is full": false, "$TAGS[x] is": false, "$": false, "id": false, "IDS": false,
		"P1": false, "CRITICAL": false, "datadog-$ALERT_CYCLE_KEY": false,
	} {
		if got := absent(s); got != want {
			t.Errorf("absent(%q) = %v", s, got)
		}
	}
}

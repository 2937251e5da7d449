package verify

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
)

// idOf is the id of a verification: a moment in few letters, so that two have two.
func idOf(now time.Time) string { return strconv.FormatInt(now.UnixMilli(), 36) }

// service is the tag by which what is sent here can be told from alerts, and routed. It has the verification's id in it, so
// that neither a grouping key of the policy nor the Agent takes two verifications for one fault.
func (r *run) service() string { return "alertbridge-verify-" + r.id }

// notice is a delivery as our payload template in Datadog makes it. It has no organisation and no monitor, for it comes
// from none. What the template has beyond this need not be there.
func (r *run) notice(title, transition, kind, priority, cycle, body string) []byte {
	now := r.Now()
	text, err := json.Marshal(map[string]string{
		"schema": "1", "event_id": strconv.FormatInt(now.UnixNano(), 10), "cycle_key": cycle,
		"transition": transition, "alert_type": kind, "alert_priority": priority,
		"event_title": fmt.Sprintf("[%s] [%s on {service:%s}] %s", priority, transition, r.service(), title),
		"alert_scope": "service:" + r.service(), "tags": strings.Join(append([]string{"service:" + r.service()}, r.Tags...), ","),
		"date": strconv.FormatInt(now.UnixMilli(), 10), "body": body,
	})
	if err != nil {
		panic("verify: texts cannot fail to encode: " + err.Error())
	}
	return text
}

// test is marked as Datadog marks a test notification.
func (r *run) test() []byte {
	return r.notice("[TEST] Verification "+r.id+" by alertbridge verify", "Triggered", "error", "P5", "",
		"Test notification triggered by alertbridge verify. Nothing is wrong.")
}

const realWords = "This is a verification of the set-up, started by hand with alertbridge verify. There is no fault, and there is " +
	"nothing to find. Say so and end the investigation at once: each second of it is paid for."

// real is an alert that starts an investigation.
func (r *run) real() []byte {
	return r.notice("Verification "+r.id+" by alertbridge verify: there is no fault", "Triggered", "error", "P1", r.cycle(), realWords)
}

// recovered takes it back.
func (r *run) recovered() []byte {
	return r.notice("Verification "+r.id+" by alertbridge verify: there is no fault", "Recovered", "success", "P1", r.cycle(), "The verification is over.")
}

func (r *run) cycle() string { return "verify-" + r.id }

// Notices are the test notification and the alert that a verification with these tags would send, as the bridge would
// decode them: to ask a policy about them before they are sent.
func Notices(tags []string, now time.Time) (test, real alert.Alert, err error) {
	r := newRun(Options{Tags: tags, Now: func() time.Time { return now }})
	if test, err = datadog.Decode(r.test(), now, nil); err != nil {
		return test, real, err
	}
	real, err = datadog.Decode(r.real(), now, nil)
	return test, real, err
}

// wrongPriority is what makes an event invalid: the Agent's schema has five words for a priority, and this is none.
const wrongPriority = "VERIFY"

// invalid is an event that the Agent must refuse. All else in it is as it should be, so that nothing else is refused, and
// its title says what it is, should it be taken all the same.
func (r *run) invalid() agent.Message {
	now := r.Now()
	m := agent.NewMessage(agent.Report{
		CaseID: "ab-verify-" + r.id, Timestamp: now, Severity: alert.Minimal,
		Title: "Invalid on purpose, to be refused: alertbridge verify " + r.id,
		Lead: alert.Alert{
			Title: "Invalid on purpose", Severity: alert.Minimal, Time: now, Tags: []string{"service:" + r.service()},
			Text: "This event is invalid on purpose. It verifies that the webhook refuses it. There is nothing to investigate.",
		},
	})
	m.Priority = wrongPriority
	return m
}

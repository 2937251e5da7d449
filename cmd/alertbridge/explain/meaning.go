package explain

import "github.com/alertbridge/alertbridge/shared/gate"

// meanings says of every reason what it means for the alert.
var meanings = map[gate.Reason]string{
	gate.NewIncident: "no case covers it, and one could be started at once",
	gate.Lifted:      "it is critical, and the case that it belongs to was still waiting",
	gate.FlapStart:   "its monitor group flaps, which is worth one start without a hold",

	gate.Duplicate:    "this very notification has its verdict already",
	gate.Repeat:       "its incident has a case",
	gate.ReTriggering: "its incident has a case, and Datadog says again that it fires",
	gate.Renotifying:  "its incident has a case, and Datadog reminds that it fires",
	gate.Covered:      "the case of another incident covers it, and tells the Agent of it",
	gate.NotTold:      "the case of another incident covers it, but what the Agent was told was written already",
	gate.InStorm:      "the case that collects its environment's storm tells of it",

	gate.Holding:    "the policy gives it time to recover first",
	gate.NoSlot:     "the Agent has no free slot for it",
	gate.OverBudget: "there is no money for it now",
	gate.Storming:   "it opens the case that collects its environment's storm",
	gate.WouldStart: "it would be started, and the mode only observes",
	gate.AgentDown:  "the Agent cannot be reached for now",
	gate.AgentShut:  "the Agent's secret is missing or not accepted",

	gate.IsRecovery:   "it says that its incident is over",
	gate.Late:         "its incident recovered after it happened",
	gate.IsOwn:        "it speaks of what alertbridge itself has told",
	gate.IsTest:       "it is a test notification",
	gate.IsWarn:       "it is Warn or Re-Warn, which the policy starts nothing on",
	gate.IsNoData:     "it is No Data or Re-No Data, which the policy starts nothing on",
	gate.IsUnknown:    "it does not say whether something fires",
	gate.TooOld:       "it would open a case, but happened too long ago",
	gate.NotStarted:   "it would open a case, but the policy starts nothing on its transition",
	gate.IsFlapping:   "it would open a case, but its monitor group flaps and had its start",
	gate.Silenced:     "somebody silenced it",
	gate.IsModeOff:    "the mode is off",
	gate.OnlyCritical: "the mode is for critical alerts only, and it is none",
	gate.Unreadable:   "it came from a caller we trust, but is no alert",
}

// Meaning says what a reason means; "" for one that this version does not know.
func Meaning(r gate.Reason) string { return meanings[r] }

package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Other is a verdict that the gate would have given instead, had one thing been different.
type Other struct {
	If      []string `json:"if"` // each alone leads to it
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
}

// Differ asks the gate again what it answered to a delivery: first with all that it saw, which must give the verdict on
// record, else that is said and nothing is concluded; and then with one thing changed at a time. It lists what gives
// another verdict or reason.
func Differ(rec gate.Delivery) (others []Other, doubt string) {
	if rec.Saw == nil {
		return nil, "what the verdict rested on is not on record, so nothing can be said about what would have changed it"
	}
	was := answer{rec.Verdict, rec.Reason}
	if again := ask(*rec.Saw); again != was {
		return nil, fmt.Sprintf("asked again with all that was seen, this version of the gate answers %s, and on record is %s: "+
			"the rules have changed since, so what would have changed the verdict cannot be computed", again, was)
	}
	for _, c := range changes(*rec.Saw) {
		got := ask(c.saw)
		if got == was {
			continue
		}
		i := slices.IndexFunc(others, func(o Other) bool { return o.Verdict == string(got.verdict) && o.Reason == string(got.reason) })
		if i < 0 {
			i = len(others)
			others = append(others, Other{Verdict: string(got.verdict), Reason: string(got.reason)})
		}
		others[i].If = append(others[i].If, c.words)
	}
	return others, ""
}

type answer struct {
	verdict gate.Verdict
	reason  gate.Reason
}

func (a answer) String() string { return fmt.Sprintf("%s, %s", a.verdict, a.reason) }

func ask(s gate.Saw) answer {
	d := gate.Arrive(s.View, gate.Arrival{Alert: s.Alert}, s.Rules, s.Now)
	return answer{d.Verdict, d.Reason}
}

// change is what was seen with one thing different.
type change struct {
	words string
	saw   gate.Saw
}

// changes are the things that people ask about, each changed alone. None of them touches what s holds.
func changes(s gate.Saw) []change {
	list := slices.Concat(severities(s), ages(s), modes(s), silences(s))
	return slices.Concat(list, money(s), slots(s), agent(s))
}

func severities(s gate.Saw) (list []change) {
	for sev := alert.Critical; sev >= alert.Minimal; sev-- {
		if sev == s.Rules.Ranks(s.Alert) {
			continue
		}
		c := s
		c.Rules.Severity = sev
		list = append(list, change{"it were " + sev.String(), c})
	}
	return list
}

func ages(s gate.Saw) (list []change) {
	if s.Now.Sub(s.Alert.Time) > time.Second {
		c := s
		c.Alert.Time = s.Now
		list = append(list, change{"it had happened only then", c})
	}
	c := s
	c.Alert.Time = s.Now.Add(-s.Rules.MaxAge - time.Second)
	return append(list, change{"it had happened more than " + length(s.Rules.MaxAge) + " before", c})
}

func modes(s gate.Saw) (list []change) {
	is, _ := s.View.Hand.ModeFor(s.Rules, s.Now)
	for _, m := range gate.Modes() {
		if m == is {
			continue
		}
		c := s
		c.Rules.Mode, c.View.Hand.Mode = m, gate.ModeOrder{}
		list = append(list, change{"the mode were " + string(m), c})
	}
	return list
}

func silences(s gate.Saw) []change {
	if s.View.Hand.SilenceFor(&s.Alert, s.Now) == nil {
		return nil
	}
	c := s
	c.View.Hand.Silences = nil
	return []change{{"nothing silenced it", c}}
}

func money(s gate.Saw) []change {
	if s.Rules.Budget.Month <= 0 {
		return nil
	}
	enough := s
	enough.Rules.Budget.Month = 0
	none := s
	none.View.Account.Money.Spent = maps.Clone(s.View.Account.Money.Spent)
	if none.View.Account.Money.Spent == nil {
		none.View.Account.Money.Spent = map[string]gate.Dollars{}
	}
	none.View.Account.Money.Spent[s.Now.UTC().Format("2006-01")] = s.Rules.Budget.Month
	return []change{{"there were money enough", enough}, {"the month's money were spent", none}}
}

func slots(s gate.Saw) []change {
	free, taken := s, s
	free.View.Account.Running = map[string]gate.Reservation{}
	taken.View.Account.Running = map[string]gate.Reservation{}
	for id, r := range s.View.Account.Running {
		taken.View.Account.Running[id] = r
		r.Until = s.Now // its money stays
		free.View.Account.Running[id] = r
	}
	for i := range gate.MaxRunning {
		taken.View.Account.Running[fmt.Sprint("taken-", i)] = gate.Reservation{Until: s.Now.Add(time.Hour)}
	}
	return []change{{"all slots were free", free}, {"all slots were taken", taken}}
}

func agent(s gate.Saw) []change {
	a := s.View.Account
	if a.Shut.Since.IsZero() && !a.Down.Until.After(s.Now) {
		return nil
	}
	c := s
	c.View.Account.Shut, c.View.Account.Down = gate.Shut{}, gate.Down{}
	return []change{{"the Agent could be called", c}}
}

// length is a length of time without what is zero in it.
func length(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, tail := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, tail) {
			s = s[:len(s)-2]
		}
	}
	return s
}

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
	If      []string `json:"if,omitempty"` // each alone leads to it
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason,omitempty"`
}

// Differ asks the gate again what it answered to a delivery: first with all that it saw, which must give the verdict on
// record, else that is said and nothing is concluded; and then with one thing changed at a time. It lists what gives
// another verdict or reason.
//
// What another priority would have meant only the policy knows, for it can say something else of each. p is the policy at
// hand, nil when there is none. Where it is not the one that decided, doubt says so, and others has the rest.
func Differ(rec gate.Delivery, p gate.Policy) (others []Other, doubt string) {
	if rec.Saw == nil {
		return nil, "what the verdict rested on is not on record, so nothing can be said about what would have changed it"
	}
	was := answer{rec.Verdict, rec.Reason}
	if again := ask(*rec.Saw); again != was {
		return nil, fmt.Sprintf("asked again with all that was seen, this version of the gate answers %s, and on record is %s: "+
			"the rules have changed since, so what would have changed the verdict cannot be computed", again, was)
	}
	list, doubt := priorities(*rec.Saw, p)
	for _, c := range append(list, changes(*rec.Saw)...) {
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
	return others, doubt
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

// priorities asks the policy what it says of the alert with each other priority. The doubt is why it could not be asked, or
// not about all of them.
func priorities(s gate.Saw, p gate.Policy) (list []change, doubt string) {
	if p == nil {
		return nil, "what another priority would have meant only the policy can tell: name its file with --policy"
	}
	if is := p.For(s.Alert); is.Version != s.Rules.Version {
		return nil, fmt.Sprintf("what another priority would have meant only the policy can tell that decided, of version %s; the one at hand "+
			"is %s: name the right one's file with --policy", s.Rules.Version, is.Version)
	}
	var unknown []string
	for sev := alert.Critical; sev >= alert.Minimal; sev-- {
		c := s
		c.Alert.Severity, c.Alert.Priority = sev, fmt.Sprintf("P%d", alert.Critical-sev+1)
		if c.Alert.Priority == s.Alert.Priority {
			continue
		}
		if c.Rules = p.For(c.Alert); !seen(s.Rules, c.Rules) {
			unknown = append(unknown, c.Alert.Priority)
			continue
		}
		list = append(list, change{"its priority were " + c.Alert.Priority, c})
	}
	if unknown != nil {
		doubt = fmt.Sprintf("what %s would have meant is not told: the policy has another Agent or other groups for that, of which nothing is on record",
			strings.Join(unknown, ", "))
	}
	return list, doubt
}

// seen tells whether all that is needed to judge by the other rules was read to judge by these.
func seen(is, other gate.Rules) bool {
	for _, key := range other.Pointers() {
		if !slices.Contains(is.Pointers(), key) {
			return false
		}
	}
	return other.Agent == is.Agent && (other.Group == "" || other.Group == is.Group) && (other.Surge == "" || other.Surge == is.Surge)
}

// changes are the other things that people ask about, each changed alone. None of them touches what s holds.
func changes(s gate.Saw) []change {
	return slices.Concat(ages(s), modes(s), silences(s), money(s), slots(s), agent(s))
}

// ages asks about every age at which the rules begin to judge otherwise.
func ages(s gate.Saw) (list []change) {
	age := s.Now.Sub(s.Alert.Time)
	if age > time.Second {
		c := s
		c.Alert.Time = s.Now
		list = append(list, change{"it had happened only then", c})
	}
	for _, limit := range []time.Duration{s.Rules.Fresh, s.Rules.MaxAge} {
		if limit <= 0 || age > limit {
			continue
		}
		c := s
		c.Alert.Time = s.Now.Add(-limit - time.Second)
		list = append(list, change{"it had happened more than " + length(limit) + " before", c})
	}
	return list
}

func modes(s gate.Saw) (list []change) {
	is, _ := s.View.Hand.ModeFor(s.Rules, s.Now)
	for _, m := range gate.Modes() {
		if m == is {
			continue
		}
		c, words := s, "the mode were "
		c.Rules.Mode, c.View.Hand.Mode = m, gate.ModeOrder{}
		if s.Rules.ModeFixed && slices.Index(gate.Modes(), m) > slices.Index(gate.Modes(), s.Rules.Mode) {
			words = "its mode in the policy were " // by hand it can be made stricter only
		}
		list = append(list, change{words + string(m), c})
	}
	return list
}

func silences(s gate.Saw) []change {
	c, words := s, "nothing silenced it"
	c.View.Hand.Silences = nil
	if s.View.Hand.SilenceFor(&s.Alert, s.Now) == nil {
		words = "a silence muted it"
		c.View.Hand.Silences = []gate.Silence{{}} // without a matcher it mutes every alert
	}
	return []change{{words, c}}
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
	free.View.Account.Running = freed(s.View.Account.Running, s.Now)
	taken.View.Account.Running = map[string]gate.Reservation{}
	maps.Copy(taken.View.Account.Running, s.View.Account.Running)
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

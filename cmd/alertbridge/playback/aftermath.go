package playback

import (
	"fmt"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/virtual"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Trouble is what became of a start that the Agent did not simply take.
type Trouble struct {
	At time.Time
	// To is what the case became: refused, in doubt, or waiting again; started when it turned out, without another start,
	// that the Agent has taken it after all.
	To      gate.State
	Resting bool     // in doubt, and nothing more is tried by itself
	Why     gate.Why // it waits again
	Words   string   // the reason, as the case's steps have it
}

// noted notes what became of a start that the Agent did not simply take. The case is still what it was before the move.
func (c *Case) noted(m virtual.Move) {
	now := m.Case
	switch {
	case m.To == gate.Waiting && c.troubled() && c.Troubles[len(c.Troubles)-1].Why == now.Why:
		return // an Agent that is down is tried again and again
	case m.To == gate.InDoubt && (m.From != gate.InDoubt || now.Resting && !c.Resting):
	case m.To == gate.Refused && m.From != gate.Refused:
	case m.To == gate.Waiting && m.From == gate.Starting:
	case m.To == gate.Started && m.From != gate.Started && c.troubled():
	default:
		return
	}
	c.Troubles = append(c.Troubles, Trouble{At: m.At, To: m.To, Resting: now.Resting, Why: now.Why, Words: words(now)})
}

// troubled: what was said last of the case's starts was no success, and none was seen since.
func (c *Case) troubled() bool {
	n := len(c.Troubles)
	return n > 0 && !c.Started.After(c.Troubles[n-1].At)
}

// words are the reason why a case has become what it is.
func words(c gate.Case) string {
	if c.State == gate.Waiting || c.Resting {
		return c.Note // their steps say besides until when, or that nothing more is tried
	}
	if len(c.Steps) == 0 {
		return ""
	}
	text := c.Steps[len(c.Steps)-1].Text
	for _, state := range []string{"refused: ", "in doubt: ", "started: "} {
		text = strings.TrimPrefix(text, state)
	}
	return text
}

// what says it in the words of the time line.
func (t Trouble) what() string {
	switch {
	case t.Resting:
		return "in doubt, and nothing more is tried by itself"
	case t.To == gate.InDoubt:
		return "in doubt"
	case t.To == gate.Waiting:
		return "waits again"
	case t.To == gate.Started:
		return "started after all"
	}
	return string(t.To)
}

// reason is the name of the reason, and what is said besides; one that has no name has only words.
func (t Trouble) reason() (name, words string) {
	name, words, _ = strings.Cut(t.Words, ": ")
	switch {
	case t.Why != "":
		return string(t.Why), t.Words
	case strings.Contains(name, " "):
		return "", t.Words
	}
	return name, words
}

// line is the trouble in the time line.
func (t Trouble) line(c *Case) line {
	reason, words := t.reason()
	return line{t.At, []string{"► " + t.what(), "", reason, "", short(or(words, c.Title)), c.ID}, t.what() + reason}
}

// committed keeps of each case the alert that opened it, by whose policy it is paid, and what the Agents' accounts count for
// it: what is reserved, and what is booked.
func (s *stage) committed(v virtual.Committed) {
	for _, w := range v.Change.Cases {
		if w.Lead != nil {
			s.caseOf(w.Now.ID, v.At).First = *w.Lead
		}
	}
	a := v.Change.Account
	if a == nil {
		return
	}
	for id, held := range a.Put {
		s.caseOf(id, v.At).reserved = held.Money
	}
	for _, id := range a.Drop {
		if c := s.Cases[id]; c != nil {
			c.reserved = 0
		}
	}
	for _, more := range a.Spend { // it is of the case that the same commit writes
		if len(v.Change.Cases) > 0 {
			s.caseOf(v.Change.Cases[0].Now.ID, v.At).booked += more
		}
	}
}

// Aftermath is what is left of starts that the Agent did not simply take, when all is over.
type Aftermath struct {
	Refused int // cases
	InDoubt int // cases
	// Besides is what the budget counts beyond the starts that the Agent has seen, for those that may have arrived.
	Besides gate.Dollars
	// Denied is what starts that the Agent has seen are reckoned to cost, and the budget does not count, for it has said that
	// it has not taken them.
	Denied gate.Dollars
	// ByWord is what the budget counts beyond what the starts are reckoned to cost, for the Agent has said how long they
	// ran; below 0 when it counts less.
	ByWord gate.Dollars
	// Counted is what the budget counts for all: what they are reckoned to cost, with Besides and ByWord, without Denied.
	// Cases of Agents without a budget are in none of these.
	Counted gate.Dollars
}

// Aftermath sums up what is left.
func (r *Result) Aftermath() Aftermath {
	var sum Aftermath
	for _, c := range r.Cases {
		switch c.State {
		case gate.Refused:
			sum.Refused++
		case gate.InDoubt:
			sum.InDoubt++
		}
		if r.Policy.For(c.First).Budget.Month <= 0 {
			continue
		}
		counted := c.reserved + c.booked
		sum.Counted += counted
		more := counted - c.reckoned
		switch _, told := c.Told(); {
		case told || more > 0 && c.Confirmed():
			sum.ByWord += more
		case more > 0:
			sum.Besides += more
		default:
			sum.Denied -= more
		}
	}
	return sum
}

// aftermath is what is left of all results.
func aftermath(results []*Result) (sum Aftermath) {
	for _, r := range results {
		a := r.Aftermath()
		sum.Refused += a.Refused
		sum.InDoubt += a.InDoubt
		sum.Besides += a.Besides
		sum.Denied += a.Denied
		sum.ByWord += a.ByWord
		sum.Counted += a.Counted
	}
	return sum
}

// differs: what the budget counts is not what the starts are reckoned to cost. It cannot know of them what the play does,
// and goes by the Agent's word of what they cost.
func (a Aftermath) differs() bool { return a.Besides > 0 || a.Denied > 0 || a.ByWord != 0 }

// String says it in the lines of a sum; "" when nothing is left.
func (a Aftermath) String() string {
	text := ""
	if a.Besides > 0 {
		text += fmt.Sprintf("  reserved besides for starts in doubt: %s\n", a.Besides)
	}
	if a.Denied > 0 {
		text += fmt.Sprintf("  not in the budget, for the Agent has denied them: %s of these\n", a.Denied)
	}
	switch {
	case a.ByWord > 0:
		text += fmt.Sprintf("  more than reckoned, by the Agent's word: %s\n", a.ByWord)
	case a.ByWord < 0:
		text += fmt.Sprintf("  less than reckoned, by the Agent's word: %s\n", -a.ByWord)
	}
	if a.differs() {
		text += fmt.Sprintf("  the budget counts %s\n", a.Counted)
	}
	switch {
	case a.Refused == 1:
		text += "  1 case was refused\n"
	case a.Refused > 1:
		text += fmt.Sprintf("  %d cases were refused\n", a.Refused)
	}
	switch {
	case a.InDoubt == 1:
		text += "  1 case is left in doubt\n"
	case a.InDoubt > 1:
		text += fmt.Sprintf("  %d cases are left in doubt\n", a.InDoubt)
	}
	return text
}

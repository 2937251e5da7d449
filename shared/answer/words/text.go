package words

import (
	"fmt"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/redact"
)

// headline is what stands before the alert's own title.
func (t Telling) headline(m answer.Moment) string {
	switch m {
	case answer.Started:
		return "Investigation started"
	case answer.Waits:
		return "Investigation waits"
	case answer.Shut:
		return "Not investigated, the Agent's door is shut"
	case answer.Beyond:
		return "Not investigated, today's critical starts are used up"
	case answer.Refused:
		return "Not investigated, the Agent refused it"
	case answer.Doubtful:
		return "Investigation in doubt"
	case answer.Unconfirmed:
		return "Investigation not confirmed"
	case answer.Unstarted:
		if t.Case.State == gate.Refused {
			return "Stopped by hand"
		}
		return "Not investigated"
	case answer.Recovered:
		if t.Case.HasStarted() || t.Case.Doubts > 0 {
			return "Over without a result"
		}
		return "Over without an investigation"
	case answer.Planned:
		return "Plan to mitigate it"
	}
	switch t.Case.How {
	case gate.EndCompleted:
		if t.Moment == gate.EndedAgain {
			return "Investigated after all"
		}
	case gate.EndFailed:
		return "Investigation failed"
	case gate.EndTimedOut:
		return "Investigation timed out"
	case gate.EndCancelled:
		return "Investigation cancelled"
	case gate.EndLinked:
		return "Investigated with another"
	case gate.EndSkipped:
		return "Not investigated, the Agent skipped it"
	case gate.EndAssumed:
		return "Investigation taken to be over"
	}
	return "Investigated"
}

// text is what is said, in lines.
func (t Telling) text(m answer.Moment) []string {
	var l []string
	switch m {
	case answer.Started:
		l = t.started()
	case answer.Waits, answer.Shut, answer.Beyond:
		l = t.waits()
	case answer.Refused:
		l = []string{"AWS DevOps Agent would not take it" + said(t.Case.Note) + ". Nothing runs, and it is not tried again by itself."}
	case answer.Doubtful:
		l = []string{"AWS DevOps Agent was asked to investigate it, and nobody knows whether the request has arrived" + said(t.Case.Note) + ". Nothing more is tried by itself."}
	case answer.Unconfirmed:
		if t.Case.State == gate.InDoubt {
			l = []string{fmt.Sprintf("AWS DevOps Agent was asked at %s to investigate it, and %s later nobody knows whether the request has arrived%s. Its API gives no answer, and until it does nothing is sent again by itself.",
				clock(t.Case.StartAt), short(t.At.Sub(t.Case.StartAt)), said(t.Case.Note))}
			break
		}
		l = []string{fmt.Sprintf("The Agent answered at %s that it has it, and %s later nothing shows that it does: no event, no task. It may not be looking at it.",
			clock(t.Case.StartAt), short(t.At.Sub(t.Case.StartAt)))}
	case answer.Unstarted:
		l = t.unstarted()
	case answer.Recovered:
		l = []string{t.stood() + " Now nothing of it fires any more."}
	case answer.Planned:
		l = t.planned()
	default:
		if l = t.ended(); t.Moment == gate.EndedAgain {
			l = append(l, "What was told of its end before does not hold any more.")
		}
	}
	if n := t.Case.Joined; n > 0 {
		l = append(l, "It is about "+count(n, "further alert")+" too.")
	}
	l = append(l, t.todo(m))
	return append(l, t.found()...)
}

func (t Telling) started() []string {
	text := "AWS DevOps Agent was asked at " + clock(t.Case.StartAt) + " to investigate it"
	if w := t.Case.Work.Telling(); w != nil {
		text += ", as task " + w.ID
	}
	l := []string{text + "."}
	if reckoned := t.Rules.Budget.Case; reckoned > 0 {
		l = append(l, fmt.Sprintf("That is reckoned to take %s and to cost about %s.", short(t.Rules.Estimate), reckoned))
	} else if t.Rules.Estimate > 0 {
		l = append(l, fmt.Sprintf("That is reckoned to take %s.", short(t.Rules.Estimate)))
	}
	return l
}

func (t Telling) waits() []string {
	c, until := t.Case, ""
	if c.Until.After(t.Now) {
		until = ", at " + clock(c.Until) + " at the earliest"
	}
	text := ""
	switch c.Why {
	case gate.WhyBudget:
		text = "It waits for money: the budget allows no more investigations for now"
		if t.critical() {
			text = fmt.Sprintf("It is critical, but as many critical ones as are allowed beyond the budget (%d a day) were started today, and it waits for money", t.Rules.Budget.CriticalPerDay)
		}
		text += ". It starts when there is some" + until + "."
	case gate.WhySlots:
		text = "It waits for a free slot: as many investigations run as may. It starts when one is over" + until + ", the most important first."
	case gate.WhyAgentDown:
		text = "AWS DevOps Agent cannot be reached. It is tried again" + until + "."
	case gate.WhyAgentShut:
		text = "AWS DevOps Agent does not let us in" + said(c.Note) + ". Until the secret or the settings are mended nothing starts; then it goes on by itself."
	default:
		text = "It waits" + until + "."
	}
	return []string{text, "Should all of it recover before, it ends without an investigation."}
}

func (t Telling) unstarted() []string {
	c := t.Case
	switch {
	case c.State == gate.Refused && c.Doubts > 0:
		return []string{"It was stopped by hand while it was in doubt. Nothing more is tried; whether the Agent has it is not known."}
	case c.State == gate.Refused:
		return []string{"It was stopped by hand after the Agent had refused it. Nothing was investigated."}
	}
	switch c.How {
	case gate.EndRecovered:
		return []string{"All of it recovered while it waited. Nothing was investigated, nothing was paid."}
	case gate.EndExpired:
		return []string{fmt.Sprintf("It waited too long: for %s nothing said that it still fires. Nothing was investigated. Should it fire on, its next notification decides anew.", short(t.Rules.MaxAge))}
	case gate.EndSilenced:
		return []string{"It was ended by hand while it waited" + said(c.Note) + ". Nothing was investigated."}
	}
	return []string{"It ended without an investigation" + said(c.Note) + "."}
}

// stood says how it stood when it recovered.
func (t Telling) stood() string {
	c := t.Case
	switch {
	case c.Doubts > 0 && (c.State == gate.InDoubt || c.State == gate.Refused):
		return "Whether the Agent has it is not known" + said(c.Note) + "."
	case c.State == gate.Refused:
		return "The Agent had refused it" + said(c.Note) + "."
	case c.State == gate.Started && c.Confirmed():
		return "The Agent is looking at it, and has found nothing yet."
	case c.State == gate.Started, c.How == gate.EndAssumed && !c.Confirmed():
		return "Nothing has shown that the Agent was looking at it."
	case c.How == gate.EndAssumed:
		return "The end of its investigation was not heard of."
	case c.How == gate.EndFailed, c.How == gate.EndTimedOut, c.How == gate.EndCancelled:
		return "Its investigation had come to nothing: it " + failed(c.How) + "."
	case c.How == gate.EndExpired:
		return "It had waited too long, and nothing was investigated."
	}
	return "Nothing was investigated."
}

func (t Telling) ended() []string {
	c, work := t.Case, t.Case.Work
	w := work.Telling()
	if w == nil {
		text := "No end of the investigation was heard of; by the time that one is reckoned to take, it is over."
		if t.Rules.Followed {
			text = "The Agent never showed that it was looking at it, and the time for an investigation is over."
		}
		return []string{text, t.price()}
	}
	text := ""
	switch c.How {
	case gate.EndCompleted:
		text = "AWS DevOps Agent has investigated it, as task " + w.ID + "."
	case gate.EndLinked:
		text = "The Agent takes it for the same as another and goes on with that one: its task " + w.ID + " was linked"
		if w.Primary.Value != "" {
			text += " to task " + w.Primary.Value
		}
		text += "."
	case gate.EndSkipped:
		text = "The Agent's triage skipped its task " + w.ID + ": it took it for not worth an investigation" + said(w.Words) + "."
	case gate.EndAssumed:
		text = "The end of task " + w.ID + " was not heard of, and the time for an investigation is over."
	default:
		text = "The Agent's task " + w.ID + " has come to nothing: it " + failed(c.How) + said(w.Words) + "."
	}
	return []string{text, t.price()}
}

// planned: somebody has asked for a plan by hand, and there it is.
func (t Telling) planned() []string {
	text := "Somebody has asked AWS DevOps Agent for a plan to mitigate what its investigation found, and it has made one"
	if p := t.Case.Work.Plan(); p != nil {
		text += ", in task " + p.ID
	}
	return []string{text + ". It is a plan: alertbridge carries nothing of it out.", t.price()}
}

func failed(h gate.How) string {
	switch h {
	case gate.EndTimedOut:
		return "timed out"
	case gate.EndCancelled:
		return "was cancelled"
	}
	return "failed"
}

// price says what it cost, as far as that is known: all that the Agent did, a plan included.
func (t Telling) price() string {
	work, what := t.Case.Work, "It"
	ran, price, reckoned := work.Ran(t.Now), work.Price(t.Rules.Budget, t.Now), t.Rules.Budget.Case
	if work.Plan() != nil {
		what = "Investigation and plan"
	}
	switch {
	case work.Telling() != nil && t.Rules.Budget.Second > 0:
		return fmt.Sprintf("%s ran for %s and cost %s.", what, short(ran), price)
	case work.Telling() != nil:
		return fmt.Sprintf("%s ran for %s; the policy has no price for that.", what, short(ran))
	case reckoned > 0:
		return fmt.Sprintf("What it cost is not known; reckoned are about %s.", reckoned)
	}
	return "What it cost is not known."
}

// todo is what a reader can do.
func (t Telling) todo(m answer.Moment) string {
	id := t.Case.ID
	if m == answer.Waits && (t.Case.Why == gate.WhyAgentDown || t.Case.Why == gate.WhyAgentShut) {
		return "What to do now: if it cannot wait, look at the alert yourself. The whole story: alertbridge explain " + id
	}
	if m == answer.Unconfirmed && t.Case.State == gate.InDoubt {
		m = answer.Doubtful
	}
	switch m {
	case answer.Refused:
		return "What to do now: look at the alert yourself; mend what the Agent objects to and start it with: alertbridge retry " + id + " --reason WHY" + ". The whole story: alertbridge explain " + id
	case answer.Shut:
		return "What to do now: look at the alert yourself, and mend the Agent's secret. The whole story: alertbridge explain " + id
	case answer.Waits, answer.Beyond:
		return "What to do now: if it cannot wait, start it with: alertbridge start " + id + " --reason WHY" + ". The whole story: alertbridge explain " + id
	case answer.Doubtful:
		return "What to do now: look at the alert yourself, and at the Agent's own list; if it has nothing of it, send it once more with: alertbridge start " + id + " --reason WHY" + ". The whole story: alertbridge explain " + id
	case answer.Unconfirmed, answer.Failed:
		return "What to do now: look at the alert yourself. The whole story: alertbridge explain " + id
	}
	return "The whole story: alertbridge explain " + id
}

// found is the Agent's own text, each line marked, or why there is none.
func (t Telling) found() []string {
	// A secret of several lines is none that can be recognised once its lines are marked.
	text := strings.TrimSpace(alert.Clean(redact.New("").Text(alert.Clean(t.Summary))))
	what := "What the Agent found"
	if t.Moment == gate.WasPlanned {
		what = "What the Agent plans"
	}
	switch {
	case !t.ends() && t.Moment != gate.WasPlanned || text == "" && t.NoSummary == "":
		return nil
	case text == "":
		return []string{"", what + " could not be read: " + line(t.NoSummary) + ". Its own page of the investigation has it."}
	}
	l := []string{"", what + ", in its own words; an AI wrote them, check them before you act:"}
	for part := range strings.SplitSeq(text, "\n") {
		l = append(l, strings.TrimRight("> "+part, " "))
	}
	return l
}

// maxSaid bounds, in characters, another's words within a sentence of ours: what to do comes after them.
const maxSaid = 500

// said puts another's words into a sentence; "" leaves it as it is.
func said(words string) string {
	words, cut := alert.Cut(strings.ReplaceAll(line(words), `"`, "'"), maxSaid)
	if words == "" {
		return ""
	}
	if cut {
		words += "…"
	}
	return ` ("` + words + `")`
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// clock is a time in a text for people.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// short is a length of time without what is zero in it: 5m, 1h30m.
func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, tail := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, tail) {
			s = s[:len(s)-2]
		}
	}
	return s
}

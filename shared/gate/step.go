package gate

import (
	"slices"
	"strconv"
	"time"
)

// withStep notes what the case has become.
func withStep(c Case, now time.Time) Case {
	return Noted(c, stepText(c), now)
}

// Noted is the case with one step more, in words. A case that has more to tell than MaxSteps keeps how it began and how
// it went on last; between them stands how much was left out.
func Noted(c Case, text string, now time.Time) Case {
	steps := append(slices.Clone(c.Steps), Step{At: now, Text: cut(text, maxStep)})
	if len(steps) > MaxSteps {
		gap := firstSteps
		left := 2
		if n, err := strconv.Atoi(leftOut(steps[gap].Text)); err == nil {
			left = n + 1
		}
		steps = slices.Delete(steps, gap, gap+1)
		steps[gap].Text = strconv.Itoa(left) + stepsLeftOut
	}
	c.Steps = steps
	return c
}

// maxStep bounds a step's text, in characters; firstSteps are never left out.
const (
	maxStep      = 200
	firstSteps   = 5
	stepsLeftOut = " steps are left out here"
)

// leftOut is the number in a step that says how many were left out, "" for any other step.
func leftOut(text string) string {
	n := len(text) - len(stepsLeftOut)
	if n <= 0 || text[n:] != stepsLeftOut {
		return ""
	}
	return text[:n]
}

// stepText says what the case is.
func stepText(c Case) string {
	switch c.State {
	case Waiting:
		text := "waits (" + string(c.Why) + ")"
		if c.Why != WhySlots && c.Why != WhyAgentShut {
			text += " until " + clock(c.Until)
		}
		return noted(text, c.Note)
	case Starting:
		return "start, attempt " + strconv.Itoa(c.Attempt)
	case Started:
		return "started: the Agent accepted"
	case InDoubt:
		if c.Resting {
			return "in doubt, and nothing more is tried by itself"
		}
		return noted("in doubt", c.Note)
	case Refused:
		return noted("refused", c.Note)
	}
	return noted("ended ("+string(c.How)+")", c.Note)
}

func noted(text, note string) string {
	if note == "" {
		return text
	}
	return text + ": " + note
}

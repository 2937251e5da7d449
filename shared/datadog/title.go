package datadog

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// heading is what a title says: "[P2] [Triggered on {service:shop}] Checkout is slow". The priority is there if the
// monitor has one, the scope if it includes tags in titles, and a test has a further [TEST]; the order of the brackets
// is nowhere promised.
type heading struct {
	priority   string // P1 to P5
	transition string // as written
	scope      string // what stands between the braces
	test       bool
	name       string // the rest: the monitor's name, which may begin with brackets of its own
}

// readTitle reads the event's title, and what that leaves out from the alert's, which may have no brackets.
func (b *body) readTitle() heading {
	event, alerts := readHeading(b.get(eventTitle)), readHeading(b.get(alertTitle))
	return heading{
		priority:   first(event.priority, alerts.priority),
		transition: first(event.transition, alerts.transition),
		scope:      first(event.scope, alerts.scope),
		test:       event.test || alerts.test,
		name:       first(event.name, alerts.name),
	}
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// readHeading takes the leading brackets that Datadog writes, the first of each kind; any other belongs to the name,
// as in "[Triggered] [Synthetics] Login", unless it is empty.
func readHeading(title string) heading {
	var h heading
	var own strings.Builder
	rest := withoutCredentials(alert.Line(title))
	for {
		inner, after, ok := bracket(rest)
		if !ok {
			break
		}
		switch word, scope, isTransition := transitionBracket(inner); {
		case inner == "TEST":
			h.test = true
		case h.priority == "" && isPriority(inner):
			h.priority = inner
		case h.transition == "" && isTransition:
			h.transition, h.scope = word, scope
		case strings.TrimSpace(inner) != "":
			own.WriteString("[" + inner + "] ")
		}
		rest = strings.TrimLeft(after, " ")
	}
	h.name = strings.TrimSpace(own.String() + rest)
	return h
}

// bracket cuts "[inner] after" apart. Brackets may hold brackets, and what stands in braces is not looked into.
func bracket(s string) (inner, after string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return "", "", false
	}
	square, curly := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '{':
			curly++
		case c == '}' && curly > 0:
			curly--
		case curly > 0:
		case c == '[':
			square++
		case c == ']':
			if square--; square == 0 {
				return s[1:i], s[i+1:], true
			}
		}
	}
	return strings.Cut(s[1:], "]") // a brace that nobody closed
}

// transitionBracket reads "Triggered" or "Triggered on {host:a,env:b}". With the braces it is Datadog's, whatever the
// word; without them only if the word is a transition.
func transitionBracket(inner string) (word, scope string, ok bool) {
	word, scope, ok = strings.Cut(inner, " on {")
	if ok && strings.HasSuffix(scope, "}") {
		return word, strings.TrimSuffix(scope, "}"), true
	}
	return inner, "", parseTransition(inner) != alert.Unknown
}

// testSentence tells whether Datadog says in the text that it is a test. It says so at the very beginning, above what
// the monitor's author wrote; further down a log line may say it, and with it mute a real alert. A message may begin with
// a log line too, so the sentence counts only without the title's brackets, among which [TEST] would be.
func testSentence(text string) bool {
	return strings.HasPrefix(text, "Test notification triggered by ")
}

package explain

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// Asked is what an id can mean. More than one field is set where only the ledger can tell.
type Asked struct {
	Text     string
	Case     string
	Delivery string
	Event    string // Datadog's id of an event
	Monitor  string // Datadog's id of a monitor
	Incident alert.Incident
}

var (
	digits = regexp.MustCompile(`^[0-9]{1,32}$`)
	// Browsers show a link, and people copy it, without its scheme.
	withoutScheme = regexp.MustCompile(`^[a-z0-9.-]*\b(datadoghq|ddog-gov)\.(com|eu)/`)
	// A link to a monitor is /monitors/123, and was /monitors#123; both may go on.
	inMonitorLink = regexp.MustCompile(`/monitors[/#]([0-9]{1,20})\b`)
)

// shortestEvent is the least number of digits of an event's id; a monitor's has fewer.
const shortestEvent = 16

// Parse reads what somebody asks about: the id of a case, a delivery, an incident, an event or a monitor, or a link of
// Datadog to one of the latter two. Its error says what can be asked for.
func Parse(text string) (Asked, error) {
	text = strings.Trim(strings.TrimSpace(text), "<>") // chats put links into these
	a := Asked{Text: text}
	if withoutScheme.MatchString(text) {
		a.Text = "https://" + text
		return a.link()
	}
	switch parts := strings.SplitN(text, "/", 3); {
	case strings.Contains(text, "://"):
		return a.link()
	case digits.MatchString(text):
		a.Event = text
		if len(text) < shortestEvent {
			a.Monitor = text
		}
		return a, nil
	case strings.HasPrefix(text, "ab-") && alert.SafeID(text):
		a.Case = text
		return a, nil
	case alert.SafeID(text):
		a.Delivery = text
		return a, nil
	case len(parts) == 3 && alert.SafeID(parts[1]) && alert.SafeID(parts[2]) && (parts[0] == "-" || alert.SafeID(parts[0])):
		a.Incident = alert.Incident{Org: parts[0], Monitor: parts[1], Key: parts[2]}
		return a, nil
	}
	return Asked{}, fmt.Errorf("%.80q is no id; it can be a case (ab-…), a delivery (dd-ORG-EVENT), an event's or a monitor's number, "+
		"an incident (ORG/MONITOR/KEY), or a link of Datadog to an event or a monitor", text)
}

func (a Asked) link() (Asked, error) {
	u, err := url.Parse(a.Text)
	if err != nil {
		return Asked{}, fmt.Errorf("%.200q is no link: it cannot be read", a.Text)
	}
	names := []string{"event_id", "link_event_id"}
	if strings.Contains(u.Path, "/event") {
		names = append(names, "id")
	}
	for _, name := range names {
		if id := u.Query().Get(name); a.Event == "" && digits.MatchString(id) {
			a.Event = id
		}
	}
	if id := u.Query().Get("link_monitor_id"); digits.MatchString(id) {
		a.Monitor = id
	}
	if found := inMonitorLink.FindStringSubmatch(u.Path + "#" + u.Fragment); found != nil {
		a.Monitor = found[1]
	}
	if a.Event == "" && a.Monitor == "" {
		return Asked{}, fmt.Errorf("the link %.200q names neither an event (…/event/event?id=…) nor a monitor (…/monitors/123)", a.Text)
	}
	return a, nil
}

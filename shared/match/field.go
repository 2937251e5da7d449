package match

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// field is what a name means.
type field int

const (
	aTag field = iota // the zero value: every name that is none of the others
	monitor
	monitorName
	monitorType
	title
	priority
	transition
	alertType
	org
	orgName
	host // or the tag, so an alert can have several
)

var fields = map[string]field{
	"monitor": monitor, "monitor_name": monitorName, "monitor_type": monitorType, "title": title, "priority": priority,
	"transition": transition, "alert_type": alertType, "org": org, "org_name": orgName, "host": host,
}

// tagPrefix makes a name that of a tag, whatever the fields are.
const tagPrefix = "tag:"

// meaning is the field that a name means, and the key of a tag.
func meaning(name string) (f field, tag string) {
	name = strings.ToLower(name)
	if key, ok := strings.CutPrefix(name, tagPrefix); ok {
		return aTag, key
	}
	if f, there := fields[name]; there && f != host {
		return f, ""
	}
	return fields[name], name
}

// of is the field's value in an alert.
func (f field) of(a *alert.Alert) string {
	switch f {
	case monitor:
		return a.Monitor.ID
	case monitorName:
		return a.Monitor.Name
	case monitorType:
		return a.Monitor.Type
	case title:
		return a.Title
	case priority:
		return a.Priority
	case transition:
		return string(a.Transition)
	case alertType:
		return a.AlertType
	case org:
		return a.OrgID
	case orgName:
		return a.OrgName
	case host:
		return a.Hostname
	}
	return ""
}

// Value is what an alert has by a name, the first of several; "" when it has nothing.
func Value(a *alert.Alert, name string) string {
	f, tag := meaning(name)
	if v := f.of(a); v != "" || f != aTag && f != host {
		return v
	}
	return a.Tag(tag)
}

// closed are the values that a field can have, the empty one last; nil where anything can stand.
func (f field) closed() []string {
	switch f {
	case priority:
		return []string{"P1", "P2", "P3", "P4", "P5", ""}
	case transition:
		var list []string
		for _, t := range alert.Transitions() {
			list = append(list, string(t))
		}
		return append(list, "")
	}
	return nil
}

package datadog

import "strings"

// field is something that an alert can carry.
type field int

const (
	schema field = iota
	eventID
	monitorID
	cycleKey
	aggregKey
	transition
	alertType
	alertPriority
	eventType
	eventTitle
	alertTitle
	alertStatus
	alertQuery
	alertMetric
	alertScope
	hostname
	tags
	date
	lastUpdated
	link
	snapshot
	orgID
	orgName
	message
	// What follows has no variable, so it is not in our template.
	state
	incidentID
	value
	threshold
	service
	env
)

// names are what templates call each field; the first is our own template's, the others follow in the order in which
// they are believed. Case, "_", "-" and blanks do not count, so that alertTransition and ALERT_TRANSITION are
// alert_transition. A name that begins with a dot counts only at the top of the body, one with a dot inside only below
// that parent, any other wherever it stands.
var names = [...][]string{
	schema:        {".schema"},
	eventID:       {"event_id", ".id", "event.id", "metadata.id", "alert_instance_id"},
	monitorID:     {"monitor_id", "alert_id", "alert.id", "monitor.id"},
	cycleKey:      {"cycle_key", "alert_cycle_key"},
	aggregKey:     {"aggreg_key", "aggregation_key", ".aggregate"},
	transition:    {"transition", "alert_transition"},
	alertType:     {"alert_type", "alert.type"},
	alertPriority: {"alert_priority", "monitor_priority", "priority", "severity"},
	eventType:     {"event_type", "monitor_type"},
	eventTitle:    {"event_title", ".title", "event.title", "annotations.title"},
	alertTitle:    {"alert_title", "alert.title", "monitor_title", "monitor_name", "monitor.name", "alert_name"},
	alertStatus:   {"alert_status", "alert.status", ".status"},
	alertQuery:    {"alert_query", ".query", "alert.query", "monitor.query"},
	alertMetric:   {"alert_metric", ".metric", "alert.metric"},
	alertScope:    {"alert_scope", ".scope", ".scopes", "alert.scope"},
	hostname:      {"hostname", ".host"},
	tags:          {"tags", "event_tags", "alert_tags"},
	date:          {".date", "event_date", "event.date", "metadata.date", "date_posix", "fire_time", "occurred_at_posix", ".timestamp"},
	lastUpdated:   {"last_updated", "last_updated_posix", "alert_time"},
	link:          {".link", "event_url", "event_link", "event.link", "datadog_event_url", "metadata.link", ".url"},
	snapshot:      {"snapshot", "snapshot_url"},
	orgID:         {"org_id", "org.id"},
	orgName:       {"org_name", "org.name"},
	message:       {".body", "event_msg", "event_message", ".description", ".message", ".text", ".msg", "text_only_msg", "text_msg"},
	state:         {".status", "alert.status"},
	incidentID:    {".incident_id"},
	value:         {".value", "alert.value", "alert_value", "current_value"},
	threshold:     {".threshold", "alert.threshold", "alert_threshold"},
	service:       {".service"},
	env:           {".env", ".environment"},
}

// get is the first value that is present under the field's names, "" when there is none.
func (b *body) get(f field) string {
	return b.getIf(f, func(string) bool { return true })
}

// getIf is get for fields whose names are used for other things, too: it takes only a value that can be one.
func (b *body) getIf(f field, valid func(string) bool) string {
	for l := range b.find(f) {
		if !absent(l.text) && valid(strings.TrimSpace(l.text)) {
			return strings.TrimSpace(l.text)
		}
	}
	return ""
}

// list is get for a list, whether it came as one or as text with commas.
func (b *body) list(f field) []string {
	for l := range b.find(f) {
		if l.list != nil {
			return l.list
		}
		if !absent(l.text) {
			return strings.Split(l.text, ",")
		}
	}
	return nil
}

// find yields the leaves under the field's names, the most believed name first.
func (b *body) find(f field) func(yield func(*leaf) bool) {
	return func(yield func(*leaf) bool) {
		for _, name := range names[f] {
			parent, name, ok := strings.Cut(name, ".")
			if !ok {
				parent, name = anywhere, parent
			}
			for i := range b.leaves {
				if b.leaves[i].first == name[0] && b.leaves[i].is(parent, name) && !yield(&b.leaves[i]) {
					return
				}
			}
		}
	}
}

// anywhere is the parent of a name that counts wherever it stands.
const anywhere = "*"

// is tells whether the leaf has this name below this parent; "" is the top of the body.
func (l *leaf) is(parent, name string) bool {
	return same(name, l.name) && (parent == anywhere || parent == "" && l.top || parent != "" && same(parent, l.parent))
}

// initial is the first character of a body's name that counts, as a small letter; 0 when none does.
func initial(got string) byte {
	for i := range len(got) {
		switch c := got[i]; {
		case c == '_' || c == '-' || c == ' ':
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		default:
			return c
		}
	}
	return 0
}

// same compares a name of the table, in small letters, with one of a body.
func same(name, got string) bool {
	i := 0
	for j := range len(got) {
		c := got[j]
		switch {
		case c == '_' || c == '-' || c == ' ':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if i < len(name) && name[i] == '_' {
			i++
		}
		if i == len(name) || name[i] != c {
			return false
		}
		i++
	}
	return i == len(name)
}

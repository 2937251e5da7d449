package alert

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Bound brings the alert within its limits and says in Cut what that cost, one entry for each field. A value that is
// useless in part, a link's address or an id, is left out rather than cut. Bound changes nothing when it is called
// again.
func (a *Alert) Bound() {
	a.Delivery = MakeSafe(a.Delivery)
	a.Incident.Org = MakeSafe(a.Incident.Org)
	a.Incident.Monitor = MakeSafe(a.Incident.Monitor)
	a.Incident.Key = MakeSafe(a.Incident.Key)
	if utf8.RuneCountInString(a.Aggregation) > MaxAggregation {
		a.Aggregation = ""
		a.note("aggregation key left out, it is longer than %d characters", MaxAggregation)
	}
	for _, f := range a.fields() {
		a.bound(f)
	}
	if len(a.Snapshot) > MaxURL {
		a.Snapshot = ""
		a.note("snapshot left out, its address is longer than %d characters", MaxURL)
	}
	a.Scope = a.boundList("scope", a.Scope, MaxScopes)
	a.Tags = a.boundList("tags", a.Tags, MaxTags)
	a.boundLinks()
	a.boundRefs()
}

// field is one text of an alert and its limit in characters.
type field struct {
	name string
	text *string
	max  int
}

// fields is an array, which needs no memory of its own: each message asks for it several times.
func (a *Alert) fields() [20]field {
	return [...]field{
		{"text", &a.Text, MaxText},
		{"title", &a.Title, MaxName},
		{"monitor name", &a.Monitor.Name, MaxName},
		{"query", &a.Monitor.Query, MaxQuery},
		{"monitor id", &a.Monitor.ID, MaxField},
		{"monitor type", &a.Monitor.Type, MaxField},
		{"metric", &a.Monitor.Metric, MaxField},
		{"source", &a.Source, MaxField},
		{"shape", &a.Shape, MaxField},
		{"organisation id", &a.OrgID, MaxField},
		{"organisation name", &a.OrgName, MaxField},
		{"event id", &a.EventID, MaxField},
		{"aggregation key", &a.Aggregation, MaxAggregation},
		{"transition", &a.RawTransition, MaxField},
		{"priority", &a.Priority, MaxField},
		{"alert type", &a.AlertType, MaxField},
		{"status", &a.Status, MaxField},
		{"value", &a.Value, MaxField},
		{"threshold", &a.Threshold, MaxField},
		{"hostname", &a.Hostname, MaxField},
	}
}

// Rewrite puts every text that the alert's sender may have written through f. What is left are the ids by which
// deliveries and incidents are equal, Delivery and Incident, and the words of this program, Transition and Cut.
func (a *Alert) Rewrite(f func(string) string) {
	for _, text := range a.fields() {
		*text.text = f(*text.text)
	}
	a.Snapshot = f(a.Snapshot)
	for _, list := range [][]string{a.Scope, a.Tags} {
		for i := range list {
			list[i] = f(list[i])
		}
	}
	for i := range a.Links {
		a.Links[i].Name, a.Links[i].URL = f(a.Links[i].Name), f(a.Links[i].URL)
	}
	for i := range a.Refs {
		a.Refs[i].Name, a.Refs[i].Value = f(a.Refs[i].Name), f(a.Refs[i].Value)
	}
}

func (a *Alert) bound(f field) {
	cut, shorter := Cut(*f.text, f.max)
	if !shorter {
		return
	}
	a.note("%s cut from %d to %d characters", f.name, utf8.RuneCountInString(*f.text), utf8.RuneCountInString(cut))
	*f.text = cut
}

func (a *Alert) boundList(name string, list []string, most int) []string {
	all, long := len(list), 0
	list = list[:min(all, most)]
	for i, v := range list {
		cut, shorter := Cut(v, MaxField)
		if shorter {
			long++
			list[i] = cut
		}
	}
	switch {
	case all > most && long > 0:
		a.note("%s cut from %d to %d, %d of them to %d characters", name, all, most, long, MaxField)
	case all > most:
		a.note("%s cut from %d to %d", name, all, most)
	case long > 0:
		a.note("%s: %d of %d cut to %d characters", name, long, all, MaxField)
	}
	return list
}

func (a *Alert) boundLinks() {
	all := len(a.Links)
	var kept []Link
	for _, l := range a.Links {
		if len(l.URL) > MaxURL || len(kept) == MaxLinks {
			continue
		}
		l.Name, _ = Cut(l.Name, MaxField)
		kept = append(kept, l)
	}
	if len(kept) < all {
		a.note("links: %d of %d left out", all-len(kept), all)
	}
	a.Links = kept
}

func (a *Alert) boundRefs() {
	all := len(a.Refs)
	var kept []Ref
	for _, r := range a.Refs {
		if utf8.RuneCountInString(r.Name) > MaxField || utf8.RuneCountInString(r.Value) > MaxField || len(kept) == MaxRefs {
			continue
		}
		kept = append(kept, r)
	}
	if len(kept) < all {
		a.note("references: %d of %d left out", all-len(kept), all)
	}
	a.Refs = kept
}

func (a *Alert) note(format string, args ...any) {
	a.Cut = append(a.Cut, fmt.Sprintf(format, args...))
}

// Check returns what is wrong with the alert by this package's rules, and nil for one that a decoder made: the ids
// are SafeIDs, the limits hold, every text is UTF-8, transition and severity are of the lists, and the time can be
// written as JSON. It is for readers of a queue or a file, who cannot know who wrote it.
func (a *Alert) Check() error {
	for _, id := range []struct{ name, value string }{
		{"delivery", a.Delivery},
		{"incident's organisation", a.Incident.Org},
		{"incident's monitor", a.Incident.Monitor},
		{"incident's key", a.Incident.Key},
	} {
		if !SafeID(id.value) {
			return fmt.Errorf("alert: the %s is not an id of 1 to %d letters, digits or \"_.-\"", id.name, MaxID)
		}
	}
	fields := a.fields()
	for _, f := range fields {
		if err := check(f.name, *f.text, f.max); err != nil {
			return err
		}
	}
	if err := a.checkLists(len(fields)); err != nil {
		return err
	}
	if !known(a.Transition) {
		return fmt.Errorf("alert: the transition is not one of %q", Transitions())
	}
	if a.Severity < Minimal || a.Severity > Critical {
		return fmt.Errorf("alert: the severity is %d, not between %d and %d", int(a.Severity), int(Minimal), int(Critical))
	}
	if y := a.Time.UTC().Year(); a.Time.IsZero() || y < 1 || y > 9999 {
		return errors.New("alert: the time is missing or lies outside the years 1 to 9999")
	}
	return nil
}

func (a *Alert) checkLists(fields int) error {
	for _, l := range []struct {
		name      string
		n, most   int
		each      func(int) string
		maxOfEach int
	}{
		{"scope", len(a.Scope), MaxScopes, func(i int) string { return a.Scope[i] }, MaxField},
		{"tag", len(a.Tags), MaxTags, func(i int) string { return a.Tags[i] }, MaxField},
		{"link's name", len(a.Links), MaxLinks, func(i int) string { return a.Links[i].Name }, MaxField},
		{"link's address", len(a.Links), MaxLinks, func(i int) string { return a.Links[i].URL }, MaxURL},
		{"reference's name", len(a.Refs), MaxRefs, func(i int) string { return a.Refs[i].Name }, MaxField},
		{"reference", len(a.Refs), MaxRefs, func(i int) string { return a.Refs[i].Value }, MaxField},
		{"note on what was cut", len(a.Cut), fields + 8, func(i int) string { return a.Cut[i] }, MaxField},
	} {
		if l.n > l.most {
			return fmt.Errorf("alert: %d times a %s, more than %d", l.n, l.name, l.most)
		}
		for i := range l.n {
			if err := check(l.name, l.each(i), l.maxOfEach); err != nil {
				return err
			}
		}
	}
	return check("snapshot", a.Snapshot, MaxURL)
}

func check(name, text string, most int) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("alert: the %s is not UTF-8", name)
	}
	if n := utf8.RuneCountInString(text); n > most {
		return fmt.Errorf("alert: the %s has %d characters, more than %d", name, n, most)
	}
	return nil
}

func known(t Transition) bool {
	for _, k := range Transitions() {
		if t == k {
			return true
		}
	}
	return false
}

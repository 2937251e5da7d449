package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

const page = "docs/policy.md"

// The reference is the code's, in both directions and in its order.
func TestEveryKeyIsOnThePage(t *testing.T) {
	rows := docstest.Table(t, page, "policy keys")
	keys := references()
	for i := range max(len(rows), len(keys)) {
		var told, there reference
		if i < len(rows) {
			r := rows[i]
			told = reference{r["key"], r["where"], r["takes"], strings.TrimPrefix(r["default"], "–")}
		}
		if i < len(keys) {
			there = keys[i]
		}
		if told != there {
			t.Fatalf("row %d tells of\n%+v\nand the code has\n%+v", i+1, told, there)
		}
	}
}

// What the code says that keys take, it does take: their default, and no other key below them.
func TestDefaultsAreReadBack(t *testing.T) {
	for _, k := range references() {
		if k.def == "" || k.in == "routes" {
			continue
		}
		text := k.path + ": " + k.def + "\n"
		if k.path == "critical" {
			text = "critical: [" + k.def + "]\n"
		}
		if group, name, ok := strings.Cut(k.path, "."); ok {
			text = group + ":\n  " + name + ": " + k.def + "\n"
		}
		a := prod(alert.Medium, "P3", alert.Triggered)
		want := Default().For(a)
		got := read(t, text).For(a)
		got.Version = want.Version
		if strings.HasPrefix(k.path, "mode.P3") {
			got.ModeFixed = false // it is now set for this rank
		}
		sameRules(t, text, got, want)
	}
}

// columns are what the tables of recipes tell of rules.
var columns = map[string]func(gate.Rules, alert.Alert) string{
	"route":           func(r gate.Rules, _ alert.Alert) string { return r.Route },
	"mode":            func(r gate.Rules, _ alert.Alert) string { return string(r.Mode) },
	"rank":            func(r gate.Rules, _ alert.Alert) string { return r.Severity.String() },
	"hold":            func(r gate.Rules, _ alert.Alert) string { return show(r.Hold) },
	"agent":           func(r gate.Rules, _ alert.Alert) string { return r.Agent },
	"dollars a month": func(r gate.Rules, _ alert.Alert) string { return r.Budget.Month.String() },
	"slots":           func(r gate.Rules, _ alert.Alert) string { return fmt.Sprint(r.Slots) },
	"test":            func(r gate.Rules, _ alert.Alert) string { return string(r.OnTest) },
	"starts": func(r gate.Rules, a alert.Alert) string {
		switch a.Transition {
		case alert.NoData:
			return string(r.OnNoData)
		case alert.Warn:
			return string(r.OnWarn)
		}
		return string(r.On)
	},
	"keys": func(r gate.Rules, _ alert.Alert) string {
		var all []string
		for _, k := range r.Keys {
			all = append(all, k.Name+" for "+show(k.For))
		}
		return strings.Join(all, ", ")
	},
}

// A recipe is copied by people who trust it: each is read, and says of alerts what stands below it.
func TestRecipes(t *testing.T) {
	parts := strings.Split(docstest.Read(t, page), "\n### ")[1:]
	if len(parts) < 10 {
		t.Fatalf("%d recipes", len(parts))
	}
	for _, part := range parts {
		title, _, _ := strings.Cut(part, "\n")
		_, text, ok := strings.Cut(part, "```yaml\n")
		text, _, closed := strings.Cut(text, "```")
		if !ok || !closed {
			t.Errorf("%s has no policy", title)
			continue
		}
		p, err := Parse("policy.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", title, err)
			continue
		}
		if w := p.Summary().Warnings; len(w) > 0 && title != "Watch first" {
			t.Errorf("%s: %v", title, w)
		}
		for _, row := range docstest.Table(t, page, "recipe "+strings.ToLower(title)) {
			a := spelled(t, row["alert"])
			for column, want := range row {
				if column == "alert" {
					continue
				}
				of, known := columns[column]
				if !known {
					t.Errorf("%s: nobody knows the column %q", title, column)
				} else if got := of(p.For(a), a); got != strings.TrimPrefix(want, "–") {
					t.Errorf("%s: %s of %s is %q, and the page says %q", title, column, row["alert"], got, want)
				}
			}
		}
	}
}

// spelled is an alert as the tables write it: "P2 Triggered env:prod". Monitor and title are no tags.
func spelled(t *testing.T, text string) alert.Alert {
	t.Helper()
	text, title, _ := strings.Cut(text, " title:")
	words := strings.Fields(text)
	severity := map[string]alert.Severity{"P1": alert.Critical, "P2": alert.High, "P3": alert.Medium, "P4": alert.Low, "P5": alert.Minimal}
	a := alert.Alert{
		OrgID: "12", Incident: alert.Incident{Org: "12", Monitor: "77", Key: "s.1"}, Monitor: alert.Monitor{ID: "77"}, Title: title,
		Priority: words[0], Severity: severity[words[0]], Transition: alert.Transition(strings.ReplaceAll(words[1], "_", " ")), Time: time.Unix(0, 0),
	}
	for _, tag := range words[2:] {
		if id, ok := strings.CutPrefix(tag, "monitor:"); ok {
			a.Monitor.ID, a.Incident.Monitor = id, id
		} else if tag != "-" {
			a.Tags = append(a.Tags, tag)
		}
	}
	if a.Severity == 0 || !strings.Contains(fmt.Sprint(alert.Transitions()), string(a.Transition)) {
		t.Fatalf("%q is no alert", text)
	}
	return a
}

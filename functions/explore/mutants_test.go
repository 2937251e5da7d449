package explore_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutant is a fault to plant: a rule of the protocol left out.
type mutant struct {
	name    string // the rule that it leaves out
	file    string // below the repository's root
	old     string // must stand there exactly once
	new     string
	setting string  // in which it shows
	shows   string  // what is seen of it
	besides *mutant // a second rule that would keep the first from doing harm
}

const (
	arrive  = "shared/gate/arrive.go"
	join    = "shared/gate/join.go"
	due     = "shared/gate/due.go"
	settle  = "shared/gate/settle.go"
	starter = "shared/start/start.go"
	commits = "shared/ledger/memledger/commit.go"
)

// mutants are rules and conditions without which an exploration of the protocol as a model found a counter-example, and
// a few of this code's own.
var mutants = []mutant{
	{
		"a join to a case that is starting writes it", arrive,
		"case (c.State == Starting || c.State == InDoubt) && d.covers(c, window):\n		return d.join(c, NotTold), true",
		"case c.State == InDoubt && d.covers(c, window):\n		return d.join(c, NotTold), true\n	case c.State == Starting && d.covers(c, window):\n		return d.attach(c, NotTold), true",
		"group", "incidents that fire", nil,
	},
	{
		"a pointer says nothing about its case", arrive,
		"case d.over(c) && d.covers(c, window):", "case c.State == Ended || d.over(c) && d.covers(c, window):",
		"all recover", "had ended unstarted", nil,
	},
	{
		"a start is conditional on something that fires", due,
		"CaseFacts{Firing: SomeFire}, reserve(", "CaseFacts{}, reserve(",
		"doubt, recovery", "in which nothing fires", nil,
	},
	{
		"a recovery ends a case only if it was the last that fired", arrive,
		"end(w.Now, EndRecovered, note, d.now), OneFires", "end(w.Now, EndRecovered, note, d.now), AnyCount",
		"all recover", "ended as recovered without a start", nil,
	},
	{
		"a recovery that leaves others is conditional on them", arrive,
		"Facts: CaseFacts{Firing: MoreFire}}", "Facts: CaseFacts{Firing: AnyCount}}",
		"all recover", "still waits", nil,
	},
	{
		"what is more severe is not covered", arrive,
		"return d.rank <= c.Severity && d.inWindow(c, window)", "return d.inWindow(c, window)",
		"worse follows", "which was told to be", nil,
	},
	{
		"the window ends what a case covers", arrive,
		"return d.Alert.Time.Sub(c.StartAt) <= window", "return true",
		"window", "after its window", nil,
	},
	{
		"an expiry is conditional on the last word", due,
		"CaseFacts{Last: true}, nil)", "CaseFacts{}, nil)",
		"expires", "expired", nil,
	},
	{
		"a settle is for its own attempt", settle,
		"c.State == Starting && c.Attempt == cl.Case.Attempt", "c.State == Starting",
		"two ticks", "may have got a request", nil,
	},
	{
		"a repeat's answer does not forget the doubt", settle,
		"if s.c.Doubts > 0 {\n		return s.stays(until,", "if s.c.Doubts > 99 {\n		return s.stays(until,",
		"doubt, repeat", "may have got a request",
		&mutant{
			file: "shared/gate/moves.go",
			old:  "case r.Doubts > 0 && r.State == Starting && (n.State == Waiting || n.State == Refused):",
			new:  "case r.Doubts > 99:",
		},
	},
	{
		"a repeat needs room", due,
		"!held && !d.Account.room(d.r, critical(c.Severity), d.now, c.ID) {", "held && !d.Account.room(d.r, critical(c.Severity), d.now, c.ID) {",
		"one slot, repeat", "slots", nil,
	},
	{
		"what rests in doubt gives its slot back", due,
		"acct := d.drops()", "acct := (*AccountWrite)(nil)",
		"one", "for ever", nil,
	},
	{
		"a started case ends at its estimate", due,
		"	if d.c.Until.After(d.now) {\n		return Decision{Case: d.c.ID}\n	}\n	if !d.r.Followed {",
		"	if !d.c.Until.IsZero() {\n		return Decision{Case: d.c.ID}\n	}\n	if !d.r.Followed {",
		"one", "never ends", nil,
	},
	{
		"a lease that is over is a doubt", due,
		"if !d.now.After(d.c.Until) {", "if !d.c.Until.IsZero() {",
		"one", "sleeps", nil,
	},
	{
		"no call without a commit that was answered", starter,
		"if err := s.commit(ctx, d.Change); err != nil {", "if err := s.commit(ctx, d.Change); err != nil && !errors.Is(err, ledger.ErrUnknown) {",
		"one", "calls for case", nil,
	},
	{
		"a call begins only while the lease holds on every clock", starter,
		"return !done.After(cl.Case.Until.Add(-gate.ClockDifference))", "return !done.After(cl.Case.Until)",
		"clocks apart", "calls for case", nil,
	},
	{
		"an incident is written as it was read", commits,
		"in.Version != w.Read {", "in.Version < 0 {",
		"recovery in a group", "by its alerts it should be", nil,
	},
	{
		"a grouping key is written as it was read", commits,
		"names != w.Read {", "names == \"?\" {",
		"group, held", "beside", nil,
	},
	{
		"a case is written as it was read", commits,
		"if c.Version != w.Read.Version {", "if c.Version < 0 {",
		"recovery, held", "is ended and holds a reservation", nil,
	},
	{
		"a reservation is made as the account was read", commits,
		"len(w.Put) > 0 && a.Version != w.Read {", "len(w.Put) > 0 && a.Version < 0 {",
		"one slot", "slots", nil,
	},
	{
		"a delivery has one verdict", commits,
		"if _, there := l.deliveries.get(d.ID, c.At); there {", "if _, there := l.deliveries.get(d.ID, c.At); there && c.Incident != nil {",
		"late, twice", "second verdict", nil,
	},
	{
		"an incident is counted out of a refused case that it leaves", join,
		"if old.State != Refused && old.State != InDoubt &&",
		"if old.State != InDoubt &&",
		"refused, later", "incidents that fire", nil,
	},
	{
		"a repeat that was refused is the last", settle,
		"dec.Change.Cases[0].Now.NoRepeat = true", "dec.Change.Cases[0].Now.NoRepeat = false",
		"refused, repeat", "refused to hear it again", nil,
	},
	{
		"a reservation is taken away only with its case as it was read", due,
		"		if there {\n			dec.Change.Cases", "		if !there {\n			dec.Change.Cases",
		"torn, repair", "without a reservation", nil,
	},
	{
		"an environment is written as it was read", commits,
		"s.Version != w.Read {", "s.Version < 0 {",
		"storm of one", "collect one storm", nil,
	},
	{
		"a group that flaps has one start", "shared/gate/arrive.go",
		"		g.Flapping, g.Shadow = true, dec.Reason == WouldStart\n", "",
		"flap of two", "are for one flapping", nil,
	},
	{
		"what runs counts as spent", "shared/gate/money.go",
		"			sum += res.Money\n", "",
		"budget of one", "with a budget of 1", nil,
	},
	{
		"what is over is booked", due,
		"Drop: []string{d.c.ID}, Spend: d.Account.Running[d.c.ID].books()}", "Drop: []string{d.c.ID}}",
		"budget of one", "may have been paid for", nil,
	},
	{
		"a critical start that was not paid for is given back", settle,
		"acct.Drop, acct.Back = []string{c.ID}, s.cl.Held.gives()", "acct.Drop = []string{c.ID}",
		"beyond the budget", "critical starts are counted", nil,
	},
	{
		"slots are kept for critical cases", "shared/gate/account.go",
		"		active += max(kept, 0)\n", "		_ = kept\n",
		"one slot for critical", "are for critical ones", nil,
	},
	{
		"what is observed never starts", due,
		"return d.c.Shadow || d.observing() && !d.byHand()", "return false",
		"observed", "is only observed, and is",
		&mutant{
			file: "shared/gate/moves.go",
			old:  "case n.Shadow && n.State != Waiting && n.State != Ended:",
			new:  "case n.Shadow && n.State == \"\":",
		},
	},
}

// Each fault must still fit into the code.
func TestFaultsCanBePlanted(t *testing.T) {
	for _, m := range mutants {
		for plant := &m; plant != nil; plant = plant.besides {
			plant.write(t, t.TempDir())
		}
	}
}

// Each planted fault must be seen, in the setting that is named for it.
func TestPlantedFaultsAreFound(t *testing.T) {
	if !*full {
		t.Skip("it builds the code once for each fault: make explore does it")
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			out, err := m.explore(t)
			switch {
			case err == nil:
				t.Errorf("nobody noticed that it was left out:\n%s", out)
			case !strings.Contains(out, violation) || !strings.Contains(out, m.shows):
				t.Errorf("it failed, and not as it should (%q):\n%s", m.shows, out)
			default:
				line, _, _ := strings.Cut(out[strings.Index(out, violation):], "\n")
				t.Log(line)
			}
		})
	}
}

// explore runs the setting on the code with the fault in it.
func (m mutant) explore(t *testing.T) (string, error) {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for plant := &m; plant != nil; plant = plant.besides {
		path, changed := plant.write(t, dir)
		replace[path] = changed
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	only := fmt.Sprintf("^TestEveryHistory$/^%s$", strings.ReplaceAll(m.setting, " ", "_"))
	out, err := exec.CommandContext(t.Context(),
		"go", "test", "-vet=off", "-count=1", "-overlay", file, "-run", only, ".", "-full").CombinedOutput()
	return string(out), err
}

// write makes a copy of the file with the fault in it.
func (m mutant) write(t *testing.T, dir string) (path, changed string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", filepath.FromSlash(m.file)))
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(code), m.old); n != 1 {
		t.Fatalf("%s has this %d times, and must have it once: %q", m.file, n, m.old)
	}
	changed = filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(code), m.old, m.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, changed
}

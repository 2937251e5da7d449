package alertbridge_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/verify"
	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/gate"
)

const operatePage = "docs/operate.md"

// The commands of the page are typed in its order, at a bridge that has played the corpus.
func TestOperatePageOnThisComputer(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "alertbridge")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/alertbridge").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b := runBridge(t, bin, "--withhold-events") // so that what was started stays under way
	// A fault that is muted, so that there is something to start: its event's number is EVENT from then on.
	event, silence := "8873248385148318284", ""
	typed := func(command string) (string, error) {
		line := strings.NewReplacer("EVENT", event, "CASE-ID", "ab-anaumb3cw4zbbobe", "MONITOR", "24018841", "SILENCE-ID", silence).Replace(command)
		args := append(strings.Fields(strings.TrimPrefix(line, "bin/alertbridge ")), "--url", b.url)
		out, err := exec.Command(bin, args...).CombinedOutput()
		return string(out), err
	}
	says := map[string]string{ // what a command prints, where it is not plain
		"status":                    "Agent default: open",
		"explain EVENT":             "verdict     start, new_incident",
		"explain CASE-ID":           "started: the Agent accepted",
		"mode":                      "Mode: off, set by hand",
		"mode clear --reason over":  "is taken back",
		"silence list":              `service = "checkout", env =~ "prod.*"`,
		"silence expire SILENCE-ID": "is over",
		"stop CASE-ID":              "The Agent itself was not told",
		"retry --reason":            "nothing closes it",
	}
	// What was started already is not started again.
	refused := map[string]string{
		"start CASE-ID": "case ab-anaumb3cw4zbbobe has been started already", "start EVENT": "has been started already",
	}
	for _, c := range docstest.Commands(t, operatePage) {
		if commands[c] != here {
			t.Errorf("the list does not say that this test runs %s", c)
		}
		out, err := typed(c)
		if m := regexp.MustCompile(`Silence (s-\w+) mutes`).FindStringSubmatch(out); m != nil {
			silence = m[1]
		}
		wrong := false
		for begin, want := range refused {
			if strings.HasPrefix(c, "bin/alertbridge "+begin+" ") {
				if wrong = true; err == nil || !strings.Contains(out, want) {
					t.Errorf("%s: %v\n%s", c, err, out)
				}
			}
		}
		if !wrong && err != nil {
			t.Errorf("%s: %v\n%s", c, err, out)
		}
		for begin, want := range says {
			if (c == "bin/alertbridge "+begin || strings.HasPrefix(c, "bin/alertbridge "+begin+" ") && begin != "mode" && begin != "status") && !strings.Contains(out, want) {
				t.Errorf("%s does not say %q:\n%s", c, want, out)
			}
		}
	}
}

// The two tables have a row for every state of a case, and say what the gate does.
func TestOperatePageKnowsEveryState(t *testing.T) {
	noon := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	states := map[string]gate.Case{
		"waits": {State: gate.Waiting, Why: gate.WhyHold}, "is starting": {State: gate.Starting}, "was refused": {State: gate.Refused},
		"is in doubt": {State: gate.InDoubt, Doubts: 1, Resting: true}, "was started": {State: gate.Started},
	}
	order := gate.Order{By: "ana", Reason: "x", At: noon}
	view := func(c gate.Case) gate.View {
		c.ID, c.Version, c.Firing = "ab-1", 1, 1
		return gate.View{Cases: map[string]gate.Case{"ab-1": c}}
	}
	rows := map[string]string{}
	for _, r := range docstest.Table(t, operatePage, "start by hand") {
		rows[r["the case"]] = r["what happens"]
	}
	for name, c := range states {
		_, err := gate.Promote(view(c), "ab-1", order, noon)
		if told := rows[name]; told == "" || strings.HasPrefix(told, "nothing") != (err != nil) {
			t.Errorf("start, the case %s: the page says %q, the gate %v", name, told, err)
		}
	}
	if want := 2; len(rows) != len(states)+want {
		t.Errorf("start has the rows %v", slices.Sorted(maps.Keys(rows)))
	}
	rows = map[string]string{}
	for _, r := range docstest.Table(t, operatePage, "stop by hand") {
		rows[r["the case"]] = r["what happens"]
	}
	for name, c := range states {
		d, err := gate.Stop(view(c), "ab-1", order, false, noon)
		told := rows[name]
		if told == "" || strings.HasPrefix(told, "nothing") != (err != nil) {
			t.Errorf("stop, the case %s: the page says %q, the gate %v", name, told, err)
		}
		if err == nil && d.Change.Cases[0].Now.State == gate.Ended && !strings.Contains(told, "ends as "+string(d.Change.Cases[0].Now.How)) {
			t.Errorf("stop, the case %s: the page says %q, and it ends as %s", name, told, d.Change.Cases[0].Now.How)
		}
	}
	if len(rows) != len(states) {
		t.Errorf("stop has the rows %v", slices.Sorted(maps.Keys(rows)))
	}
}

// What people were told is said in the page's words, of every moment and however it was settled.
func TestOperatePageKnowsWhoWasTold(t *testing.T) {
	_, section, _ := strings.Cut(docstest.Read(t, operatePage), "\n## Who was told of it?\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range gate.Moments() {
		if !strings.Contains(section, "`"+string(m)+"`") {
			t.Errorf("the page does not name the moment %s", m)
		}
	}
	var rows []string
	for _, r := range docstest.Table(t, operatePage, "told") {
		rows = append(rows, r["it says"])
	}
	for _, c := range []caseview.Told{
		{Target: tell.Events, Moment: string(gate.HasEnded), As: string(gate.WasTold)},
		{Target: tell.Pager, Moment: string(gate.WasMissed), As: string(gate.WasTold)},
		{Target: tell.Pager, Moment: string(gate.WasStarted), As: string(gate.LeftOut)},
		{Target: tell.Pager, Moment: string(gate.Waits), As: string(gate.LeftTried)},
		{Target: tell.Events, Moment: string(gate.HasEnded), As: string(gate.GivenUp)},
	} {
		if !slices.Contains(rows, "*"+c.String()+"*") {
			t.Errorf("the page has no row for %q", c)
		}
	}
	late := explain.Tell(explain.Facts{
		Cases: []gate.Case{{ID: "…"}}, Posts: map[string]gate.Post{"…": {Version: 1, Tries: 1}},
	}).Hints
	if last := strings.Trim(rows[len(rows)-1], "*"); len(late) != 1 || !strings.HasPrefix(late[0], last) {
		t.Errorf("explain says %q, the page %q", late, last)
	}
}

// The page has every field that programs are given, and none that there is not.
func TestOperatePageKnowsEveryField(t *testing.T) {
	for table, of := range map[string]any{"status as JSON": operate.Status{}, "explain as JSON": explain.Story{}, "verify as JSON": verify.Report{}} {
		var told []string
		for _, r := range docstest.Table(t, operatePage, table) {
			told = append(told, strings.Split(r["field"], ", ")...)
		}
		there := slices.DeleteFunc(fieldsOf(reflect.TypeOf(of), ""), func(name string) bool { // what only another kind of it has
			return slices.Contains([]string{"mode.id", "mode.matchers[]", "silences[].mode", "cases[].next.if[]"}, name)
		})
		slices.Sort(told)
		slices.Sort(there)
		if !slices.Equal(told, there) {
			t.Errorf("%s: the page tells of\n%s\nand there are\n%s", table, strings.Join(told, "\n"), strings.Join(there, "\n"))
		}
	}
}

// fieldsOf names every value that the type's JSON has.
func fieldsOf(of reflect.Type, path string) (names []string) {
	switch of.Kind() {
	case reflect.Pointer:
		return fieldsOf(of.Elem(), path)
	case reflect.Slice:
		return fieldsOf(of.Elem(), path+"[]")
	case reflect.Struct:
		if of == reflect.TypeFor[time.Time]() {
			break
		}
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			names = append(names, fieldsOf(of.Field(i).Type, strings.TrimPrefix(path+"."+name, "."))...)
		}
		return names
	}
	return []string{path}
}

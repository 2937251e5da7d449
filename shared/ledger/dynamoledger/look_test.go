package dynamoledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// got answers a BatchGetItem with items and with the keys that are left for later.
func got(items []string, unprocessed ...string) answer {
	left := "{}"
	if len(unprocessed) > 0 {
		left = fmt.Sprintf(`{"ledger":{"ConsistentRead":true,"Keys":[%s]}}`, strings.Join(unprocessed, ","))
	}
	return says(200, fmt.Sprintf(`{"Responses":{"ledger":[%s]},"UnprocessedKeys":%s}`, strings.Join(items, ","), left))
}

func keyJSON(pk, sk string) string { return fmt.Sprintf(`{"pk":{"S":%q},"sk":{"S":%q}}`, pk, sk) }

// caseJSON is a case with all that every case has.
func caseJSON(id, state, more string) string {
	return itemJSON("C#"+id, "C", fmt.Sprintf(`,"id":{"S":%q},"state":{"S":%q},"version":{"N":"4"},"firing":{"N":"0"},`+
		`"joined":{"N":"0"},"members":{"M":{}}%s`, id, state, more))
}

func itemJSON(pk, sk, more string) string {
	return fmt.Sprintf(`{"pk":{"S":%q},"sk":{"S":%q},"format":{"N":"1"},"expires":{"N":"9999999999"}%s}`, pk, sk, more)
}

// asked lists the keys that a BatchGetItem asks for.
func (r request) asked(t *testing.T) []string {
	t.Helper()
	var in struct {
		RequestItems map[string]struct {
			ConsistentRead bool
			Keys           []map[string]struct{ S string }
		}
	}
	if err := json.Unmarshal(r.body, &in); err != nil {
		t.Fatal(err)
	}
	if !in.RequestItems["ledger"].ConsistentRead {
		t.Errorf("a read that is not consistent: %s", r.body)
	}
	var keys []string
	for _, k := range in.RequestItems["ledger"].Keys {
		keys = append(keys, k["pk"].S+"/"+k["sk"].S)
	}
	slices.Sort(keys)
	return keys
}

var question1 = ledger.Question{
	Delivery: "d-1", Incident: alert.Incident{Org: "1", Monitor: "2", Key: "c.3"}, Pointers: []string{"k-1", "k-1"},
	Agent: "default", Leads: true,
}

func TestLookAsksAgainForWhatWasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		delivery := itemJSON("D#d-1", "D", `,"id":{"S":"d-1"},"verdict":{"S":"drop"}`)
		incident := itemJSON("I#1#2", "c.3", `,"org":{"S":"1"},"version":{"N":"1"},"case":{"S":"ab-1"}`)
		pointer := itemJSON("K#k-1", "K", `,"case":{"S":"ab-2"}`)
		s, l := newStub(t,
			got([]string{delivery}, keyJSON("I#1#2", "c.3"), keyJSON("K#k-1", "K"), keyJSON("A#default", "A")),
			coded(400, "ProvisionedThroughputExceededException"),
			got([]string{incident}, keyJSON("K#k-1", "K")),
			got([]string{pointer}),
			got(nil, keyJSON("C#ab-2", "C")),
			got([]string{caseJSON("ab-2", "waiting", "")}),
		)
		v, err := l.Look(t.Context(), question1, noon)
		if err != nil {
			t.Fatal(err)
		}
		if v.Delivery == nil || v.Incident.Version != 1 || v.Pointers["k-1"] != "ab-2" || v.Cases["ab-2"].Version != 4 ||
			v.Account.Agent != "default" {
			t.Errorf("the view is %+v", v)
		}
		s.count(6)
		for i, want := range [][]string{
			{"A#default/A", "D#d-1/D", "H/H", "I#1#2/c.3", "K#k-1/K"},
			{"A#default/A", "I#1#2/c.3", "K#k-1/K"},
			{"A#default/A", "I#1#2/c.3", "K#k-1/K"},
			{"K#k-1/K"},
			{"C#ab-1/C", "C#ab-1/L", "C#ab-2/C", "C#ab-2/L"},
			{"C#ab-2/C"},
		} {
			if keys := s.requests[i].asked(t); !slices.Equal(keys, want) {
				t.Errorf("request %d asks for %v, want %v", i+1, keys, want)
			}
		}
	})
}

// An answer that is not whole is no answer: a case that was left out would be taken for one that is not there.
func TestLookNeverAnswersInPart(t *testing.T) {
	for name, script := range map[string][]answer{
		"keys are left unprocessed for ever": {got(nil, keyJSON("D#d-1", "D"))},
		"the table is throttled for ever":    {coded(400, "ThrottlingException")},
		"nobody answers":                     {hangs},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, l := newStub(t, script...)
				begin := time.Now()
				_, err := l.Look(t.Context(), question1, noon)
				if err == nil || errors.Is(err, ledger.ErrUnknown) || errors.Is(err, ledger.ErrConflict) {
					t.Errorf("it ends in %v", err)
				}
				if took := time.Since(begin); took > DefaultOverall {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestDueMeetsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := func(order, last string) answer {
			return says(200, fmt.Sprintf(`{"Items":[{"order":{"S":%q}}]%s}`, order, last))
		}
		s, l := newStub(t,
			fails(errReset),
			coded(400, "ThrottlingException"),
			page("1772366400000#ab-1", `,"LastEvaluatedKey":{"pk":{"S":"C#ab-1"}}`), // a page that DynamoDB has ended early
			fails(errReset), // then the bucket is begun anew
			page("1772366400000#ab-1", `,"LastEvaluatedKey":{"pk":{"S":"C#ab-1"}}`),
			page("1772366400001#ab-2", ""),
			page("5#1#1772366400000#ab-3", ""),
		)
		ids, err := l.Due(t.Context(), "default", noon)
		if err != nil || !slices.Equal(ids, []string{"ab-1", "ab-2", "ab-3"}) {
			t.Errorf("due are %v, %v", ids, err)
		}
		s.count(7)
	})
}

// The index lags behind the table: it may name a case that has gone elsewhere, or is gone.
func TestListOfALaggingIndex(t *testing.T) {
	there, moved := caseJSON("ab-1", "waiting", ""), caseJSON("ab-2", "starting", "")
	expired := strings.Replace(caseJSON("ab-3", "waiting", ""), "9999999999", "1", 1)
	s, l := newStub(t,
		says(200, `{"Items":[{"order":{"S":"5#1#1#ab-1"}},{"order":{"S":"5#1#2#ab-2"}},{"order":{"S":"5#1#3#ab-3"}},{"order":{"S":"5#1#4#ab-4"}}]}`),
		got([]string{moved, expired, there}),
	)
	page, next, err := l.List(t.Context(), "default", gate.Queue, 10, "", noon)
	if err != nil || len(page) != 1 || page[0].ID != "ab-1" || next != "" {
		t.Errorf("listed are %+v, next %q, %v", page, next, err)
	}
	s.count(2)
}

// Texts of any kind become keys within DynamoDB's limits that stay apart.
func FuzzKeyParts(f *testing.F) {
	for _, s := range []string{"", "a", "a#b", "~", "~e3b0c44298fc1c149afbf4c8996fb924", strings.Repeat("x", 257), "鍵"} {
		f.Add(s, s+"#")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if (part(a) == part(b)) != (a == b) {
			t.Errorf("%q and %q become %q and %q", a, b, part(a), part(b))
		}
		p := part(a)
		if p == "" || len(p) > maxPart || strings.Contains(p, "#") {
			t.Errorf("%q becomes %q", a, p)
		}
		one, two := incidentKey(alert.Incident{Org: a, Monitor: b, Key: a}), incidentKey(alert.Incident{Org: b, Monitor: a, Key: a})
		if (one == two) != (a == b) {
			t.Errorf("two incidents have one key %s", one)
		}
		if len(one.pk) > 2048 || len(one.sk) > 1024 {
			t.Errorf("key %s is too long", one)
		}
	})
}

// One record among many that cannot be read speaks for itself. An account speaks for all of its cases.
func TestUnreadableCaseIsNotAnUnreadableAccount(t *testing.T) {
	newer := func(pk, sk, more string) answer {
		return says(200, fmt.Sprintf(`{"Responses":{"ledger":[{"pk":{"S":%q},"sk":{"S":%q},"format":{"N":"99"}%s}]}}`, pk, sk, more))
	}
	_, l := newStub(t, newer("C#ab-1", "C", ""))
	if _, err := l.LookCase(t.Context(), "ab-1", "default", noon); !errors.Is(err, ledger.ErrUnreadable) {
		t.Errorf("a case: %v", err)
	}
	_, l = newStub(t, newer("A#default", "A", ""))
	_, err := l.LookCase(t.Context(), "ab-1", "default", noon)
	var format *FormatError
	if err == nil || errors.Is(err, ledger.ErrUnreadable) || !errors.As(err, &format) {
		t.Errorf("an account: %v", err)
	}
	_, l = newStub(t, newer("H", "H", ""))
	_, err = l.LookCase(t.Context(), "ab-1", "default", noon)
	if err == nil || errors.Is(err, ledger.ErrUnreadable) || !errors.As(err, &format) || !strings.Contains(err.Error(), "what is set by hand") {
		t.Errorf("what is set by hand: %v", err)
	}
}

// A lead without a case is an alert that was dropped only if it says so, and only for as long as it lives. Of what
// opened a case that is gone nothing is told.
func TestLeadWithoutACase(t *testing.T) {
	lead := func(more string) string {
		return itemJSON("C#ab-1", "L", `,"alert":{"S":"{\"title\":\"A\"}"}`+more)
	}
	dropped := `,"dropped":{"BOOL":true}`
	for name, row := range map[string]struct {
		item       string
		there      bool
		unreadable string
	}{
		"dropped":                          {lead(dropped), true, ""},
		"of a case that is gone":           {lead(""), false, ""},
		"dropped, and its time is over":    {strings.Replace(lead(dropped), "9999999999", "1", 1), false, ""},
		"removed, and refreshed":           {`{"pk":{"S":"C#ab-1"},"sk":{"S":"L"},"expires":{"N":"9999999999"}}`, false, ""},
		"of another format":                {strings.Replace(lead(dropped), `"N":"1"`, `"N":"2"`, 1), false, "format 2"},
		"with a text for whether":          {lead(`,"dropped":{"S":"yes"}`), false, `attribute "dropped"`},
		"dropped, without its alert":       {itemJSON("C#ab-1", "L", dropped), false, `attribute "alert"`},
		"dropped, with an end that is one": {strings.Replace(lead(dropped), `"N":"9999999999"`, `"S":"x"`, 1), false, `attribute "expires"`},
	} {
		_, l := newStub(t, got([]string{row.item}))
		v, err := l.LookCase(t.Context(), "ab-1", "default", noon)
		if row.unreadable != "" {
			if !errors.Is(err, ledger.ErrUnreadable) || !strings.Contains(err.Error(), row.unreadable) {
				t.Errorf("%s: %+v, %v", name, v, err)
			}
			continue
		}
		if err != nil || len(v.Cases) != 0 || (v.Leads["ab-1"].Title == "A") != row.there || (len(v.Leads) == 1) != row.there {
			t.Errorf("%s: read as %+v, %v", name, v, err)
		}
	}
}

// A monitor's incidents may be more than one answer holds; each page is asked for until it comes.
func TestIncidentsPageByPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := func(key, fire, last string) answer {
			return says(200, fmt.Sprintf(`{"Items":[%s]%s}`,
				itemJSON("I#1#2", key, fmt.Sprintf(`,"key":{"S":%q},"version":{"N":"1"},"fire":{"N":%q}`, key, fire)), last))
		}
		last := `,"LastEvaluatedKey":{"pk":{"S":"I#1#2"},"sk":{"S":"c.1"}}`
		s, l := newStub(t, page("c.1", "1000", last), fails(errReset), coded(400, "ThrottlingException"), page("c.2", "2000", ""))
		list, err := l.Incidents(t.Context(), "1", "2", 10, noon)
		if err != nil || len(list) != 2 || list[0].Key.Key != "c.2" || list[1].Key.Key != "c.1" {
			t.Errorf("listed are %+v, %v", list, err)
		}
		s.count(4)
		var asked struct {
			ConsistentRead    bool
			IndexName         string
			ExclusiveStartKey map[string]struct{ S string }
		}
		if err := json.Unmarshal(s.requests[3].body, &asked); err != nil {
			t.Fatal(err)
		}
		if !asked.ConsistentRead || asked.IndexName != "" || asked.ExclusiveStartKey["sk"].S != "c.1" {
			t.Errorf("the second page is asked for as %s", s.requests[3].body)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, l := newStub(t, hangs)
		if list, err := l.Incidents(t.Context(), "1", "2", 10, noon); err == nil {
			t.Errorf("listed are %+v", list)
		}
	})
}

// Of the reservations' cases one cannot be read: what the tick needs for the others is there all the same.
func TestUnreadableCaseLeavesTheAccount(t *testing.T) {
	account := `{"pk":{"S":"A#default"},"sk":{"S":"A"},"format":{"N":"1"},"version":{"N":"3"},"run#ab-1":{"M":{"attempt":{"N":"1"}}}}`
	hand := `{"pk":{"S":"H"},"sk":{"S":"H"},"format":{"N":"1"},"version":{"N":"2"},"mode":{"S":"off"}}`
	_, l := newStub(t, got([]string{account, hand}), got([]string{caseJSON("ab-1", "asleep", "")}))
	v, err := l.LookCase(t.Context(), "", "default", noon)
	if !errors.Is(err, ledger.ErrUnreadable) || len(v.Account.Running) != 1 || v.Account.Version != 3 || v.Hand.Mode.Mode != gate.ModeOff {
		t.Errorf("read as %+v, %v", v, err)
	}
}

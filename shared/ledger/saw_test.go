package ledger_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
)

var update = flag.Bool("update", false, "write testdata/saw.json anew: only when something was added")

const golden = "testdata/saw.json"

// What a decision saw is read by builds that come later, so no name in it may change. Every field of everything in it has
// a value here, and stands in the file as it was first written.
func TestSawIsReadAsItWasWritten(t *testing.T) {
	full := ledgertest.FullSaw(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	if *update {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, ledger.EncodeSaw(full), "", "  "); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(pretty.Bytes(), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := ledger.DecodeSaw(text); !reflect.DeepEqual(got, full) {
		t.Errorf("%s is read as\n%+v\nwant\n%+v", golden, got, full)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	if got := ledger.EncodeSaw(full); !bytes.Equal(got, compact.Bytes()) {
		t.Errorf("it is written as\n%s\nand %s has\n%s", got, golden, compact.Bytes())
	}
}

func TestSawOfAnotherBuild(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	full := ledger.DecodeSaw(text)
	for name, row := range map[string]struct {
		from, to string
		there    bool
	}{
		"with something new":              {`"format": 1,`, `"format": 1, "weather": {"rain": true},`, true},
		"with something new in a case":    {`"why": `, `"weather": "rain", "why": `, true},
		"of another format":               {`"format": 1,`, `"format": 2,`, false},
		"without a format":                {`"format": 1,`, ``, false},
		"with a matcher nobody can read":  {`"matchers": [`, `"matchers": ["service ~~ a",`, false},
		"with another type for a version": {`"version": `, `"version": {}, "was": `, false},
		"cut off":                         {"\n}\n", "", false},
	} {
		changed := strings.Replace(string(text), row.from, row.to, 1)
		if changed == string(text) {
			t.Fatalf("%s: the file does not have %q", name, row.from)
		}
		got := ledger.DecodeSaw([]byte(changed))
		if row.there && !reflect.DeepEqual(got, full) || !row.there && got != nil {
			t.Errorf("%s: it is read as %+v", name, got)
		}
	}
	if ledger.EncodeSaw(nil) != nil || ledger.DecodeSaw(nil) != nil {
		t.Error("nothing is something")
	}
}

// What was kept before an alert had an aggregation key of its own is read without one.
func TestSawOfBeforeTheAggregationKey(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.DecodeSaw(text)
	line := regexp.MustCompile(`\n *"aggregation": .*,`)
	older := line.ReplaceAll(text, nil)
	if bytes.Equal(older, text) || want.Alert.Aggregation == "" {
		t.Fatal("the file has no aggregation key to leave out")
	}
	want.Alert.Aggregation = ""
	if got := ledger.DecodeSaw(older); !reflect.DeepEqual(got, want) {
		t.Errorf("it is read as\n%+v\nwant\n%+v", got, want)
	}
}

// An hour of one's own place stays the same moment.
func TestSawKeepsMoments(t *testing.T) {
	now := time.Date(2026, 3, 1, 21, 0, 0, 123_456_789, time.FixedZone("", 9*60*60))
	got := ledger.DecodeSaw(ledger.EncodeSaw(&gate.Saw{Now: now}))
	if got == nil || !got.Now.Equal(now) {
		t.Errorf("%v is read as %+v", now, got)
	}
}

// FuzzDecodeSaw: what is read of what a decision saw can be written again, unless it is too large, and is then the same.
func FuzzDecodeSaw(f *testing.F) {
	text, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		string(text), ``, `null`, `{}`, `[]`, `{"format":1}`, `{"format":1,"now":"2026-03-01T12:00:00+09:00","view":{"cases":{"":{}}}}`,
		`{"format":1,"view":{"hand":{"silences":[{"id":"s","matchers":["a =~ \"[\""]}]}}}`, `{"format":1,"view":{"hand":{"mode":{"mode":"quiet"}}}}`,
		`{"format":1,"alert":{"title":"\ud800","TITLE":"b"},"rules":{"keys":[{"name":"a","for":-1}]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := ledger.DecodeSaw(text)
		if s == nil {
			return
		}
		once := ledger.EncodeSaw(s)
		if once == nil {
			if len(text) < ledger.MaxSaw/8 { // much of it is escaped when it is written
				t.Fatalf("what was read cannot be written: %+v", s)
			}
			return
		}
		back := ledger.DecodeSaw(once)
		if back == nil || !bytes.Equal(ledger.EncodeSaw(back), once) {
			t.Fatalf("read once more it is %+v, want %s", back, once)
		}
	})
}

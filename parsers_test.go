package alertbridge_test

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reading are the functions of the standard library with which text becomes something else. "*" stands for the rest of
// a name.
var reading = []string{
	"encoding/json.Unmarshal", "encoding/json.NewDecoder", "net/url.Parse*", "net/http.ParseTime", "net/netip.Parse*",
	"net.SplitHostPort", "mime.Parse*", "time.Parse*", "strconv.Parse*", "strconv.Atoi", "strconv.Unquote",
	"html.UnescapeString", "regexp.*", "fmt.Sscan*",
}

// readingMethods are methods of the standard library's types that do so, known by their names and numbers of arguments.
var readingMethods = map[string]int{"DecodeString": 1, "Query": 0}

// unfuzzed are the functions that read, and that no fuzz test comes to.
var unfuzzed = map[string]string{
	"shared/call.refuseLocal":               "an address that the standard library has just resolved",
	"shared/ledger.isDate":                  "a month or a day in a change that the gate has made",
	"shared/queue/sqsqueue.New":             "a setting, checked once when the function starts",
	"cmd/alertbridge/local.listCases":       "two words of a question that only this machine can ask",
	"cmd/alertbridge/local.showDelivery":    "two words of a question that only this machine can ask",
	"cmd/alertbridge/local.request":         "what this program has just sent to its own stand-in",
	"cmd/alertbridge/local.opens":           "what this program has just sent to its own stand-in",
	"cmd/alertbridge.dateOf":                "an answer's date, read by the standard library; one that it cannot read does not count",
	"cmd/alertbridge/local.asRequest":       "the corpus of package events, which a test reads whole",
	"cmd/alertbridge/virtual.tell":          "what this program is about to send to its own stand-in",
	"events.FreshBatch":                     "the corpus of package events, which a test reads whole",
	"events.FreshOutcome":                   "the corpus of package events, which a test reads whole",
	"events/fresh.fresh":                    "the corpus of package events, which a test reads whole",
	"cmd/alertbridge/local.agentOf":         "a word of a question that only this machine can ask",
	"cmd/alertbridge/playback.start":        "what this program has just sent to its own stand-in",
	"shared/queue.integer":                  "readPlain calls it through a table, with what queue.FuzzReadPlain reads",
	"shared/agent.UnmarshalJSON":            "encoding/json calls it with what agent.FuzzDecodeEvent reads",
	"cmd/alertbridge/archive.UnmarshalJSON": "encoding/json calls it with what archive.FuzzCollect reads",
}

// fuzzed names for each fuzz test what it is there for, so that a change of names cannot leave it without work.
var fuzzed = map[string][]string{
	"functions/ingest/intake.FuzzHandle":      {"functions/ingest/intake.read", "functions/ingest/intake.bytesOf", "shared/queue.Encode"},
	"functions/ingest/intake.FuzzHide":        {"functions/ingest/intake.hide"},
	"shared/redact.FuzzText":                  {"shared/redact.Text", "shared/redact.scan"},
	"shared/datadog.FuzzDecode":               {"shared/datadog.readAny", "shared/datadog.number"},
	"shared/datadog.FuzzReadFlat":             {"shared/datadog.readAny", "shared/datadog.number"},
	"shared/datadog.FuzzDecodeValues":         {"shared/datadog.newPageLink", "shared/datadog.readTitle", "shared/datadog.readScope", "shared/datadog.parseTime"},
	"shared/alert.FuzzClean":                  {"shared/alert.Clean", "shared/alert.entity"},
	"shared/alert.FuzzCut":                    {"shared/alert.Cut"},
	"shared/queue.FuzzEnvelopeDecode":         {"shared/queue.Decode"},
	"shared/queue.FuzzReadPlain":              {"shared/queue.readPlain"},
	"shared/plain.FuzzReader":                 {"shared/plain.numbered"},
	"shared/queue.FuzzEnvelopeRoundTrip":      {"shared/queue.Encode"},
	"shared/queue/memqueue.FuzzFailed":        {"shared/queue/memqueue.Failed"},
	"shared/gate.FuzzArrive":                  {"shared/gate.Arrive"},
	"shared/gate.FuzzDue":                     {"shared/gate.Due"},
	"shared/gate.FuzzSettle":                  {"shared/gate.Settle"},
	"shared/gate.FuzzWork":                    {"shared/gate.marked", "shared/gate.tally", "shared/gate.Own"},
	"shared/ledger.FuzzDecodeLead":            {"shared/ledger.DecodeLead"},
	"shared/ledger.FuzzDecodeSaw":             {"shared/ledger.DecodeSaw", "shared/match.Parse"},
	"shared/ledger/dynamoledger.FuzzItem":     {"shared/ledger/dynamoledger.decodeCase", "shared/ledger/dynamoledger.decodeAccount"},
	"shared/ledger/dynamoledger.FuzzKeyParts": {"shared/ledger/dynamoledger.part"},
	"shared/agent.FuzzMessage":                {"shared/agent.NewMessage", "shared/agent.plainAddress"},
	"shared/agent.FuzzReadsBack":              {"shared/agent.NewMessage", "shared/agent.plainAddress"},
	"shared/agent.FuzzParse":                  {"shared/agent.parse", "shared/agent.check"},
	"shared/call.FuzzAnswered":                {"shared/call.Answered", "shared/call.Speakable", "shared/call.RetryAfter"},
	"shared/call.FuzzStandIn":                 {"shared/call.StandIn", "shared/call.Local"},
	"shared/answer.FuzzReady":                 {"shared/answer.Ready", "shared/answer.leads"},
	"shared/setting.FuzzPage":                 {"shared/setting.Of"},
	"shared/answer/words.FuzzOf":              {"shared/answer/words.Of"},
	"shared/answer/ddevents.FuzzEncode":       {"shared/answer/ddevents.encode"},
	"shared/answer/ddevents.FuzzJudge":        {"shared/answer/ddevents.judge", "shared/call.Decode"},
	"shared/answer/pagerduty.FuzzEncode":      {"shared/answer/pagerduty.newMessage", "shared/answer/pagerduty.encode"},
	"shared/answer/pagerduty.FuzzJudge":       {"shared/answer/pagerduty.judge", "shared/call.Decode"},
	"shared/answer/pagerduty.FuzzReadKeys":    {"shared/answer/pagerduty.readKeys", "shared/answer/pagerduty.readObject"},
	"shared/agent.FuzzJudge":                  {"shared/agent.judge", "shared/call.RetryAfter", "shared/call.Decode"},
	"shared/agent.FuzzReadPlain":              {"shared/agent.readPlain"},
	"shared/agent.FuzzDecodeEvent":            {"shared/agent.DecodeEvent", "shared/agent.decodeDetail", "shared/agent.readTime"},
	"shared/agent/agentapi.FuzzSummary":       {"shared/agent/agentapi.textOf", "shared/agent/agentapi.decode"},
	"shared/match.FuzzParse":                  {"shared/match.unquoted", "shared/match.compile"},
	"shared/policy.FuzzParse":                 {"shared/policy.parseDuration", "shared/policy.parseDollars", "shared/policy.withUnit"},
	"shared/setting.FuzzReader":               {"shared/setting.OneOf"},
	"shared/telemetry.FuzzCarrierFromOutside": {"shared/telemetry.extract"},
	"shared/telemetry.FuzzLibraryLog":         {"shared/telemetry.Write"},
	"shared/telemetry.FuzzOneLine":            {"shared/telemetry.oneLine"},
	"shared/telemetry.FuzzWithoutTrace":       {"shared/telemetry.withoutTrace"},
	"events.FuzzMove":                         {"events.move"},
	"cmd/alertbridge.FuzzSend":                {"cmd/alertbridge.unwrap", "cmd/alertbridge.getJSON"},
	"cmd/alertbridge/scenario.FuzzParse":      {"cmd/alertbridge/scenario.Parse", "cmd/alertbridge/scenario.ParseDuration", "cmd/alertbridge/scenario.dollars"},
	"cmd/alertbridge/archive.FuzzCollect":     {"cmd/alertbridge/archive.Collect", "cmd/alertbridge/archive.Read", "cmd/alertbridge/archive.decide"},
	"cmd/alertbridge/playback.FuzzDeliveries": {"cmd/alertbridge/playback.AddDeliveries", "cmd/alertbridge/playback.AddArchive", "cmd/alertbridge/playback.delivery"},
	"cmd/alertbridge/local.FuzzToEvent":       {"cmd/alertbridge/local.toEvent"},
	"cmd/alertbridge/local.FuzzDesk":          {"cmd/alertbridge/local.takeOrder", "cmd/alertbridge/local.tellStory"},
	"cmd/alertbridge/explain.FuzzParse":       {"cmd/alertbridge/explain.Parse", "cmd/alertbridge/explain.link"},
}

// Whatever reads text from outside is fuzzed, or says why it need not be. What reads is found in the code, and so is
// which fuzz test comes to it, by the names of what is called on the way.
func TestEveryParserIsFuzzed(t *testing.T) {
	all := readCode(t)
	reached := all.reachedByFuzzTests()
	for name, f := range all {
		if f.reads == "" {
			continue
		}
		reason, excepted := unfuzzed[name]
		switch {
		case !excepted && len(reached[name]) == 0:
			t.Errorf("%s calls %s and no fuzz test comes to it", name, f.reads)
		case excepted && len(reached[name]) > 0:
			t.Errorf("%s is excepted (%s), and %v come to it", name, reason, reached[name])
		}
	}
	for name := range unfuzzed {
		if f := all[name]; f == nil || f.reads == "" {
			t.Errorf("%s is excepted and reads nothing", name)
		}
	}
	for fuzz, list := range fuzzed {
		for _, name := range list {
			if !slices.Contains(reached[name], fuzz) {
				t.Errorf("%s does not come to %s; only %v do", fuzz, name, reached[name])
			}
		}
	}
	for name := range all {
		if fuzz, ok := isFuzzTest(name); ok && fuzzed[fuzz] == nil {
			t.Errorf("%s does not say what it is there for", fuzz)
		}
	}
}

// What fuzzing has found is kept beside the fuzz test that found it, under a name that tells what it was.
func TestWhatWasFoundIsNamed(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		folder, kept, found := strings.Cut(filepath.ToSlash(path), "/testdata/fuzz/")
		if err != nil || d.IsDir() || !found {
			return err
		}
		fuzz, name, _ := strings.Cut(kept, "/")
		if fuzzed[folder+"."+fuzz] == nil {
			t.Errorf("%s belongs to no fuzz test", path)
		}
		if strings.Trim(name, "0123456789abcdef") == "" {
			t.Errorf("%s has the name that the fuzzer gave it: name it for what it found", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

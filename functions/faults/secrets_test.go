package faults_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

// The two secrets, and all that can be the matter with one.
var (
	secrets  = []string{"ingest token", "Agent's secret"}
	troubles = []string{
		"missing", "malformed", "wrong host", "http", "service down, with a last good value", "service down, with none",
		"stored here first", "changed there first", "changed on both sides at once", "asked for at a stranger's pace",
	}
)

// secretRows say for each secret and each trouble what comes of it, and which tests show that: rows of the table of
// faults, as "fault at step", or tests by their name.
var secretRows = []struct {
	secret, trouble string
	comes           string
	shown           []string
}{
	{
		"ingest token", "missing", "503 until it is filled in; never a 4xx",
		[]string{"secret missing at ingest: refresh token", "TestOurOwnTrouble", "TestASecretThatIsTakenAwayIsGone"},
	},
	{"ingest token", "malformed", "a text without content is a missing one, any other is a token", []string{"TestBinaryValue", "TestAccepted"}},
	{"ingest token", "wrong host", "it holds no address", nil},
	{"ingest token", "http", "it holds no address", nil},
	{
		"ingest token", "service down, with a last good value", "it is used; who has another one gets a 503",
		[]string{
			"service down, with a last good value at ingest: read token", "service down, with a last good value at ingest: refresh token",
			"TestLastGoodValueOutlivesAnOutage",
		},
	},
	{
		"ingest token", "service down, with none", "503",
		[]string{"down at ingest: refresh token", "hangs at ingest: refresh token", "TestWithoutAValueAFailureIsAskedAgainSoon"},
	},
	{
		"ingest token", "stored here first", "the one before is accepted too",
		[]string{"rotated on both sides at ingest: refresh token", "TestAccepted", "TestStrangersSetNoPace"},
	},
	{
		"ingest token", "changed there first", "a token that was never stored here is a stranger's: 401, and the alarm AuthenticationFailing",
		[]string{"TestTokenThatIsNotStoredYet"},
	},
	{
		"ingest token", "changed on both sides at once", "read again at once, or 503 for half a minute when that was just done",
		[]string{"rotated on both sides at ingest: read token", "TestRotatedTokenIsReadAgain", "TestStrangersSetNoPace"},
	},
	{
		"ingest token", "asked for at a stranger's pace", "two readings in half a minute, and nobody is kept out",
		[]string{"TestStrangersSetNoPace", "TestRefreshUnderAttack", "TestNoTokenIsRefusedAtOnce"},
	},

	{
		"Agent's secret", "missing", "the account is shut, cases wait; opened when it has a value",
		[]string{"secret missing at message: read secret", "secret missing at tick: secret version", "TestEmptySecretIsFilledIn"},
	},
	{
		"Agent's secret", "malformed", "the same, and the words say what is wrong",
		[]string{"secret malformed at message: read secret", "secret malformed at tick: secret version", "TestParse", "TestRememberedBadSecretIsReadAgain"},
	},
	{
		"Agent's secret", "wrong host", "the same, and nothing is sent there; opened by a mended setting too",
		[]string{"secret with a wrong host at message: read secret", "TestParse", "TestMendedHostOpensTheAccount"},
	},
	{
		"Agent's secret", "http", "the same, and nothing is sent",
		[]string{"secret with http at message: read secret", "TestParse"},
	},
	{
		"Agent's secret", "service down, with a last good value", "called with it; it opens no account",
		[]string{
			"service down, with a last good value at message: read secret", "service down, with a last good value at tick: read secret",
			"service down, with a last good value at tick: secret version", "TestLastGoodValueOutlivesAnOutage",
		},
	},
	{
		"Agent's secret", "service down, with none", "nothing is sent, and the case waits as for an Agent that is away",
		[]string{"down at message: read secret", "hangs at message: read secret", "down at tick: secret version", "TestTickGoesOnWithoutTheSecret"},
	},
	{"Agent's secret", "stored here first", "the Agent makes the key, so there is none to store before", nil},
	{
		"Agent's secret", "changed there first", "denied, read again once, denied: the account is shut until it is stored",
		[]string{"rotated there alone at message: request", "rotated there alone at tick: request", "TestAgentShutUntilItsSecretIsMended"},
	},
	{
		"Agent's secret", "changed on both sides at once", "denied, read again once, taken",
		[]string{"rotated on both sides at message: request", "rotated on both sides at tick: request", "TestRotatedKey", "TestRefreshesThatMeetShareOneReading"},
	},
	{
		"Agent's secret", "asked for at a stranger's pace", "a storm of alerts with a dead key calls once and reads once; then the account is shut",
		[]string{"TestStormWithADeadKey", "TestRefresh"},
	},
}

// Each secret has a row for each trouble, and what a row names is there.
func TestSecretsAreAll(t *testing.T) {
	shown := testNames(t)
	for _, r := range table() {
		shown[string(r.fault)+" at "+string(r.step)] = true
	}
	named := map[[2]string]int{}
	for _, r := range secretRows {
		if named[[2]string{r.secret, r.trouble}]++; !slices.Contains(secrets, r.secret) || !slices.Contains(troubles, r.trouble) {
			t.Errorf("%s, %s: one of the two is in no list", r.secret, r.trouble)
		}
		if r.shown == nil && !slices.Contains([]string{"wrong host", "http", "stored here first"}, r.trouble) {
			t.Errorf("%s, %s: nothing shows it", r.secret, r.trouble)
		}
		for _, name := range r.shown {
			if !shown[name] {
				t.Errorf("%s, %s is shown by %q, which is not there", r.secret, r.trouble, name)
			}
		}
	}
	for _, s := range secrets {
		for _, tr := range troubles {
			if n := named[[2]string{s, tr}]; n != 1 {
				t.Errorf("%s, %s has %d rows, want one", s, tr, n)
			}
		}
	}
}

// testNames are the names of the tests that can show something of secrets.
func testNames(t *testing.T) map[string]bool {
	all := map[string]bool{}
	for _, folder := range []string{".", "..", "../ingest/intake", "../../shared/secret/awssecret", "../../shared/agent"} {
		files, err := filepath.Glob(folder + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing`).FindAllStringSubmatch(string(text), -1) {
				all[m[1]] = true
			}
		}
	}
	return all
}

// Strangers knock ten times a second from two sides, for two minutes. They set no pace, and keep nobody out: not Datadog
// with the token that is known, nor with the one before; and with a new one only for half a minute, in which it gets
// what it repeats.
func TestStrangersSetNoPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, row{step: look}, gate.RepeatIt, 0)
		knock := func(token string) int {
			_, resp, err := invoke(w, ingest, w.env[ingest].ingest, requestOf("A", token))
			if err != nil {
				t.Error(err)
			}
			return resp.StatusCode
		}
		var strangers sync.WaitGroup
		for range 2 {
			strangers.Go(func() {
				for range 1200 {
					if got := knock("a stranger's"); got != 401 && got != 503 {
						t.Errorf("a stranger was answered %d", got)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		unsure := 0
		for second := range 120 {
			if second == 45 { // the next reading is due at 60
				w.tokens.put("token-2")
			}
			if got := knock("token-1"); got != 202 {
				t.Errorf("second %d: the token that was always known was answered %d", second, got)
			}
			if second >= 45 {
				switch got := knock("token-2"); {
				case got == 503 && second <= 60:
					unsure++
				case got != 202:
					t.Errorf("second %d: the new token was answered %d", second, got)
				}
			}
			time.Sleep(time.Second)
		}
		strangers.Wait()
		if unsure == 0 {
			t.Error("the new token was never unsure; did nobody make ingest read before it came?")
		}
		// Two stages when it began, and two for each refresh: one at once, and one in each RefreshGap of two minutes.
		if most := 2 + 2*(1+int(2*time.Minute/awssecret.RefreshGap)); w.tokens.asked > most {
			t.Errorf("%d readings in two minutes, want at most %d", w.tokens.asked, most)
		}
	})
}

// Datadog has a token that nobody has stored here. There is nothing by which it differs from a stranger.
func TestTokenThatIsNotStoredYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, row{step: look}, gate.RepeatIt, 0)
		if got := w.post("A", "token-2"); got != 401 {
			t.Errorf("answered %d", got)
		}
		w.tokens.put("token-2")
		time.Sleep(time.Second)
		if got := w.post("A", "token-2"); got != 503 { // read again a moment ago: who knows
			t.Errorf("a moment after it was stored: answered %d", got)
		}
		time.Sleep(awssecret.RefreshGap)
		if got := w.post("A", "token-2"); got != 202 {
			t.Errorf("half a minute later: answered %d", got)
		}
	})
}

// Fifty alerts of different incidents come while the key is dead at the Agent. One call is denied, and no more are made
// until the secret has another version; then the cases start.
func TestStormWithADeadKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, row{step: readToken}, gate.RepeatIt, 0)
		w.policy.Slots = gate.MaxRunning
		for _, f := range []string{dispatcher, scheduler} {
			w.env[f] = w.newEnvironment(f)
		}
		w.tokens.put("token-2")
		w.agent.rotateTo("key-2")
		names := strings.Split("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx", "")
		for _, name := range names {
			if status := w.post(name, "token-2"); status != 202 {
				t.Errorf("%s was answered %d", name, status)
			}
		}
		w.deliver()
		for range 3 {
			time.Sleep(time.Minute)
			_ = w.tick() // its error is for the log
		}
		if w.agent.denied != 1 {
			t.Errorf("%d calls were denied, want the first alone", w.agent.denied)
		}
		// The dispatcher's first reading and the one after the denial, and one in each tick.
		if most := 2 + 3; w.keys.asked > most {
			t.Errorf("%d readings, want at most %d", w.keys.asked, most)
		}
		w.keys.put(secretOf("key-2"))
		for range 3 {
			time.Sleep(time.Minute)
			_ = w.tick() // its error is for the log
		}
		for _, name := range names {
			if _, state, c := w.seen(name); w.agent.calls(c.ID) != 1 {
				t.Errorf("case %s is %s after %d calls", name, state, w.agent.calls(c.ID))
			}
		}
	})
}

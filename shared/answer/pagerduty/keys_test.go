package pagerduty

import (
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/answer/answertest"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

var (
	commonKey   = strings.Repeat("c", 32)
	shopKey     = strings.Repeat("S", 32)
	paymentsKey = strings.Repeat("9", 32)
)

func TestReadKeys(t *testing.T) {
	for text, want := range map[string]keys{
		commonKey:                             {common: commonKey},
		`{"routing_key":"` + commonKey + `"}`: {common: commonKey, routes: map[string]string{}},
		`{"routes":{},"routing_key":"` + commonKey + `"}`: {common: commonKey, routes: map[string]string{}},
		"{\n \"routing_key\" : \"" + commonKey + "\",\n \"routes\": {\"shop\": \"" + shopKey + "\", \"paying \\u00fcber all\": \"" + paymentsKey + "\"}\n}": {
			common: commonKey, routes: map[string]string{"shop": shopKey, "paying über all": paymentsKey}, named: []string{"shop", "paying über all"},
		},
	} {
		if got, wrong := readKeys(text); wrong != "" || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %q, want %+v", text, got, wrong, want)
		}
	}
}

// TestMalformedSecrets: each is told apart in words, and no word is the secret's.
func TestMalformedSecrets(t *testing.T) {
	const form = "it must be the integration key of an Events API v2 integration: 32 letters and digits"
	for text, want := range map[string]string{
		"hunter2":                               form + "; or a JSON object that has some, as routing_key and routes",
		`"` + commonKey + `"`:                   form + "; or a JSON object that has some, as routing_key and routes",
		`["` + commonKey + `"]`:                 form + "; or a JSON object that has some, as routing_key and routes",
		"{":                                     notJSON,
		`{hunter2}`:                             notJSON,
		`{"routing_key":hunter2}`:               notJSON,
		`{"routing_key":"hunter2`:               notJSON,
		`{"routing_key" "hunter2"}`:             notJSON,
		"{\"routing_key\":\"\xff\"}":            notJSON,
		`{"routes":{"a":"` + shopKey:            notJSON,
		`{"routes":hunter2}`:                    notJSON,
		`{"routes":`:                            notJSON,
		`{}`:                                    "routing_key is missing, the key for what has no route or none of routes",
		`{"routes":{"a":"` + shopKey + `"}}`:    "routing_key is missing, the key for what has no route or none of routes",
		`{"routing_key":""}`:                    "routing_key: " + form,
		`{"routing_key":"hunter2"}`:             "routing_key: " + form,
		`{"routing_key":" ` + commonKey + `"}`:  "routing_key: " + form,
		`{"routing_key":7}`:                     "routing_key is no text",
		`{"routing_key":null}`:                  "routing_key is no text",
		`{"routing_key":["` + commonKey + `"]}`: "routing_key is no text",
		`{"Routing_Key":"` + commonKey + `"}`:   "the secret has a member that is neither routing_key nor routes",
		`{"` + commonKey + `":"shop"}`:          "the secret has a member that is neither routing_key nor routes",
		`{"routing_key":"` + commonKey + `","hunter2":1}`:                                            "the secret has a member that is neither routing_key nor routes",
		`{"routing_key":"` + commonKey + `","routing_key":"` + shopKey + `"}`:                        "the secret: member number 2 has the name of one before it",
		`{"routing_key":"` + commonKey + `","routes":null}`:                                          "routes is no JSON object",
		`{"routing_key":"` + commonKey + `","routes":["` + shopKey + `"]}`:                           "routes is no JSON object",
		`{"routing_key":"` + commonKey + `","routes":"` + shopKey + `"}`:                             "routes is no JSON object",
		`{"routing_key":"` + commonKey + `","routes":{"":"` + shopKey + `"}}`:                        "number 1 of routes has no name; what has no route gets routing_key",
		`{"routing_key":"` + commonKey + `","routes":{"a":"` + shopKey + `","b":"hunter2"}}`:         "number 2 of routes: " + form,
		`{"routing_key":"` + commonKey + `","routes":{"` + shopKey + `":"shop"}}`:                    "number 1 of routes: " + form,
		`{"routing_key":"` + commonKey + `","routes":{"a":{"routing_key":"` + shopKey + `"}}}`:       "number 1 of routes is no text",
		`{"routing_key":"` + commonKey + `","routes":{"a":"` + shopKey + `","a":"` + shopKey + `"}}`: "routes: member number 2 has the name of one before it",
		`{"routing_key":"` + commonKey + `"} {}`:                                                     "something follows the JSON object",
		`{"routing_key":"` + commonKey + `"} hunter2`:                                                "something follows the JSON object",
	} {
		got, wrong := readKeys(text)
		if wrong != want || !reflect.DeepEqual(got, keys{}) || checkKeys(text) != want {
			t.Errorf("%s: %q, want %q", text, wrong, want)
		}
		for _, told := range []string{commonKey, shopKey, "hunter2"} {
			if strings.Contains(wrong, told) {
				t.Errorf("%s: what is wrong tells of it: %q", text, wrong)
			}
		}
		s := standIn(t, answertest.Options{})
		s.Secrets().Set(text)
		if r := client(t, s, nil).Deliver(t.Context(), refused()); r.Why.Reason != delivery.SecretMalformed || r.End != answer.Later || r.Alone || len(s.Requests()) != 0 {
			t.Errorf("%s: %+v", text, r)
		}
	}
}

func ofRoute(route string) answer.Answer {
	a := refused()
	a.Route, a.Case = route, "case of "+route
	return a
}

// TestRoutes: each answer goes to the key of its route, and is resolved there; without one to routing_key.
func TestRoutes(t *testing.T) {
	s := standIn(t, answertest.Options{AnyKey: true})
	s.Secrets().Set(`{"routing_key":"` + commonKey + `","routes":{"shop":"` + shopKey + `","payments":"` + paymentsKey + `"}}`)
	c := client(t, s, nil)
	want := map[string]string{"shop": shopKey, "payments": paymentsKey, "Shop": commonKey, "shop ": commonKey, "another": commonKey, "": commonKey}
	byCase := map[string]string{}
	for _, p := range []answer.Page{answer.Trigger, answer.Change, answer.Resolve} {
		for route := range want {
			a := ofRoute(route)
			byCase[a.Ready().Case] = route
			a.Page = p
			if r := c.Deliver(t.Context(), a); r.End != answer.Delivered || r.Alone {
				t.Errorf("%s of %q: %+v", p, route, r)
			}
		}
	}
	for _, i := range s.Incidents() {
		if i.Open || i.RoutingKey != want[byCase[i.Key]] {
			t.Errorf("the incident of %q has the key %s, and is open: %t", byCase[i.Key], i.RoutingKey, i.Open)
		}
	}
	if n, m := len(s.Incidents()), len(s.Changes()); n != len(want) || m != len(want) {
		t.Errorf("%d incidents and %d changes", n, m)
	}
}

// TestRoutesThatThePolicyHasNot: each is named by its number, once for each value of the secret, and no word of the secret is
// told, for it may be a key.
func TestRoutesThatThePolicyHasNot(t *testing.T) {
	s := standIn(t, answertest.Options{AnyKey: true})
	var log strings.Builder
	c, err := New(Options{
		StandIn: s.URL(), Keys: s.Secrets(), Routes: []string{"shop", "payments"}, Log: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	pages := func(routes string, want ...string) {
		t.Helper()
		secret := commonKey
		if routes != "" {
			secret = `{"routing_key":"` + commonKey + `","routes":{` + routes + `}}`
		}
		s.Secrets().Set(secret)
		if _, read, err := s.Secrets().Refresh(t.Context()); !read || err != nil {
			t.Fatalf("the secret is not read again: %v", err)
		}
		for range 3 {
			if r := c.Deliver(t.Context(), ofRoute("shop")); r.End != answer.Delivered {
				t.Fatalf("%+v", r)
			}
		}
		lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
		for i, w := range want {
			if i >= len(lines) || !strings.Contains(lines[i], w) {
				t.Errorf("it logged\n%swant %q", log.String(), want)
			}
		}
		if log.Len() > 0 && len(lines) != len(want) || strings.Contains(log.String(), shopKey) || strings.Contains(log.String(), "Shop") {
			t.Errorf("it logged\n%s", log.String())
		}
		log.Reset()
	}
	own := func(name string) string { return `"` + name + `":"` + shopKey + `"` }
	pages("")
	pages(own("shop") + "," + own("payments"))
	pages(own("Shop")+","+own("payments")+","+own(paymentsKey), `"level":"WARN","msg":"pager keys are for no route","numbers":"1, 3","of":3`)
	pages(own("payments")+","+own("Shop"), `"numbers":"2","of":2`)
	pages(own("payments"))
	pages(own("payments")+","+own("Shop"), `"numbers":"2","of":2`)
}

// TestOneKeyAtFault: an objection to a key says to which, and that it is about its route alone. Where there is one key for
// all it never is.
func TestOneKeyAtFault(t *testing.T) {
	deliver := func(s *answertest.PagerDuty, route string, b answertest.Behaviour) answer.Result {
		if b != nil {
			s.Next(b)
		}
		return client(t, s, nil).Deliver(t.Context(), ofRoute(route))
	}
	for _, c := range []struct {
		name   string
		secret string // %s: the key that the stand-in knows
		route  string
		meets  answertest.Behaviour
		want   delivery.Reason
		alone  bool
		words  string
	}{
		{"its own is unknown", `{"routing_key":"%s","routes":{"shop":"` + shopKey + `"}}`, "shop", nil, delivery.Unauthorized, true, `with the key of the route "shop": `},
		{"another's is unknown", `{"routing_key":"%s","routes":{"shop":"` + shopKey + `"}}`, "payments", nil, delivery.Received, false, ""},
		{"the common one is unknown", `{"routing_key":"` + commonKey + `","routes":{"shop":"%s"}}`, "payments", nil, delivery.Unauthorized, true, "with routing_key: "},
		{"the common one is not needed", `{"routing_key":"` + commonKey + `","routes":{"shop":"%s"}}`, "shop", nil, delivery.Received, false, ""},
		{"it is throttled", `{"routing_key":"%s","routes":{"shop":"%s"}}`, "shop", answertest.Throttled("120"), delivery.Throttled, true, `with the key of the route "shop": `},
		{"PagerDuty is ill", `{"routing_key":"%s","routes":{"shop":"%s"}}`, "shop", answertest.Status(500, ""), delivery.ServerError, false, "PagerDuty answered 500"},
		{"there is one key, and it is unknown", commonKey, "shop", nil, delivery.Unauthorized, false, "PagerDuty answered 400"},
		{"there is one key, and it is throttled", "%s", "shop", answertest.Throttled("120"), delivery.Throttled, false, "PagerDuty answered 429"},
		{"there are no routes", `{"routing_key":"` + commonKey + `","routes":{}}`, "shop", nil, delivery.Unauthorized, false, "PagerDuty answered 400"},
	} {
		s := standIn(t, answertest.Options{})
		s.Secrets().Set(strings.ReplaceAll(c.secret, "%s", s.Key()))
		r := deliver(s, c.route, c.meets)
		if r.Why.Reason != c.want || r.Alone != c.alone || !strings.HasPrefix(r.Why.Words, c.words) {
			t.Errorf("%s: %+v, want %s, alone %t, words that begin with %q", c.name, r, c.want, c.alone, c.words)
		}
		if r.Why.Reason == delivery.Throttled && r.NotBefore.Before(time.Now().Add(time.Minute)) {
			t.Errorf("%s: not before %v", c.name, r.NotBefore)
		}
		fit(t, c.name, r, s.Key())
		if strings.Contains(r.Why.Words, shopKey) || strings.Contains(r.Why.Words, commonKey) {
			t.Errorf("%s: a key is told: %s", c.name, r.Why.Words)
		}
	}
}

// FuzzReadKeys: what is taken is well formed, and means to encoding/json what it means here; what is not is said without a
// word of it.
func FuzzReadKeys(f *testing.F) {
	f.Add(commonKey)
	f.Add(`{"routing_key":"` + commonKey + `","routes":{"shop":"` + shopKey + `"}}`)
	f.Add(`{"routing_key":"` + commonKey + `","routes":{"shop":"` + shopKey + `","shop":"` + shopKey + `"}}`)
	f.Add(`{"routing_key":"\u0063","routes":{"\ud800":[{}]}} x`)
	f.Add("{\"\xff\":{{[[")
	f.Fuzz(func(t *testing.T, text string) {
		k, wrong := readKeys(text)
		if wrong != "" {
			if !reflect.DeepEqual(k, keys{}) || len(wrong) > 200 || len(text) == 32 && strings.Contains(wrong, text) {
				t.Errorf("%q: %+v, %q", text, k, wrong)
			}
			return
		}
		for route, key := range k.routes {
			if route == "" || checkKey(key) != "" {
				t.Errorf("%q has %q for the route %q", text, key, route)
			}
		}
		if checkKey(k.common) != "" {
			t.Errorf("%q has the key %q", text, k.common)
		}
		if k.routes == nil {
			return // one key
		}
		var plain struct {
			Common string            `json:"routing_key"`
			Routes map[string]string `json:"routes"`
		}
		if err := json.Unmarshal([]byte(text), &plain); err != nil || plain.Common != k.common || len(plain.Routes) != len(k.routes) {
			t.Errorf("%q is %+v, %v, and was read as %+v", text, plain, err, k)
		}
		for route, key := range plain.Routes {
			if got, own := k.of(route); got != key || !own {
				t.Errorf("%q: the key of %q is %q, and was read as %q", text, route, key, got)
			}
		}
	})
}

// Space around a secret is nobody's fault.
func TestSpaceAroundKeys(t *testing.T) {
	s := standIn(t, answertest.Options{})
	s.Secrets().Set("\n {\"routing_key\": \"" + s.Key() + "\"}\n")
	if r := client(t, s, nil).Deliver(t.Context(), refused()); r.End != answer.Delivered {
		t.Errorf("%+v", r)
	}
}

package answer

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/delivery"
	"github.com/alertbridge/alertbridge/shared/redact"
	"github.com/alertbridge/alertbridge/shared/redact/redacttest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// TestOf: a fault of our key or of the network is no reason to lose an answer; that the place will not have it is.
func TestOf(t *testing.T) {
	for _, r := range delivery.Reasons() {
		want := Later
		switch r {
		case delivery.Received:
			want = Delivered
		case delivery.ErrorsInBody, delivery.BadRequest:
			want = GivenUp
		}
		got := Of(delivery.Answer{Reason: r, Words: "w"}, noon)
		if got.End != want || !got.NotBefore.IsZero() || got.Why.Words != "w" {
			t.Errorf("%s: %+v, want %s", r, got, want)
		}
	}
	got := Of(delivery.Answer{Reason: delivery.Throttled, RetryAfter: 2 * time.Minute}, noon)
	if want := noon.Add(2 * time.Minute); got.End != Later || !got.NotBefore.Equal(want) {
		t.Errorf("throttled: %+v, want later and not before %v", got, want)
	}
	if got := Of(delivery.Answer{Reason: delivery.BadRequest, RetryAfter: time.Minute}, noon); !got.NotBefore.IsZero() {
		t.Errorf("given up, and yet not before %v", got.NotBefore)
	}
	if got := Unfit("no key"); got.End != GivenUp || got.Why.Words != "no key; nothing was sent" || got.Why.Outcome() != delivery.Refused {
		t.Errorf("unfit: %+v", got)
	}
}

func TestTrouble(t *testing.T) {
	quiet := map[Moment]bool{Started: true, Waits: true, Unstarted: true, Ended: true, Planned: true, Recovered: true, Up: true}
	for _, m := range Moments() {
		if m.Trouble() == quiet[m] {
			t.Errorf("%s is trouble: %t", m, m.Trouble())
		}
	}
	if len(Moments()) != 14 || len(Pages()) != 5 {
		t.Errorf("%d moments and %d pages", len(Moments()), len(Pages()))
	}
}

func TestReady(t *testing.T) {
	got := Answer{
		ID: "case 1/started", Case: "case-1", Moment: Started, At: noon.In(time.FixedZone("", 3600)),
		Title: "Investigation\nstarted %%%for\u200b @slack-ops checkout", Text: "asked by ana@example.com\r\n\r\n\r\n\x00done  ",
		Links: []Link{
			{"Case", "https://example.com/a?b=c%20d#e"},
			{"", "https://example.com/@x"},
			{"plain", "http://example.com/"},
			{"a user", "https://ana@example.com/"},
			{"a secret", "https://example.com/?token=0plantedtoken000001"},
			{"Markdown", "https://example.com/%%%"},
			{"Markdown in a query", "https://example.com/?q=%%%"},
			{"a bracket", "https://example.com/)"},
			{"script", "javascript:alert(1)"},
			{"long", "https://example.com/" + strings.Repeat("x", alert.MaxURL)},
			{"no host", "https:///x"},
			{"not ASCII", "https://example.com/é"},
			{"nothing", ""},
		},
		Service: " check out ", Env: "prod", Tags: []string{"team:a", "", "team:a", "password=Tr0ub4dor-plant01", "b"},
		AggregationKey: "k\u200b1", PageKey: " p1\n",
	}.Ready()
	want := Answer{
		ID: alert.MakeSafe("case 1/started"), Case: "case-1", Moment: Started, At: noon,
		Title: "Investigation started for checkout", Text: "asked by [email:hidden]\n\ndone",
		Links:   []Link{{"Case", "https://example.com/a?b=c%20d#e"}, {"link", "https://example.com/@x"}},
		Service: "check out", Env: "prod", Tags: []string{"team:a", "password=[password:hidden]", "b"},
		AggregationKey: "k1", PageKey: "p1",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	if got := (Answer{At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}).Ready(); !reflect.DeepEqual(got, Answer{}) {
		t.Errorf("of nothing comes %+v", got)
	}
}

func TestReadyIsBounded(t *testing.T) {
	long := strings.Repeat("決済é ", 25_000) // 200 kB
	a := Answer{Title: long, Text: long, Service: long, Env: long, AggregationKey: long, PageKey: long}
	for range 100 {
		a.Links = append(a.Links, Link{long, "https://example.com/"})
		a.Tags = append(a.Tags, long+strings.Repeat("x", len(a.Tags)))
	}
	a.Tags = append(a.Tags[:1], "t1", "t2")
	for i := range 60 {
		a.Tags = append(a.Tags, "n:"+strings.Repeat("x", i))
	}
	a = a.Ready()
	for _, c := range []struct {
		what, text string
		most       int
	}{
		{"title", a.Title, alert.MaxName},
		{"text", a.Text, alert.MaxText},
		{"service", a.Service, alert.MaxField},
		{"env", a.Env, alert.MaxField},
		{"aggregation key", a.AggregationKey, alert.MaxField},
		{"page key", a.PageKey, alert.MaxField},
		{"tag", a.Tags[0], maxTag},
		{"link's name", a.Links[0].Name, maxLinkName},
	} {
		if n := utf8.RuneCountInString(c.text); n > c.most || n < c.most-1 || !utf8.ValidString(c.text) {
			t.Errorf("%s has %d characters, want %d or one less", c.what, n, c.most)
		}
	}
	if len(a.Links) != maxLinks || len(a.Tags) != maxTags {
		t.Errorf("%d links and %d tags", len(a.Links), len(a.Tags))
	}
}

// TestReadyRedacts: a secret of every form is in none of the texts, also where the cut goes through it.
func TestReadyRedacts(t *testing.T) {
	for _, s := range redacttest.Secrets() {
		for _, before := range []int{0, alert.MaxText - 60, alert.MaxText - 20, alert.MaxText - len(s.Text)} {
			text := strings.Repeat("x ", max(before, 0)/2) + s.Text
			a := Answer{Title: s.Text, Text: text, Service: s.Text, Env: s.Text, Tags: []string{s.Text}, Links: []Link{{s.Text, "https://example.com/"}}}.Ready()
			told := strings.Join([]string{a.Title, a.Text, a.Service, a.Env, strings.Join(a.Tags, " "), a.Links[0].Name}, "\n")
			if form := redacttest.Found(told, s.Value); form != "" {
				t.Errorf("%s is told, %s: %.200q", s.Name, form, told)
			}
		}
	}
}

// FuzzReady: whatever the text, it is made ready once and for all.
func FuzzReady(f *testing.F) {
	f.Add("title", "text", "https://example.com/x", "key:value")
	f.Add("@x-request-id:7", strings.Repeat("a", 3990)+" @x-request-id:7", "https://example.com/%%%", "a\x00b")
	f.Add("&#37;%%x password=hunter2", "Authorization: Bearer 0plantedtoken000002", "https://a@b/", "\xff")
	f.Fuzz(func(t *testing.T, title, text, address, tag string) {
		a := Answer{ID: title, Case: tag, Title: title, Text: text, Links: []Link{{title, address}}, Service: tag, Env: tag, Tags: []string{tag, title}, AggregationKey: text, PageKey: text}.Ready()
		if again := a.Ready(); !reflect.DeepEqual(a, again) {
			t.Errorf("ready\n%+v, and again\n%+v", a, again)
		}
		if strings.Contains(a.Title+"\n"+a.Text, "%%%") || strings.ContainsAny(a.Title, "\n\r") || !utf8.ValidString(a.Title+a.Text+a.Service) {
			t.Errorf("title %q, text %q", a.Title, a.Text)
		}
		if redact.Has(a.Text) && len(a.Text) < 1000 {
			t.Errorf("there is a secret in %q", a.Text)
		}
		for _, l := range a.Links {
			if !strings.HasPrefix(l.URL, "https://") || strings.ContainsAny(l.URL, "\n \"<>") {
				t.Errorf("the link leads to %q", l.URL)
			}
		}
	})
}

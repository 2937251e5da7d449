package alert

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"nothing to do", "CPU is high\n\ton web-1", "CPU is high\n\ton web-1"},
		{"Japanese stays", "決済サービスのCPU使用率が高い　確認してください", "決済サービスのCPU使用率が高い　確認してください"},
		{"Datadog's frame", "%%%\nDisk is full\n%%%", "Disk is full"},
		{"a marker inside, as a comment of a person", "100%%% sure, 50% done, 7%% left", "100 sure, 50% done, 7%% left"},
		{"five in a row leave no marker", "a%%%%%b", "a%%b"},

		{"handlebars' entities", "unexpected &#x27;.&#x27; at a&amp;b &lt;eof&gt; &quot;x&quot;", "unexpected '.' at a&b <eof> \"x\""},
		{"named, decimal, beyond Unicode", "&eacute;&#233; &#x110000; &#99999999999;", "éé \uFFFD &#99999999999;"},
		{"nested entities", "&amp;amp;amp;lt;", "<"},
		{"an entity whose middle is an entity", "&am&#112;;#60;", "<"},
		{"an entity that is made by a dropped character", "&am\u200bp;lt;", "<"},
		{"no semicolon: a parameter of an address", "https://x.example/?a=1&region=eu&copy=2&lt=3", "https://x.example/?a=1&region=eu&copy=2&lt=3"},
		{"no such entity", "&notit; &; &#; &#x; &amp", "&notit; &; &#; &#x; &amp"},
		{"a semicolon as entity", "&lt&semi;", "<"},
		{"an entity makes no marker", "&#37;&#37;&percnt;", ""},
		{"an entity makes no handle", "call &commat;slack-ops now", "call now"},
		{"an entity makes no invisible character", "a&#8203;b&zwj;c&#x202e;d&#0;e&#27;f", "abcdef"},
		{"a marker's removal makes no handle", "@sla%%%ck-ops x", "x"},
		{"handles that touch an address", "https://a.example/x,@slack-ops https://a.example/x|@here https://a.example/x。@pagerduty-foo", "https://a.example/x, https://a.example/x| https://a.example/x。"},
		{"a handle's removal makes no marker", "%%@slack-ops!%", "%% !%"},

		{"handles of integrations", "@webhook-x @slack-a-b, @pagerduty-b @pagerduty @opsgenie-c end", ", end"},
		{"handles of people", "@jane.doe@example.com please look", "please look"},
		{"handles of teams and rooms", "@team-core @your-team-handle @here @all fix", "fix"},
		{"in brackets and quotes", "(`@slack-infra`) \"@team-x\" <@a@b.example>", "(` `) \" \" < >"},
		{"the full stop is not the handle's", "Ask @slack-ops.", "Ask ."},
		{"after a Japanese letter", "連絡先@slack-ops", "連絡先"},
		{"an address in a sentence", "mail ops@example.com or <x+y@example.com>", "mail ops@example.com or <x+y@example.com>"},
		{"addresses that look like handles behind the @", "mail a@slack-corp.example, b_@my-team.example", "mail a@slack-corp.example, b_@my-team.example"},
		{"a page of somebody", "https://example.com/@some-body", "https://example.com/@some-body"},
		{"the @ behind a password", "at postgres://app:s3cret!@db-main.internal/x?a=,@slack-ops", "at postgres://app:s3cret!@db-main.internal/x?a=,@slack-ops"},
		{"handles behind an address", "(https://a.example/x)@slack-a https://a.example/x @slack-b <https://a.example>@slack-c", "(https://a.example/x) https://a.example/x <https://a.example>"},
		{"handles that touch an address", "https://a.example/x,@slack-ops https://a.example/x|@here https://a.example/x。@pagerduty-foo", "https://a.example/x, https://a.example/x| https://a.example/x。"},
		{"a handle's removal makes no address", ":@slack-ops//x!@slack-ops", ": //x!"},
		{"attributes of logs", "@timestamp @http.status_code:>=500 @x-request-id:7", "@timestamp @http.status_code:>=500 @x-request-id:7"},
		{"annotations and packages", "@Transactional @aws-sdk/client @media 50 @ 3", "@Transactional @aws-sdk/client @media 50 @ 3"},
		{"a known handle in front of a colon", "@slack-ops: look", ": look"},
		{"two handles without a blank", "x @slack-a@slack-b y", "x y"},
		{"doubled @", "@@slack-ops x", "x"},

		{"control characters", "a\x00b\x1b[31mred\x7f\u0085c", "ab[31mred\nc"},
		{"bidirectional override", "user\u202egpj.exe\u2066x\u2069", "usergpj.exex"},
		{"zero width", "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg", "abcdefg"},
		{"tag characters", "ok\U000E0041\U000E0042\U000E007F", "ok"},
		{"a message in variation selectors", "😀\uFE0F\U000E0101\U000E0102\U000E01EF.", "😀."},
		{"fillers", "a\u3164\u115f\uffa0\u2800\u034fb", "ab"},
		{"private use and non-characters", "a\uE000\U000F0000\uFFFEb", "ab"},
		{"combining marks stay", "e\u0301 が", "e\u0301 が"},
		{"not UTF-8", "a\xffb\xc3", "a\uFFFDb\uFFFD"},
		{"halves of a character do not meet", "\xe3\x00\x81\x82", "\uFFFD\uFFFD\uFFFD"},

		{"line breaks", "a\r\nb\rc\u2028d\ve", "a\nb\nc\nd\ne"},
		{"blank lines", "\n\n a  \n\n\n \t\n b\n\n", "a\n\n b"},
		{"spaces of other widths", "a\u00a0b\u2003c&nbsp;d", "a b c d"},
		{"nothing", "", ""},
		{"only what is dropped", "%%%\n@webhook-x\u200b\n%%%", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got := Clean(c.in); got != c.want {
				t.Errorf("Clean(%q)\n got %q\nwant %q", c.in, got, c.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"  a\n\n b\tc\u2028d ":        "a b c d",
		"%%%x%%%  &lt;y&gt; @slack-z": "x <y>",
		"ディスク　容量":                     "ディスク 容量",
		"\n":                          "",
		"":                            "",
		" ":                           "",
		"a b-c":                       "a b-c",
		" a":                          "a",
		"a ":                          "a",
		"a  b":                        "a b",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestValue(t *testing.T) {
	for in, want := range map[string]string{
		`logs("@a-b.c &lt; %%%")`: `logs("@a-b.c &lt; %%%")`,
		" a\nb\u200b\u202e\x00 ":  "a b",
		"\xff":                    "\uFFFD",
		"環境:本番":                   "環境:本番",
	} {
		if got := Value(in); got != want {
			t.Errorf("Value(%q) = %q, want %q", in, got, want)
		}
	}
}

// Cleaning must take time in proportion to the text, whatever an attacker nests: a body may have 256 KiB, and that stays
// far below the second in which a delivery is answered.
func TestCleanIsLinear(t *testing.T) {
	const n = 256 << 10
	for name, s := range map[string]string{
		"nested entities":     "&" + strings.Repeat("amp;", n/4),
		"chained semicolons":  strings.Repeat("&semi", n/5) + ";",
		"ampersands":          strings.Repeat("&", n),
		"handles":             strings.Repeat("@slack-", n/7),
		"handles and markers": strings.Repeat("@sla%%@slack-y%", n/15),
		"handles in a word":   strings.Repeat("@slack-!", n/8),
		"addresses":           strings.Repeat("a://!@", n/6),
		"blank lines":         strings.Repeat(" \n", n/2),
	} {
		begin := time.Now()
		once := Clean(s)
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("256 KiB of %s took %s", name, took)
		}
		if Clean(once) != once {
			t.Errorf("%s: cleaning again changes the text", name)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{
		"%%%\nok &amp;lt; @slack-ops\n\n\n%%%", "&am&#112;;#37;%%", "%%@slack-x%", "@x-y:@slack-z", "@@a-b.-@",
		"a@b@c-d", ":@slack-a//,@slack-b", "a://b!@c-d (e://f)@slack-g", "\xe3\x81\x00\x82", "&#x202e;&zwj;&semi;", "@sla%%@slack-y%ck-x", "\r\n\r \u2028 \u3000", "&#0000038;#38;amp;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, clean := range map[string]func(string) string{"Clean": Clean, "Line": Line, "Value": Value} {
			got := clean(s)
			if !utf8.ValidString(got) {
				t.Fatalf("%s(%q) = %q is not UTF-8", name, s, got)
			}
			for _, r := range got {
				if r != '\n' && r != '\t' && !unicode.IsGraphic(r) || unseen(r) || name != "Clean" && (r == '\n' || r == '\t') {
					t.Fatalf("%s(%q) = %q has %U", name, s, got, r)
				}
			}
			if again := clean(got); again != got {
				t.Fatalf("%s(%q) = %q, again %q", name, s, got, again)
			}
		}
		if got, want := Line(s), strings.Join(strings.Fields(Clean(s)), " "); got != want {
			t.Fatalf("Line(%q) = %q, want %q", s, got, want)
		}
		if got := Clean(s); strings.Contains(got, "%%%") || strings.Contains(got, "&amp;") || strings.Contains(got, "\n\n\n") ||
			strings.Contains(" "+got, " @slack-x ") {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
	})
}

func BenchmarkClean(b *testing.B) {
	text := strings.Repeat("**system.cpu.user** over **host:web-1** was **&gt; 90.0** on average. 負荷が高い @slack-ops\n", 20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Clean(text)
	}
}

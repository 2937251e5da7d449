package queue

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestFits(t *testing.T) {
	many := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprintf("a%d", i)] = "v"
		}
		return m
	}
	one := func(name, value string) map[string]string { return map[string]string{name: value} }
	for _, row := range []struct {
		why        string
		body       string
		attributes map[string]string
		want       string // "" when it fits
	}{
		{"the smallest", "x", nil, ""},
		{"every character that SQS takes", "\t\n\r\x20\x7f\u0080\uD7FF\uE000\uFFFD\U00010000\U0010FFFF", nil, ""},
		{"as many attributes as SQS takes", "x", many(10), ""},
		{"the trace context", "x", one("_datadog", `{"x-datadog-trace-id":"1","traceparent":"00-0-0-01"}`), ""},
		{"the longest name", "x", one(strings.Repeat("n", 256), "v"), ""},
		{"as long as it may be", strings.Repeat("x", MaxMessage-len("nameString")-1), one("name", "v"), ""},

		{"SQS takes no empty message", "", nil, "the message has no body"},
		{"a control character", "ab\x01", nil, "the body holds the character U+0001, which SQS refuses, at byte 2"},
		{"U+FFFE", "a\uFFFE", nil, "the body holds the character U+FFFE, which SQS refuses, at byte 1"},
		{"U+FFFF", "\uFFFF", nil, "the body holds the character U+FFFF, which SQS refuses, at byte 0"},
		{"not UTF-8", "ab\xff", nil, "the body is not valid UTF-8, at byte 2"},
		{"a surrogate, which is not UTF-8 either", "\xed\xa0\x80", nil, "the body is not valid UTF-8, at byte 0"},
		{"one attribute too many", "x", many(11), "the message has 11 attributes; 10 are allowed"},
		{"no name", "x", one("", "v"), `the attribute name "" is not 1 to 256 letters, digits, '_', '-' and '.'`},
		{"a long name", "x", one(strings.Repeat("n", 257), "v"), `the attribute name "` + strings.Repeat("n", 64) + `" is not 1 to 256 letters, digits, '_', '-' and '.'`},
		{"a name with a blank", "x", one("a b", "v"), `the attribute name "a b" is not 1 to 256 letters, digits, '_', '-' and '.'`},
		{"a name that is AWS's own", "x", one("AWS.trace", "v"), `the attribute name "AWS.trace" is reserved by AWS`},
		{"in any letters", "x", one("amazon.x", "v"), `the attribute name "amazon.x" is reserved by AWS`},
		{"a period at the beginning", "x", one(".a", "v"), `the attribute name ".a" has a period at an end or two in a row`},
		{"two periods", "x", one("a..b", "v"), `the attribute name "a..b" has a period at an end or two in a row`},
		{"SQS takes no empty value", "x", one("a", ""), "the attribute a is empty"},
		{"a control character in a value", "x", one("a", "\x00"), "the attribute a holds the character U+0000, which SQS refuses, at byte 0"},
		{"one byte too long", strings.Repeat("x", MaxMessage-len("nameString")), one("name", "v"), "the message with its attributes has 262145 bytes; 262144 are allowed"},
	} {
		t.Run(row.why, func(t *testing.T) {
			err := Fits(row.body, row.attributes)
			if got := fmt.Sprint(err); err == nil && row.want != "" || err != nil && got != row.want {
				t.Errorf("Fits = %v, want %q", got, row.want)
			}
		})
	}
}

func TestNewUnreadable(t *testing.T) {
	for _, row := range []struct{ why, body, excerpt string }{
		{"as it is, on one line", "{\"a\": \"<b> &amp; @all %%%\",\r\n\t]", `{"a": "<b> &amp; @all %%%",   ]`},
		{"without what cannot be seen", "a\u202eb\x00c\U000E0041d", "abcd"},
		{"binary shows as such", "\xff\xfea", "\uFFFD\uFFFDa"},
		{"cut at a character's border", strings.Repeat("あ", 2000), strings.Repeat("あ", MaxExcerpt/3)},
		{"bounded after cleaning too", strings.Repeat("\xff", 5000), strings.Repeat("\uFFFD", MaxExcerpt/3)},
		{"nothing", "", ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			u := NewUnreadable("r", "w", []byte(row.body), []byte(row.body), nil)
			if u.Excerpt != row.excerpt {
				t.Errorf("excerpt %.200q, want %.200q", u.Excerpt, row.excerpt)
			}
			if u.Bytes != len(row.body) || u.Reason != "r" || u.Words != "w" {
				t.Errorf("kept %+v", u)
			}
		})
	}
}

func TestSendErrorReads(t *testing.T) {
	cause := errors.New("cause")
	for _, row := range []struct {
		err  SendError
		want string
	}{
		{
			SendError{Queue: "alerts", Fault: Unavailable, Attempts: 3, MayHaveArrived: true, Words: "no answer in time", Err: cause},
			"queue alerts did not take the message in 3 attempts: no answer in time; it may have arrived all the same, which is harmless",
		},
		{
			SendError{Queue: "alerts", Fault: Misconfigured, Attempts: 1, Words: "SQS answered AccessDenied (403)", Mend: "give the role sqs:SendMessage", Err: cause},
			"queue alerts did not take the message in 1 attempt: SQS answered AccessDenied (403); give the role sqs:SendMessage",
		},
		{
			*NotSendable("alerts", cause),
			"queue alerts did not take the message: cause; this is a mistake in the program: please report it with these words",
		},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("error %q\nwant  %q", got, row.want)
		}
		if !errors.Is(&row.err, cause) {
			t.Errorf("%q does not lead to its cause", row.want)
		}
	}
}

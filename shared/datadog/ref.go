package datadog

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// refName is the name that we give to an id which a search in logs or traces can begin with, "" for any other name.
// Case, "_", "-", "." and blanks in it do not count.
func refName(name string) string {
	var squashed [24]byte
	n := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' || c == '-' || c == '.' || c == ' ':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if n == len(squashed) {
			return ""
		}
		squashed[n] = c
		n++
	}
	switch string(squashed[:n]) {
	case "messageid", "msgid":
		return "message_id"
	case "traceid":
		return "trace_id"
	case "spanid":
		return "span_id"
	case "ddtraceid":
		return "dd.trace_id"
	case "ddspanid":
		return "dd.span_id"
	case "traceparent":
		return "traceparent"
	case "requestid":
		return "request_id"
	case "xrequestid":
		return "x-request-id"
	case "correlationid":
		return "correlation_id"
	case "xcorrelationid":
		return "x-correlation-id"
	case "transactionid":
		return "transaction_id"
	case "awsrequestid":
		return "aws_request_id"
	case "xamznrequestid":
		return "x-amzn-requestid"
	case "xamzntraceid":
		return "x-amzn-trace-id"
	}
	return ""
}

// readRefs collects such ids from fields of the body, then from tags, then from the text, where only a labelled form
// counts: message_id=…, "trace_id": "…", **Request ID:** …. An id that merely looks like one is never taken.
func (b *body) readRefs(tags []string, text string) []alert.Ref {
	var refs refs
	for _, l := range b.leaves {
		if name := refName(l.name); name != "" {
			refs.add(name, refValue(l.text))
		}
	}
	for _, t := range tags {
		key, v, _ := strings.Cut(t, ":")
		if name := refName(key); name != "" {
			refs.add(name, refValue(v))
		}
	}
	for {
		name, after, equals, ok := nextLabelled(text, labelledRef)
		if !ok {
			return refs
		}
		word, after := refWord(after)
		if equals || len(word) >= 4 { // not "trace id: 3 of them"
			refs.add(name, refValue(word))
		}
		text = after
	}
}

type refs []alert.Ref

// maxFound bounds the work for a text that is nothing but ids; far fewer are kept.
const maxFound = 10 * alert.MaxRefs

func (r *refs) add(name, value string) {
	if name == "" || value == "" || len(*r) == maxFound {
		return
	}
	for _, had := range *r {
		if had.Name == name && had.Value == value {
			return
		}
	}
	*r = append(*r, alert.Ref{Name: name, Value: value})
}

// refValue is the value if it can be an id: one word of the characters of ids, with a digit in it that is not zero,
// and no address.
func refValue(s string) string {
	s = strings.Trim(strings.TrimSpace(s), "<>")
	if !isID(s) || absent(s) || strings.Contains(s, "//") {
		return ""
	}
	for i := range len(s) {
		if !inRef(s[i]) {
			return ""
		}
	}
	return s
}

func inRef(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || strings.IndexByte("_.:/+=@-", c) >= 0
}

// labelledRef names the label that ends the given words, if it is one of ours: "dd.trace_id", "attributes.trace_id",
// "Trace ID".
func labelledRef(before, word string) string {
	if name := refName(word); name != "" {
		return name
	}
	if dot := strings.LastIndexByte(word, '.'); dot >= 0 {
		return refName(word[dot+1:])
	}
	if strings.EqualFold(word, "id") && strings.HasSuffix(before, " ") {
		before = strings.TrimSuffix(before, " ")
		return refName(before[wordStart(before):] + "id")
	}
	return ""
}

// refWord cuts the characters of an id from the beginning of s, without the punctuation that ends a sentence.
func refWord(s string) (word, after string) {
	end := 0
	for end < len(s) && inRef(s[end]) {
		end++
	}
	return strings.TrimRight(s[:end], "_.:/+=@-"), s[end:]
}

// nextLabelled finds the next "label: value" or "label=value" in a text, and returns what follows from the value on.
// labelled is asked for the name of each word that stands before a colon or an equals sign, and told what stands
// before the word. Markup and quotes around label and value do not count.
func nextLabelled(text string, labelled func(before, word string) string) (name, after string, equals, ok bool) {
	for at := 0; at < len(text); {
		i, size := indexSign(text[at:])
		if i < 0 {
			break
		}
		i += at
		at = i + size
		label := strings.TrimRight(text[max(0, i-maxLabel):i], "*_`\"' ")
		start := wordStart(label)
		if start == len(label) {
			continue
		}
		if name = labelled(label[:start], label[start:]); name == "" {
			continue
		}
		after = strings.TrimLeft(text[at:], "=>") // "==", "=>"
		equals = text[i] == '=' || strings.HasPrefix(text[i:], "＝")
		return name, strings.TrimLeft(after, "*_`\"'< "), equals, true
	}
	return "", "", false, false
}

// indexSign finds the next colon or equals sign, of ASCII or of Japanese width.
func indexSign(s string) (i, size int) {
	for i := range len(s) {
		switch s[i] {
		case ':', '=':
			return i, 1
		case 0xEF:
			if strings.HasPrefix(s[i:], "：") || strings.HasPrefix(s[i:], "＝") {
				return i, len("：")
			}
		}
	}
	return -1, 0
}

// wordStart is where the last word of s begins.
func wordStart(s string) int {
	start := len(s)
	for start > 0 && len(s)-start < 64 {
		c := s[start-1]
		if !isLetter(c) && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			break
		}
		start--
	}
	return start
}

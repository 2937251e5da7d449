package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
)

// upstreamKey is where newRoot leaves the sender's trace id for enter.
type upstreamKey struct{}

// withoutTrace takes the headers of a trace out of an HTTP event, and returns the id of that trace when it finds a
// usable one: up to 32 hexadecimal or 20 decimal digits.
//
// Only members of the event's own headers and multiValueHeaders are looked at, so events of SQS and EventBridge pass as
// they are, as does everything that is not a JSON object. What stays of an event stays byte for byte, apart from white
// space around the members of a changed object; an event without trace headers is returned itself.
func withoutTrace(event []byte) (clean []byte, upstream string) {
	if !json.Valid(event) {
		return event, ""
	}
	ids := traceIDs{}
	clean = editObject(event, func(name string, value []byte) ([]byte, bool) {
		if !strings.EqualFold(name, "headers") && !strings.EqualFold(name, "multiValueHeaders") {
			return value, true
		}
		return editObject(value, func(name string, value []byte) ([]byte, bool) {
			name = strings.ToLower(name)
			if !isTraceHeader(name) {
				return value, true
			}
			ids.note(name, value)
			return nil, false
		}), true
	})
	return clean, ids.best()
}

func isTraceHeader(name string) bool {
	switch name {
	case "traceparent", "tracestate", "baggage":
		return true
	}
	return strings.HasPrefix(name, "x-datadog-")
}

// editObject gives every member of a JSON object to edit, which returns its value, the same or another, or false to
// drop it. object must be valid JSON; anything but an object is returned as it is, as is an object that no edit changes.
func editObject(object []byte, edit func(name string, value []byte) ([]byte, bool)) []byte {
	i := skipSpace(object, 0)
	if i == len(object) || object[i] != '{' {
		return object
	}
	var out bytes.Buffer
	changed := false
	out.WriteByte('{')
	for i = skipSpace(object, i+1); object[i] != '}'; {
		nameEnd := skipValue(object, i)
		valueAt := skipSpace(object, skipSpace(object, nameEnd)+1) // after the colon
		valueEnd := skipValue(object, valueAt)

		var name string
		_ = json.Unmarshal(object[i:nameEnd], &name)
		value := object[valueAt:valueEnd]
		edited, keep := edit(name, value)
		changed = changed || !keep || !bytes.Equal(edited, value)
		if keep {
			if out.Len() > 1 {
				out.WriteByte(',')
			}
			out.Write(object[i:valueAt])
			out.Write(edited)
		}
		if i = skipSpace(object, valueEnd); object[i] == ',' {
			i = skipSpace(object, i+1)
		}
	}
	if !changed {
		return object
	}
	out.WriteByte('}')
	return out.Bytes()
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the end of the JSON value that begins at i. The text must be valid JSON.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // the end of what a number or literal stood in
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// traceIDs collects what the removed headers say about their trace.
type traceIDs struct{ w3c, datadog string }

// note reads a value of headers, a string, or of multiValueHeaders, a list of strings.
func (t *traceIDs) note(name string, value []byte) {
	var text string
	if list := []string(nil); json.Unmarshal(value, &list) == nil && len(list) > 0 {
		text = list[0]
	} else if json.Unmarshal(value, &text) != nil {
		return
	}
	switch name {
	case "traceparent": // 00-<32 hexadecimal digits>-<16>-<2>
		if parts := strings.Split(text, "-"); len(parts) == 4 && len(parts[1]) == 32 && only(parts[1], "0123456789abcdef") {
			t.w3c = parts[1]
		}
	case "x-datadog-trace-id":
		if len(text) > 0 && len(text) <= 20 && only(text, "0123456789") {
			t.datadog = text
		}
	}
}

func (t *traceIDs) best() string {
	if t.w3c != "" {
		return t.w3c
	}
	return t.datadog
}

func only(s, chars string) bool { return strings.Trim(s, chars) == "" }

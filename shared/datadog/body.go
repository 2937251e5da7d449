package datadog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth  = 32   // objects and lists inside each other
	maxLeaves = 2000 // values that are looked at, those nearest to the top first
)

// body is what a delivery says, flattened: its values with the names they stand under, those nearest to the top first
// and in the order of their names. Where an object has a name twice, the last one counts.
type body struct {
	leaves []leaf
	cut    bool // there were more than maxLeaves
}

// leaf is one value and the two last names on the way to it.
type leaf struct {
	parent, name string
	first        byte // of the name, as same sees it: most names differ there
	top          bool
	text         string   // a string, or a number as it is written
	list         []string // a list of such; text is empty then
}

// readBody reads JSON. Its errors are *DecodeError.
func readBody(raw []byte) (body, error) {
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	if len(raw) == 0 {
		return body{}, &DecodeError{EmptyBody, "The body is empty: paste alertbridge's payload template into the webhook in Datadog."}
	}
	if b, ok := readFlat(string(raw)); ok { // nearly every body
		return b, nil
	}
	return readAny(raw)
}

// readAny reads what is not empty, whatever form it has.
func readAny(raw []byte) (body, error) {
	if formEncoded(raw) {
		return body{}, &DecodeError{FormEncoded, `The body is a form, not JSON: clear "Encode as form" in the webhook in Datadog.`}
	}
	if tooDeep(raw) {
		return body{}, &DecodeError{TooDeep, fmt.Sprintf("The body has more than %d objects or lists inside each other: use alertbridge's payload template, which is flat.", maxDepth)}
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // an event id has 19 digits, more than a float can hold
	var value any
	if err := decoder.Decode(&value); err != nil {
		return body{}, notJSON(err, raw)
	}
	end := decoder.InputOffset()
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return body{}, &DecodeError{NotJSON, fmt.Sprintf("The body is not one JSON value, something follows after byte %d: correct the payload of the webhook in Datadog.", end)}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return body{}, &DecodeError{NotAnObject, "The body is JSON, but no object in braces: paste alertbridge's payload template into the webhook in Datadog."}
	}
	return flatten(object), nil
}

// formEncoded tells the bodies that Datadog sends with "Encode as form": names and percent-encoded values.
func formEncoded(raw []byte) bool {
	name, _, ok := bytes.Cut(raw, []byte("="))
	if bytes.HasPrefix(raw, []byte("%7B")) {
		return true
	}
	if !ok || len(name) == 0 || len(name) > 64 {
		return false
	}
	for _, c := range name {
		if c != '_' && c != '.' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// tooDeep counts brackets outside strings, so that a hostile body is refused before anything is built of it.
func tooDeep(raw []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}

func notJSON(err error, raw []byte) *DecodeError {
	if !beginsAsText(raw) { // no comma is missing there
		return &DecodeError{NotJSON, "The body is not JSON in UTF-8: send it in that encoding, uncompressed."}
	}
	where := fmt.Sprintf("it ends too early, after byte %d", len(raw))
	if bad := (*json.SyntaxError)(nil); errors.As(err, &bad) {
		where = fmt.Sprintf("%s at byte %d", bad, bad.Offset)
	}
	return &DecodeError{NotJSON, "The body is not JSON (" + where + "): in the payload of the webhook in Datadog, look for a missing or trailing comma, and for a variable without quotes."}
}

// beginsAsText tells text in UTF-8 from UTF-16, with or without its mark, and from what is compressed.
func beginsAsText(raw []byte) bool {
	first, size := utf8.DecodeRune(raw)
	return first >= ' ' && (first != utf8.RuneError || size > 1) && (len(raw) == 1 || raw[1] != 0)
}

func flatten(top map[string]any) body {
	room := len(top)
	for _, v := range top {
		if inner, ok := v.(map[string]any); ok {
			room += len(inner)
		}
	}
	b := body{leaves: make([]leaf, 0, min(room, maxLeaves))}
	type object struct {
		name   string
		values map[string]any
	}
	level := []object{{"", top}}
	for depth := 0; len(level) > 0; depth++ {
		var next []object
		for _, o := range level {
			names := slices.AppendSeq(make([]string, 0, len(o.values)), maps.Keys(o.values))
			slices.Sort(names)
			for _, name := range names {
				if inner, ok := o.values[name].(map[string]any); ok {
					next = append(next, object{name, inner})
					continue
				}
				l := leaf{parent: o.name, name: name, first: initial(name), top: depth == 0}
				if l.text, l.list = scalars(o.values[name]); l.text == "" && l.list == nil {
					continue
				}
				if len(b.leaves) == maxLeaves {
					b.cut = true
					return b
				}
				b.leaves = append(b.leaves, l)
			}
		}
		level = next
	}
	return b
}

// scalars returns what can be read as text: a string, a number, or the strings and numbers of a list.
func scalars(v any) (text string, list []string) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return number(v), nil
	case []any:
		for _, e := range v {
			if text, _ := scalars(e); text != "" {
				list = append(list, text)
			}
		}
	}
	return "", list
}

// number writes an integer that came as 1.6e+08 or 160076582.0 as the id it is; anything else stays as it came.
func number(n json.Number) string {
	s := n.String()
	if !strings.ContainsAny(s, ".eE") {
		return s
	}
	if f, err := n.Float64(); err == nil && f == float64(int64(f)) && f > -1<<53 && f < 1<<53 {
		return strconv.FormatInt(int64(f), 10)
	}
	return s
}

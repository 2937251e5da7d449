package answertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// rule says what is wrong with a value at a place, nothing for a good one.
type rule func(at string, v any) []string

func wrong(at, format string, args ...any) []string {
	return []string{"'" + at + "' " + fmt.Sprintf(format, args...)}
}

// text wants between least and most characters.
func text(least, most int) rule {
	return func(at string, v any) []string {
		s, ok := v.(string)
		switch n := utf8.RuneCountInString(s); {
		case !ok:
			return wrong(at, "is not a string")
		case n < least:
			return wrong(at, "is missing or blank")
		case n > most:
			return wrong(at, "is too long (should be at most %d characters)", most)
		}
		return nil
	}
}

func oneOf(list ...string) rule {
	return func(at string, v any) []string {
		if s, ok := v.(string); !ok || !slices.Contains(list, s) {
			return wrong(at, "is invalid (should be one of %s)", strings.Join(list, ", "))
		}
		return nil
	}
}

// integer wants a number written without quotes, point or exponent, that a further rule may judge.
func integer(further func(int64) string) rule {
	return func(at string, v any) []string {
		n, ok := v.(json.Number)
		i, err := n.Int64()
		if !ok || err != nil {
			return wrong(at, "is not an integer")
		}
		if fault := further(i); fault != "" {
			return wrong(at, "%s", fault)
		}
		return nil
	}
}

func timestamp(at string, v any) []string {
	s, _ := v.(string)
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.000-0700"} {
		if _, err := time.Parse(form, s); err == nil {
			return nil
		}
	}
	return wrong(at, "is not a timestamp of ISO 8601")
}

func webAddress(at string, v any) []string {
	s, _ := v.(string)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return wrong(at, "is not a URL")
	}
	return nil
}

func anyObject(at string, v any) []string {
	if _, ok := v.(map[string]any); !ok {
		return wrong(at, "is not an object")
	}
	return nil
}

func listOf(each rule) rule {
	return func(at string, v any) []string {
		list, ok := v.([]any)
		if !ok {
			return wrong(at, "is not an array")
		}
		var errs []string
		for i, e := range list {
			errs = append(errs, each(fmt.Sprintf("%s[%d]", at, i), e)...)
		}
		return errs
	}
}

// shape is an object's members.
type shape struct {
	members map[string]rule
	needs   []string
	open    bool // members that are not listed are left alone
}

func (sh shape) check(at string, v any) []string {
	object, ok := v.(map[string]any)
	if !ok {
		return wrong(at, "is not an object")
	}
	var errs []string
	for _, name := range sh.needs {
		if _, has := object[name]; !has {
			errs = append(errs, wrong(name, "is missing or blank")...)
		}
	}
	for name, v := range object {
		each, known := sh.members[name]
		switch {
		case known:
			errs = append(errs, each(name, v)...)
		case !sh.open:
			errs = append(errs, wrong(name, "is not a known member")...)
		}
	}
	slices.Sort(errs)
	return errs
}

// decode reads one JSON text and nothing else.
func decode(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the value")
	}
	return v, nil
}

func list(errs []string) string {
	out, err := json.Marshal(errs)
	if err != nil {
		panic("answertest: texts cannot fail to encode: " + err.Error())
	}
	return string(out)
}

// wellFormed tells a key of 32 letters and digits.
func wellFormed(key string) bool {
	return len(key) == 32 && strings.Trim(key, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

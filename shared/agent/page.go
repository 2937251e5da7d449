package agent

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// page is a text of lines that never grows beyond its room, in characters and in bytes of JSON. What found no place is
// told at its end.
type page struct {
	lines        []string
	chars, bytes int // room left
	share        int // how many times its room each part may take
	cut          []string
}

// lineEnd is what a line break takes of the room: one character, written as \n.
const (
	lineEndChars = 1
	lineEndBytes = 2
)

// add writes a line and reports whether there was room for it.
func (p *page) add(line string) bool {
	chars, bytes := utf8.RuneCountInString(line)+lineEndChars, alert.EncodedLen(line)+lineEndBytes
	if chars > p.chars || bytes > p.bytes {
		return false
	}
	p.chars, p.bytes = p.chars-chars, p.bytes-bytes
	p.lines = append(p.lines, line)
	return true
}

// some writes of the lines as many as fit into a part of the room, each whole or not at all, and tells how many did
// not.
func (p *page) some(what string, room int, lines []string) {
	room *= p.share
	left := 0
	for _, line := range lines {
		size := alert.EncodedLen(line) + lineEndBytes
		if size > room || !p.add(line) {
			left++
			continue
		}
		room -= size
	}
	p.leftOut(what, left, len(lines))
}

// field writes "name: value" in one line of at most room bytes; no value, no line.
func (p *page) field(name, value string, room int) {
	if value == "" {
		return
	}
	line := name + ": " + value
	short := fit(line, room*p.share, room*p.share)
	if !p.add(short) {
		p.cut = append(p.cut, name+" left out")
	} else if short != line {
		p.cut = append(p.cut, name+" cut")
	}
}

// list writes "name: a, b, c" in one line of at most room bytes, each value whole or not at all. A first value that is
// too long for it is cut.
func (p *page) list(name string, values []string, room int) {
	room *= p.share
	values = slices.Clone(values)
	for i, v := range values {
		values[i] = delimited(v, ",")
	}
	if len(values) > 0 && alert.EncodedLen(name+": "+values[0]+",") > room {
		p.field(name, values[0], room/p.share)
		p.leftOut(name, len(values)-1, len(values))
		return
	}
	var line strings.Builder
	line.WriteString(name + ":")
	room -= alert.EncodedLen(line.String())
	left := 0
	for _, v := range values {
		more := " " + v + ","
		size := alert.EncodedLen(more) // added up: to measure the whole line for each value takes far longer
		if size > room {
			left++
			continue
		}
		room -= size
		line.WriteString(more)
	}
	if len(values) > 0 && !p.add(strings.TrimSuffix(line.String(), ",")) {
		left = len(values)
	}
	p.leftOut(name, left, len(values))
}

// delimited is a value as it stands, or as a JSON string where it holds a mark that would end it or begins as such a
// string does, so that no value can be taken for two.
func delimited(s, marks string) string {
	if strings.HasPrefix(s, `"`) || strings.ContainsAny(s, marks) {
		return string(encode(s))
	}
	return s
}

// keep takes the room of a line that will be added later; give gives it back.
func (p *page) keep(line string) {
	p.chars -= utf8.RuneCountInString(line) + lineEndChars
	p.bytes -= alert.EncodedLen(line) + lineEndBytes
}

func (p *page) give(line string) {
	p.chars += utf8.RuneCountInString(line) + lineEndChars
	p.bytes += alert.EncodedLen(line) + lineEndBytes
}

// beginning writes as much of a line as there is room for, if that is worth it.
func (p *page) beginning(line string) (written string) {
	const worth = 20
	if short := fit(line, p.chars-lineEndChars, p.bytes-lineEndBytes); len(short) > worth && p.add(short) {
		return short
	}
	return ""
}

func (p *page) leftOut(what string, left, all int) {
	if left > 0 {
		p.cut = append(p.cut, fmt.Sprintf("%s: %d of %d left out", what, left, all))
	}
}

// end ends the page with what was cut, within room bytes that were kept free for it.
func (p *page) end(cut []string, room int) string {
	p.chars, p.bytes = p.chars+room, p.bytes+room
	all := slices.Concat(p.cut, cut)
	if len(all) > 0 {
		p.add("cut: " + fit(strings.Join(all, "; "), room-10, room-10))
	}
	return strings.Join(p.lines, "\n")
}

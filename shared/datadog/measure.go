package datadog

import (
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// readMeasure is the value that was measured and the threshold that it crossed: the fields, else what the text says of
// them in so many words, provided that it says one thing only.
//
// The value is in no variable; an author can write it ("Value: {{value}}"). The threshold also stands in Datadog's
// sentence on the evaluation. A recovery's sentence says the contrary, so that is not taken.
func (b *body) readMeasure(text, status string, t alert.Transition) (measured, limit string) {
	measured = first(alert.Value(b.getIf(value, filled)), labelledNumber(text, "value"))
	limit = first(alert.Value(b.getIf(threshold, filled)), labelledNumber(text, "threshold"))
	if limit == "" && t != alert.Recovered {
		limit = first(evaluated(status), evaluated(text))
	}
	return measured, limit
}

// filled refuses a monitor's variable that stayed as it was written.
func filled(s string) bool { return !strings.Contains(s, "{{") }

// labelledNumber finds "Value: 97.3 %" at the beginning of a line or behind a comma or semicolon.
func labelledNumber(text, label string) string {
	var only once
	for {
		_, after, _, ok := nextLabelled(text, func(before, word string) string {
			before = strings.TrimRight(before, "*_`\"'-#> ")
			if !strings.EqualFold(word, label) || before != "" && strings.IndexByte("\n,;|(", before[len(before)-1]) < 0 {
				return ""
			}
			return label
		})
		if !ok {
			return only.value
		}
		sign, rest := comparator(after)
		if n := leadingNumber(rest); n != "" {
			only.add(strings.TrimSpace(sign + " " + n))
		}
		text = after
	}
}

// evaluated finds what Datadog says of the evaluation: "**metric** over **host:a** was **> 60.0** on average during
// the **last 5m**", and "More than **0** log events matched in the last **5m** …".
func evaluated(text string) string {
	var only once
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, " was ")
		if !ok {
			break
		}
		rest = after
		sign, number := comparator(strings.TrimLeft(after, "*"))
		if n := leadingNumber(number); sign != "" && n != "" {
			only.add(sign + " " + n)
		}
	}
	const matched = " matched in the last "
	if !strings.Contains(text, matched) { // most have no such line
		return only.value
	}
	for line := range strings.SplitSeq(text, "\n") {
		for _, count := range []struct{ words, sign string }{{"More than **", "> "}, {"Less than **", "< "}} {
			_, after, ok := strings.Cut(line, count.words)
			if n := leadingNumber(after); ok && n != "" && strings.Contains(after, matched) {
				only.add(count.sign + n)
			}
		}
	}
	return only.value
}

// once holds a value as long as no other one is added.
type once struct {
	value string
	many  bool
}

func (o *once) add(v string) {
	if o.many = o.many || o.value != "" && o.value != v; o.many {
		o.value = ""
		return
	}
	o.value = v
}

func comparator(s string) (sign, after string) {
	for _, sign := range []string{">=", "<=", "==", "!=", ">", "<", "="} {
		if after, ok := strings.CutPrefix(s, sign); ok {
			return sign, strings.TrimLeft(after, " ")
		}
	}
	return "", s
}

// leadingNumber is the number with which s begins and the unit that is joined to it: "97.3", "-2", "1,200", "12ms",
// "85%". It is empty for what only begins like one, such as a date or an address.
func leadingNumber(s string) string {
	end := 0
	if end < len(s) && (s[end] == '-' || s[end] == '+') {
		end++
	}
	digits := 0
	for ; end < len(s) && (isDigits(s[end:end+1]) || digits > 0 && (s[end] == '.' || s[end] == ',')); end++ {
		digits++
	}
	end = len(strings.TrimRight(s[:end], ".,"))
	unit := end
	for unit < len(s) && unit-end < 8 && (isLetter(s[unit]) || s[unit] == '%' || s[unit] == '/') {
		unit++
	}
	if digits == 0 || digits > 24 || strings.Count(s[:end], ".") > 1 || unit < len(s) && strings.IndexByte(" \n\t*`\"',;.|)", s[unit]) < 0 {
		return ""
	}
	return s[:unit]
}

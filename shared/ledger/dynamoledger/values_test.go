package dynamoledger

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Values of closed lists that another build may have longer. Those that decide nothing are shown as they are; with a
// state or an end that the gate does not know it would start a case that was started.
func TestValuesThatAreNew(t *testing.T) {
	for _, row := range []struct {
		kind, name, value string
		unreadable        bool
	}{
		{"delivery", "verdict", "snooze", false},
		{"delivery", "reason", "digest", false},
		{"delivery", "transition", "Paused", false},
		{"case", "why", "night", false},
		{"case", "how", "resolved", false}, // it waits, so nobody asks
		{"by hand", "mode", "quiet", true}, // what it would leave alone nobody knows
		{"by hand", "mode", "", false},
		{"case", "state", "paused", true},
		{"case", "state", "Started", true},
		{"case", "state", "", true},
	} {
		v, err := lookWith(t, func(kind string, it item) {
			if kind == row.kind {
				it[row.name] = text(row.value)
			}
		})
		if !row.unreadable {
			if err != nil || v.Delivery == nil || len(v.Cases) != 1 {
				t.Errorf("a %s with %s %q: %+v, %v", row.kind, row.name, row.value, v, err)
			}
			continue
		}
		list, _ := records(t)
		i := slices.IndexFunc(list, func(r record) bool { return r.kind == row.kind })
		wantUnreadable(t, v, err, keyOf(list[i].item), row.name)
	}
	for how, unreadable := range map[string]bool{"assumed": false, "recovered": false, "resolved": true, "": true} {
		v, err := lookWith(t, func(kind string, it item) {
			if kind == "case" {
				it["state"], it["how"] = text("ended"), text(how)
			}
		})
		if (err != nil) != unreadable || unreadable && !errors.Is(err, ledger.ErrUnreadable) {
			t.Errorf("a case that ended %q: %+v, %v", how, v, err)
		}
	}
}

// A format that this build does not know, on each kind of item: older, newer, and none at all.
func TestItemsOfAnotherFormat(t *testing.T) {
	list, _ := records(t)
	for _, r := range list {
		for _, f := range []int64{-1, 0, 2, 99} {
			v, err := lookWith(t, func(kind string, it item) {
				if kind == r.kind {
					it[attrFormat] = number(f)
					it[attrExpires] = number(1) // also of what has expired nobody can say what it means
				}
			})
			wantUnreadable(t, v, err, keyOf(r.item), "")
			var format *FormatError
			if !errors.As(err, &format) || format.Format != f {
				t.Errorf("a %s of format %d: %v", r.kind, f, err)
			}
		}
	}
}

// Values that are of the right type and say nothing, and what stands inside of an attribute: members, reservations, and
// the alert that opened a case.
func TestValuesThatCannotBeRead(t *testing.T) {
	group := func(name string, v types.AttributeValue) types.AttributeValue {
		return &types.AttributeValueMemberM{Value: item{name: v}}
	}
	list1 := func(v types.AttributeValue) types.AttributeValue {
		return &types.AttributeValueMemberL{Value: []types.AttributeValue{v}}
	}
	list, _ := records(t)
	run := reservationMark + "ab-0000000000000000"
	for name, row := range map[string]struct {
		kind, attribute string
		value           types.AttributeValue
		says            string
	}{
		"a delivery without a verdict":        {"delivery", "verdict", text(""), `attribute "verdict" is not there`},
		"a grouping key that names no case":   {"grouping key", attrCase, text(""), `attribute "case" is not there`},
		"an incident that is not there":       {"incident", attrVersion, number(0), `attribute "version" is not a version`},
		"a case before its first version":     {"case", attrVersion, number(-1), `attribute "version" is not a version`},
		"a member that is a text":             {"case", attrMembers, group("x", text("x")), `attribute "members" is not a map of maps`},
		"a member with a wrong age":           {"case", attrMembers, group("x", group("since", text("x"))), `attribute "since" is not a number`},
		"a member with a number for a title":  {"case", attrMembers, group("x", group("title", number(1))), `attribute "title" is not a text`},
		"a reservation with a wrong end":      {"account", run, group("until", text("x")), `attribute "until" is not a number`},
		"a reservation with a wrong attempt":  {"account", run, group("attempt", text("x")), `attribute "attempt" is not a number`},
		"a monitor group that is not there":   {"monitor group", attrVersion, number(0), `attribute "version" is not a version`},
		"an environment that is not there":    {"environment", attrVersion, number(0), `attribute "version" is not a version`},
		"a cycle that is a text":              {"monitor group", "cycles", list1(text("x")), `attribute "cycles" is not a number`},
		"an opening that is a text":           {"environment", "openings", list1(text("x")), `attribute "openings" is not a number`},
		"a step that is a text":               {"case", "steps", list1(text("x")), `attribute "steps" is not a list of maps`},
		"a step with a wrong time":            {"case", "steps", list1(group("at", text("x"))), `attribute "at" is not a number`},
		"a gap that no length of time holds":  {"case", attrGap, number(math.MaxInt64), `attribute "gap" is not a length of time`},
		"a notification with a wrong time":    {"incident", "recent", list1(group("time", text("x"))), `attribute "time" is not a number`},
		"a reservation with a text for money": {"account", run, group("money", text("x")), `attribute "money" is not a number`},
		"a reservation with a number as day":  {"account", run, group("day", number(1)), `attribute "day" is not a text`},
		"a month that cost a text":            {"account", spentMark + "2026-03", text("x"), `attribute "spent#2026-03" is not a number`},
		"a day that counted a text":           {"account", criticalMark + "2026-03-01", text("x"), `attribute "critical#2026-03-01" is not a number`},
		"a silence that is a text":            {"by hand", "silences", list1(text("x")), `attribute "silences" is not a list of maps`},
		"a silence of everything":             {"by hand", "silences", list1(group("id", text("x"))), `attribute "matchers" is not a list of matchers`},
		"a matcher that is none":              {"by hand", "silences", list1(group("matchers", list1(text("service")))), `attribute "matchers" is not a list of matchers`},
		"a matcher that is a number":          {"by hand", "silences", list1(group("matchers", list1(number(1)))), `attribute "matchers" is not a text`},
		"a post that is not there":            {"post", attrVersion, number(0), `attribute "version" is not a version`},
		"a post of no case":                   {"post", "id", text(""), `attribute "id" is not there`},
		"a post of no Agent":                  {"post", "agent", text(""), `attribute "agent" is not there`},
		"a moment that is a text":             {"post", momentMark + "started", text("x"), `attribute "m#started" is not a number`},
		"a telling that is a text":            {"post", attrTold, list1(text("x")), `attribute "told" is not a list of maps`},
		"a telling with a wrong time":         {"post", attrTold, list1(group("at", text("x"))), `attribute "at" is not a number`},
		"a telling with a number as words":    {"post", attrTold, list1(group("words", number(1))), `attribute "words" is not a text`},
		"a lead that is no JSON":              {"lead", attrAlert, text("{"), "the alert that opened it cannot be read back: unexpected end of JSON input"},
		"a lead that is empty":                {"lead", attrAlert, text(""), `attribute "alert" is not there`},
		"a lead that is a list":               {"lead", attrAlert, text("[]"), "the alert that opened it cannot be read back: json: cannot unmarshal array"},
		"a lead with a text for its severity": {"lead", attrAlert, text(`{"severity":"HIGH"}`), "the alert that opened it cannot be read back: json: cannot unmarshal string"},
		"a lead with no moment for its time":  {"lead", attrAlert, text(`{"time":"yesterday"}`), "the alert that opened it cannot be read back: parsing time"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := lookWith(t, func(kind string, it item) {
				if row.kind == kind {
					it[row.attribute] = row.value
				}
			})
			i := slices.IndexFunc(list, func(r record) bool { return r.kind == row.kind })
			want := "item " + keyOf(list[i].item).String() + " of the table: " + row.says
			if !errors.Is(err, ledger.ErrUnreadable) || !strings.Contains(err.Error(), want) {
				t.Errorf("read as %+v, %v; want %s", v, err, want)
			}
		})
	}
}

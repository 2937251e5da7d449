package dynamoledger

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// values are one of each type that an attribute can have.
func values() []types.AttributeValue {
	return []types.AttributeValue{
		text("x"), number(-1), &types.AttributeValueMemberN{Value: "1.5"}, &types.AttributeValueMemberN{Value: "99999999999999999999"},
		&types.AttributeValueMemberBOOL{Value: true}, &types.AttributeValueMemberM{Value: item{"x": number(1)}}, &types.AttributeValueMemberNULL{Value: true},
		&types.AttributeValueMemberB{Value: []byte("1")}, &types.AttributeValueMemberSS{Value: []string{"x"}}, &types.AttributeValueMemberL{},
	}
}

// Each attribute of each kind of item, there as another type than this build writes, or as a number that is no whole one:
// the record is unreadable, and with it the answer.
func TestAttributesOfAnotherType(t *testing.T) {
	list, _ := records(t)
	seen := 0
	for _, r := range list {
		for name, own := range r.item {
			switch {
			case name == attrPK, name == attrSK, name == attrBucket, name == attrOrder: // the table holds these to their type
				continue
			case r.kind == "lead" && name == attrExpires: // a lead is there as long as its case
				continue
			case name == attrSaw: // what cannot be read is left out: TestSawThatCannotBeRead
				continue
			}
			for _, v := range values() {
				if readable(own, v) {
					continue
				}
				seen++
				got, err := lookWith(t, func(kind string, it item) {
					if kind == r.kind {
						it[name] = v
					}
				})
				t.Run(fmt.Sprintf("%s %s as %s", r.kind, name, wire(v)), func(t *testing.T) {
					wantUnreadable(t, got, err, keyOf(r.item), name)
				})
			}
		}
	}
	if seen < 400 {
		t.Errorf("only %d values tried", seen)
	}
}

// readable tells whether a value is of the type that this build writes.
func readable(own, v types.AttributeValue) bool {
	if n, isNumber := v.(*types.AttributeValueMemberN); isNumber && n.Value != "-1" {
		return false
	}
	return reflect.TypeOf(v) == reflect.TypeOf(own)
}

// Each attribute left out. What every record of its kind has is missed; anything else counts as not set, and the record
// is otherwise the same.
func TestAttributesThatAreMissing(t *testing.T) {
	list, _ := records(t)
	for _, r := range list {
		for name := range r.item {
			if name == attrPK || name == attrSK {
				continue
			}
			t.Run(r.kind+" without "+name, func(t *testing.T) {
				v, err := lookWith(t, func(kind string, it item) {
					if kind == r.kind {
						delete(it, name)
					}
				})
				want := maps.Clone(r.item)
				delete(want, name)
				switch {
				case r.kind == "lead" && name == attrFormat: // what a refresh leaves of an alert that somebody removed
					if err != nil || len(v.Leads) != 0 || len(v.Cases) != 1 {
						t.Errorf("%d leads, %d cases, %v", len(v.Leads), len(v.Cases), err)
					}
				case slices.Contains(r.must, name), name == attrFormat:
					wantUnreadable(t, v, err, keyOf(r.item), name)
				case err != nil:
					t.Error(err)
				default:
					again, err := r.again(want)
					if err != nil {
						t.Fatal(err)
					}
					for _, derived := range []string{attrPK, attrSK, attrExpires, attrBucket, attrOrder} {
						delete(want, derived)
						delete(again, derived)
					}
					if !reflect.DeepEqual(again, want) {
						t.Errorf("it is read as %s\nwant %s", wire(&types.AttributeValueMemberM{Value: again}), wire(&types.AttributeValueMemberM{Value: want}))
					}
				}
			})
		}
	}
}

// What a newer build adds without a new format is overlooked, whatever its type, also in members, reservations, steps,
// notifications, silences and what was told.
func TestAttributesThatAreNew(t *testing.T) {
	plain, err := lookWith(t, func(string, item) {})
	if err != nil {
		t.Fatal(err)
	}
	list, _ := records(t)
	for _, r := range list {
		for _, value := range values() {
			v, err := lookWith(t, func(kind string, it item) {
				if kind != r.kind {
					return
				}
				if members, there := it[attrMembers].(*types.AttributeValueMemberM); there {
					for _, m := range members.Value {
						m.(*types.AttributeValueMemberM).Value["new"] = value
					}
				}
				for name, run := range it {
					if strings.HasPrefix(name, reservationMark) {
						run.(*types.AttributeValueMemberM).Value["new"] = value
					}
				}
				for _, list := range []string{"steps", "recent", "silences", attrTold} {
					if l, there := it[list].(*types.AttributeValueMemberL); there {
						for _, e := range l.Value {
							e.(*types.AttributeValueMemberM).Value["new"] = value
						}
					}
				}
				it["new"] = value
			})
			if err != nil || !reflect.DeepEqual(v, plain) {
				t.Errorf("a %s with %s is read as %+v, %v", r.kind, wire(value), v, err)
			}
		}
	}
}

// What a decision rested on decides nothing any more. Whatever stands there, the delivery is read, without it.
func TestSawThatCannotBeRead(t *testing.T) {
	read := func(change func(it item)) (*gate.Delivery, error) {
		list, q := records(t)
		change(list[0].item)
		text := strings.TrimSuffix(strings.TrimPrefix(wire(&types.AttributeValueMemberM{Value: list[0].item}), `{"M":`), "}")
		_, l := newStub(t, got([]string{text}))
		return l.Verdict(t.Context(), q.Delivery, noon)
	}
	for _, value := range append(values(), text(""), text("{"), text("[]"), text("null"), text("{}"), text(`{"format":2}`),
		text(`{"format":1,"now":"yesterday"}`), text(`{"format":1,"view":{"hand":{"silences":[{"matchers":["service"]}]}}}`)) {
		d, err := read(func(it item) { it[attrSaw] = value })
		if err != nil || d == nil || d.Saw != nil || d.Verdict != gate.Start {
			t.Errorf("with %s it is read as %+v, %v", wire(value), d, err)
		}
	}
	d, err := read(func(item) {})
	if err != nil || d.Saw == nil || d.Saw.Alert.Title != "CPU is high" {
		t.Errorf("untouched it is read as %+v, %v", d, err)
	}
}

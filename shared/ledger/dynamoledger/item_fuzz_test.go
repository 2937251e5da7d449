package dynamoledger

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/ledger"
)

// FuzzItem: whatever stands in one attribute of an item, the item is read, and then says the same when it is written and
// read again, or it is unreadable and the error names it.
func FuzzItem(f *testing.F) {
	f.Add(0, "verdict", 0, "drop")
	f.Add(0, "time", 1, "-62135596800001")
	f.Add(1, "version", 1, "9223372036854775808") // one more than a number of ours can hold
	f.Add(1, "rec", 1, "1e3")
	f.Add(2, "case", 2, "")
	f.Add(3, "expires", 0, "an end that cannot be read, which once counted as long ago")
	f.Add(3, "state", 0, "paused")
	f.Add(3, "members", 3, "title")
	f.Add(4, "alert", 0, `{"title":"A","time":"2026-03-01T12:00:00Z","severity":5}`)
	f.Add(4, "format", 1, "2")
	f.Add(5, "run#", 3, "until")
	f.Add(0, "saw", 0, `{"format":1,"now":"2026-03-01T12:00:00+09:00"}`)
	f.Add(3, "services", 6, "checkout")
	f.Add(3, "gap", 1, "9223372036854775807")
	f.Add(5, "spent#2026-03", 1, "-1")
	f.Add(6, "cycles", 5, "1")
	f.Add(7, "openings", 5, "1")
	f.Add(8, "silences", 5, "service = checkout")
	f.Add(9, "m#solved", 1, "1772366400000") // a moment that only another build knows
	f.Add(9, "m#", 1, "-62135596800000")
	f.Add(9, "told", 5, "started")
	f.Add(9, "over", 2, "x")
	f.Fuzz(func(t *testing.T, kind int, name string, typ int, value string) {
		list, _ := records(t)
		r := list[uint(kind)%uint(len(list))]
		k := keyOf(r.item)
		if name == attrPK || name == attrSK {
			return
		}
		r.item[name] = [...]types.AttributeValue{
			text(value), &types.AttributeValueMemberN{Value: value}, &types.AttributeValueMemberBOOL{Value: value == "x"},
			&types.AttributeValueMemberM{Value: item{value: text(name), "until": number(1)}}, &types.AttributeValueMemberNULL{},
			&types.AttributeValueMemberL{Value: []types.AttributeValue{
				&types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberM{Value: item{
					"matchers": &types.AttributeValueMemberL{Value: []types.AttributeValue{text(value)}},
				}},
			}},
			&types.AttributeValueMemberSS{Value: []string{value}},
		}[uint(typ)%7]
		got, err := r.again(r.item)
		if err != nil {
			if !errors.Is(err, ledger.ErrUnreadable) || !strings.Contains(err.Error(), "item "+k.String()+" of") {
				t.Fatalf("an error that does not name the item: %v", err)
			}
			return
		}
		if got == nil {
			return // it has expired, or its lead is gone
		}
		if back, err := r.again(got); err != nil || !reflect.DeepEqual(back, got) {
			t.Fatalf("read once more it is %+v, %v\nwant %+v", back, err, got)
		}
	})
}

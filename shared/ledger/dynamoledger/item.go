package dynamoledger

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// format is the number of the items' format that this build writes and reads.
const format = 1

const attrFormat = "format"

// FormatError says that an item was written by a build that this one does not understand.
type FormatError struct {
	Item   string // pk/sk
	Format int64  // 0: the item has none
}

// Unwrap makes it a ledger.ErrUnreadable.
func (e *FormatError) Unwrap() error { return ledger.ErrUnreadable }

// Error says what the operator can do.
func (e *FormatError) Error() string {
	if e.Format == 0 {
		return fmt.Sprintf("item %s of the ledger's table carries no format number: it was not written by alertbridge; "+
			"remove it, or restore it from a backup", e.Item)
	}
	return fmt.Sprintf("item %s of the ledger's table has format %d and this build reads only format %d: a newer build has "+
		"written it; deploy that build again", e.Item, e.Format, format)
}

// item is what DynamoDB stores under one key. An attribute with a zero value is left out.
type item map[string]types.AttributeValue

// newItem begins an item that expires a time of life after it is written; at zero, one that never does.
func newItem(k key, at time.Time) item {
	it := k.attributes()
	it[attrFormat] = number(format)
	if !at.IsZero() {
		it[attrExpires] = number(ledger.Expires(at))
	}
	return it
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// moment is a time in milliseconds since 1970.
func moment(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

func (it item) text(name, s string) {
	if s != "" {
		it[name] = text(s)
	}
}

func (it item) number(name string, n int) {
	if n != 0 {
		it[name] = number(int64(n))
	}
}

func (it item) moment(name string, t time.Time) {
	if !t.IsZero() {
		it[name] = moment(t)
	}
}

// span is a length of time in milliseconds.
func (it item) span(name string, d time.Duration) {
	if ms := d.Milliseconds(); ms != 0 {
		it[name] = number(ms)
	}
}

// list holds what is not empty.
func (it item) list(name string, values []types.AttributeValue) {
	if len(values) > 0 {
		it[name] = &types.AttributeValueMemberL{Value: values}
	}
}

func (it item) moments(name string, list []time.Time) {
	var values []types.AttributeValue
	for _, t := range list {
		values = append(values, moment(t))
	}
	it.list(name, values)
}

func (it item) flag(name string, b bool) {
	if b {
		it[name] = &types.AttributeValueMemberBOOL{Value: true}
	}
}

// work is what the Agent has said of a case. What JSON has no words for, such as a year beyond 9999, is left out: the
// API can be asked again.
func (it item) work(name string, w gate.Work) {
	if text, err := ledger.EncodeWork(w); err == nil {
		it.text(name, text)
	}
}

// reader takes attributes out of an item. What is absent is a zero value, and what nobody asks for is overlooked; the
// first attribute of another type than expected is its error.
type reader struct {
	attrs map[string]types.AttributeValue
	err   error
}

func (r *reader) text(name string) string {
	switch v := r.attrs[name].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.fail(name, "a text")
	}
	return ""
}

func (r *reader) work(name string) gate.Work {
	w, err := ledger.DecodeWork(r.text(name))
	if err != nil {
		r.fail(name, "what the Agent has said of the case, as JSON")
	}
	return w
}

func (r *reader) number(name string) int64 {
	switch v := r.attrs[name].(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			r.fail(name, "a whole number")
		}
		return n
	default:
		r.fail(name, "a number")
	}
	return 0
}

func (r *reader) moment(name string) time.Time {
	if _, there := r.attrs[name]; !there {
		return time.Time{}
	}
	return ledger.Moment(time.UnixMilli(r.number(name)))
}

func (r *reader) span(name string) time.Duration {
	const most = int64(math.MaxInt64 / time.Millisecond)
	ms := r.number(name)
	if ms > most || ms < -most {
		r.fail(name, "a length of time")
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

func (r *reader) moments(name string) []time.Time {
	var list []time.Time
	for _, v := range r.list(name) {
		in := reader{attrs: item{name: v}}
		list = append(list, in.moment(name))
		r.take(in)
	}
	return list
}

func (r *reader) list(name string) []types.AttributeValue {
	switch v := r.attrs[name].(type) {
	case nil:
	case *types.AttributeValueMemberL:
		return v.Value
	default:
		r.fail(name, "a list")
	}
	return nil
}

// groups gives a list of maps, a reader for each.
func (r *reader) groups(name string) []*reader {
	var list []*reader
	for _, v := range r.list(name) {
		m, ok := v.(*types.AttributeValueMemberM)
		if !ok {
			r.fail(name, "a list of maps")
			continue
		}
		list = append(list, &reader{attrs: m.Value})
	}
	return list
}

// set gives a set of texts, sorted.
func (r *reader) set(name string) []string {
	switch v := r.attrs[name].(type) {
	case nil:
	case *types.AttributeValueMemberSS:
		return slices.Sorted(slices.Values(v.Value))
	default:
		r.fail(name, "a set of texts")
	}
	return nil
}

// take makes the error of what stands inside an attribute the item's own.
func (r *reader) take(in reader) {
	if in.err != nil && r.err == nil {
		r.err = in.err
	}
}

func (r *reader) flag(name string) bool {
	switch v := r.attrs[name].(type) {
	case nil:
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.fail(name, "true or false")
	}
	return false
}

func (r *reader) group(name string) map[string]types.AttributeValue {
	switch v := r.attrs[name].(type) {
	case nil:
	case *types.AttributeValueMemberM:
		return v.Value
	default:
		r.fail(name, "a map")
	}
	return nil
}

// must is for attributes that every item of a kind has: without them it would be taken for another one, or for none.
func (r *reader) must(names ...string) {
	for _, name := range names {
		v, there := r.attrs[name]
		if s, isText := v.(*types.AttributeValueMemberS); !there || isText && s.Value == "" {
			r.fail(name, "there")
		}
	}
}

// version is that of an item which is there, for 0 means that none is.
func (r *reader) version() int {
	n := r.number(attrVersion)
	if n < 1 {
		r.fail(attrVersion, "a version")
	}
	return int(n)
}

func (r *reader) fail(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %q is not %s", name, want)
	}
}

// open begins the reading of an item, and refuses one of a format that this build does not know.
func open(it item) (*reader, error) {
	r := &reader{attrs: it}
	if f := r.number(attrFormat); f != format || r.err != nil {
		return nil, &FormatError{Item: keyOf(it).String(), Format: f}
	}
	return r, nil
}

// done ends the reading of an item.
func (r *reader) done() error {
	if r.err == nil {
		return nil
	}
	return fmt.Errorf("%w: item %s of the table: %w; it was changed by hand, or by a build that this one does not understand: "+
		"mend it, restore it from a backup, or deploy that build", ledger.ErrUnreadable, keyOf(r.attrs), r.err)
}

// gone tells whether the item counts as absent. One whose end cannot be read is there, and is an error.
func (r *reader) gone(now time.Time) bool {
	_, expires := r.attrs[attrExpires]
	at := r.number(attrExpires)
	return expires && r.err == nil && ledger.Gone(at, now)
}

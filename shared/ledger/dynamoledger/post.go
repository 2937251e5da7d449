package dynamoledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

const (
	attrTold   = "told"
	attrOver   = "over"
	momentMark = "m#" // the prefix of what happened: one attribute for each moment

	// posts is where the index shows the posts that the tick should look at. No case is ever in it.
	posts gate.Bucket = "posts"
)

func postKey(id string) key { return key{"C#" + part(id), "P"} }

// Posts implements ledger.Outbox in one round trip.
func (l *Ledger) Posts(ctx context.Context, agent string, now time.Time) ([]string, error) {
	orders, err := l.query(ctx, agent, posts, "<", gate.OrderUntil(now), ledger.MaxDue)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, order := range orders {
		ids = append(ids, gate.InOrder(gate.Timed, order))
	}
	return ids, nil
}

// Post implements ledger.Outbox in one round trip.
func (l *Ledger) Post(ctx context.Context, id string, now time.Time) (gate.Post, error) {
	got, err := l.get(ctx, "look at a post", []key{postKey(id)})
	if err != nil {
		return gate.Post{}, err
	}
	it, there := got[postKey(id)]
	if !there {
		return gate.Post{}, nil
	}
	p, _, err := decodePost(it, now)
	return p, err
}

// postUpdate notes what happened. It has no condition: what makes it happen must never fail for it. So it works on any
// post, also on one that is not there yet, and on one of another format, which keeps its number.
func postUpdate(w gate.PostWrite, at time.Time) *expression {
	e := newExpression()
	e.setFirst(attrFormat, number(format))
	e.set(attrExpires, number(ledger.Expires(at)))
	e.setAll([]attribute{{"id", text(w.ID)}, {"agent", text(w.Agent)}, {"until", moment(at)}})
	for _, m := range slices.Compact(slices.Sorted(slices.Values(w.Moments))) {
		e.setFirst(momentMark+string(m), moment(at))
	}
	e.setAll(placeOfPost(gate.Post{ID: w.ID, Agent: w.Agent, Until: at}))
	e.set(attrOver, nil)
	e.add(attrVersion, 1)
	return e
}

// placeOfPost is where the index shows a post: nowhere, once it is over.
func placeOfPost(p gate.Post) []attribute {
	if p.Over {
		return nil
	}
	order := fmt.Sprintf("%013d#%s", max(p.Until.UnixMilli(), 0), p.ID) // as gate.InOrder and gate.OrderUntil take it
	return []attribute{{attrBucket, text(bucket(p.Agent, posts))}, {attrOrder, text(order)}}
}

// encodePost gives a post's whole item, as what became of its telling is settled.
func encodePost(p gate.Post, at time.Time) item {
	it := newItem(postKey(p.ID), at)
	it.text("id", p.ID)
	it.text("agent", p.Agent)
	for _, h := range p.Happened {
		it[momentMark+string(h.Moment)] = moment(h.At)
	}
	var told []types.AttributeValue
	for _, t := range p.Told {
		in := item{}
		in.text("target", t.Target)
		in.text("moment", string(t.Moment))
		in.text("as", string(t.As))
		in.moment("at", t.At)
		in.text("words", t.Words)
		told = append(told, &types.AttributeValueMemberM{Value: in})
	}
	it.list(attrTold, told)
	it.moment("until", p.Until)
	it.number("tries", p.Tries)
	it.flag(attrOver, p.Over)
	it.number(attrVersion, p.Version)
	for _, a := range placeOfPost(p) {
		it[a.name] = a.value
	}
	return it
}

// decodePost gives also moments that this build does not know, so that the next write does not lose them.
func decodePost(it item, now time.Time) (gate.Post, bool, error) {
	r, err := open(it)
	if err != nil || r.gone(now) {
		return gate.Post{}, false, err
	}
	p := gate.Post{
		ID: r.text("id"), Agent: r.text("agent"), Until: r.moment("until"), Tries: int(r.number("tries")), Over: r.flag(attrOver),
		Version: r.version(),
	}
	for name := range r.attrs {
		if m, ok := strings.CutPrefix(name, momentMark); ok {
			p.Happened = append(p.Happened, gate.Happened{Moment: gate.Moment(m), At: r.moment(name)})
		}
	}
	slices.SortFunc(p.Happened, ledger.CompareHappened)
	for _, e := range r.groups(attrTold) {
		p.Told = append(p.Told, gate.Told{
			Target: e.text("target"), Moment: gate.Moment(e.text("moment")), As: gate.ToldAs(e.text("as")), At: e.moment("at"),
			Words: e.text("words"),
		})
		r.take(*e)
	}
	r.must("id", "agent")
	if err := r.done(); err != nil {
		return gate.Post{}, false, err
	}
	return p, true, nil
}

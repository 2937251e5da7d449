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
	attrLate   = "late"
	attrOver   = "over"
	momentMark = "m#" // the prefix of what happened: one attribute for each moment

	// posts is where the index shows the posts that the tick should look at. No case is ever in it.
	posts gate.Bucket = "posts"
	// givenUp is where it shows, to the operator, posts that are over and hold something that was given up.
	givenUp gate.Bucket = "given_up"
)

// postOrder is a place in both, as gate.InOrder and gate.OrderUntil take it.
func postOrder(until time.Time, id string) string {
	return fmt.Sprintf("%013d#%s", max(until.UnixMilli(), 0), id)
}

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

// Untold implements ledger.Lister in two round trips.
func (l *Ledger) Untold(ctx context.Context, agent string, now time.Time) ([]gate.Post, bool, error) {
	return l.listPosts(ctx, agent, posts, "", now, func(p gate.Post) bool { return !p.Over })
}

// GivenUp implements ledger.Lister in two round trips.
func (l *Ledger) GivenUp(ctx context.Context, agent string, since, now time.Time) ([]gate.Post, bool, error) {
	return l.listPosts(ctx, agent, givenUp, postOrder(since, ""), now, ledger.GaveUp)
}

// listPosts gives the first page of what the index shows from a place on, as it is in the table. What is not meant any
// more is left out.
func (l *Ledger) listPosts(
	ctx context.Context, agent string, b gate.Bucket, from string, now time.Time, meant func(gate.Post) bool,
) ([]gate.Post, bool, error) {
	orders, err := l.query(ctx, agent, b, ">", from, ledger.MaxPage+1)
	if err != nil {
		return nil, false, err
	}
	more := len(orders) > ledger.MaxPage
	orders = orders[:min(len(orders), ledger.MaxPage)]
	keys := make([]key, len(orders))
	for i, order := range orders {
		keys[i] = postKey(gate.InOrder(gate.Timed, order))
	}
	got, err := l.get(ctx, "list posts", slices.Clone(keys))
	if err != nil {
		return nil, false, err
	}
	var list []gate.Post
	for _, k := range keys {
		it, there := got[k]
		if !there {
			continue
		}
		p, there, err := decodePost(it, now)
		if err != nil {
			return nil, false, err
		}
		if there && meant(p) {
			list = append(list, p)
		}
	}
	return list, more, nil
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

// placeOfPost is where the index shows a post: nowhere, once it is over, unless something of it was given up.
func placeOfPost(p gate.Post) []attribute {
	b := posts
	switch {
	case ledger.GaveUp(p):
		b = givenUp
	case p.Over:
		return nil
	}
	return []attribute{{attrBucket, text(bucket(p.Agent, b))}, {attrOrder, text(postOrder(p.Until, p.ID))}}
}

// encodePost gives a post's whole item, as what became of its telling is settled.
func encodePost(p gate.Post, at time.Time) item {
	it := newItem(postKey(p.ID), at)
	it.text("id", p.ID)
	it.text("agent", p.Agent)
	for _, h := range p.Happened {
		it[momentMark+string(h.Moment)] = moment(h.At)
	}
	it.list(attrTold, encodeTold(p.Told))
	it.list(attrLate, encodeTold(p.Late))
	it.moment("until", p.Until)
	it.number("tries", p.Tries)
	it.flag(attrOver, p.Over)
	it.number(attrVersion, p.Version)
	for _, a := range placeOfPost(p) {
		it[a.name] = a.value
	}
	return it
}

func encodeTold(told []gate.Told) (list []types.AttributeValue) {
	for _, t := range told {
		in := item{}
		in.text("target", t.Target)
		in.text("moment", string(t.Moment))
		in.text("as", string(t.As))
		in.moment("at", t.At)
		in.text("words", t.Words)
		list = append(list, &types.AttributeValueMemberM{Value: in})
	}
	return list
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
	p.Told, p.Late = decodeTold(r, attrTold), decodeTold(r, attrLate)
	r.must("id", "agent")
	if err := r.done(); err != nil {
		return gate.Post{}, false, err
	}
	return p, true, nil
}

func decodeTold(r *reader, name string) (told []gate.Told) {
	for _, e := range r.groups(name) {
		told = append(told, gate.Told{
			Target: e.text("target"), Moment: gate.Moment(e.text("moment")), As: gate.ToldAs(e.text("as")), At: e.moment("at"),
			Words: e.text("words"),
		})
		r.take(*e)
	}
	return told
}

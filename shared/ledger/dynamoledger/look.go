package dynamoledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Look implements ledger.Ledger. Reads are consistent but not transactional: a transactional read would be cancelled
// by every write that comes across it.
func (l *Ledger) Look(ctx context.Context, q ledger.Question, now time.Time) (gate.View, error) {
	v := emptyView(q.Agent)
	got, err := l.get(ctx, "look at an alert", question(q))
	if err != nil {
		return gate.View{}, err
	}
	if it, there := got[deliveryKey(q.Delivery)]; there {
		d, there, err := decodeDelivery(it, now)
		if err != nil {
			return gate.View{}, err
		}
		if there {
			v.Delivery = &d
		}
		if there && q.Saw {
			d.Saw = decodeSaw(it)
		}
	}
	if it, there := got[incidentKey(q.Incident)]; there {
		if v.Incident, _, err = decodeIncident(it, now); err != nil {
			return gate.View{}, err
		}
	}
	if it, there := got[groupKey(q.Group)]; there {
		if v.Group, _, err = decodeGroup(it, now); err != nil {
			return gate.View{}, err
		}
	}
	if it, there := got[surgeKey(q.Surge)]; there {
		if v.Surge, _, err = decodeSurge(it, now); err != nil {
			return gate.View{}, err
		}
	}
	named := []string{v.Incident.Case, v.Surge.Case}
	for _, k := range q.Pointers {
		it, there := got[pointerKey(k)]
		if !there {
			continue
		}
		id, there, err := decodePointer(it, now)
		if err != nil {
			return gate.View{}, err
		}
		if there {
			v.Pointers[k] = id
			named = append(named, id)
		}
	}
	if err := addAccount(&v, got, q.Agent); err != nil {
		return gate.View{}, err
	}
	if err := addHand(&v, got); err != nil {
		return gate.View{}, err
	}
	if q.Leads {
		v.Leads = map[string]alert.Alert{}
	}
	return l.addNamed(ctx, v, named, now)
}

func emptyView(agent string) gate.View {
	return gate.View{Pointers: map[string]string{}, Cases: map[string]gate.Case{}, Account: gate.Account{Agent: agent}}
}

// question is the list of keys that a Question asks for. What it leaves empty is not asked for; what is set by hand
// always is.
func question(q ledger.Question) []key {
	keys := []key{handKey()}
	if q.Delivery != "" {
		keys = append(keys, deliveryKey(q.Delivery))
	}
	if q.Incident.Key != "" {
		keys = append(keys, incidentKey(q.Incident))
	}
	for _, k := range q.Pointers {
		keys = append(keys, pointerKey(k))
	}
	if q.Agent != "" {
		keys = append(keys, accountKey(q.Agent))
	}
	if q.Group != "" {
		keys = append(keys, groupKey(q.Group))
	}
	if q.Surge != "" {
		keys = append(keys, surgeKey(q.Surge))
	}
	return keys
}

// addNamed reads the cases that a view names, and their leads where it wants them.
func (l *Ledger) addNamed(ctx context.Context, v gate.View, ids []string, now time.Time) (gate.View, error) {
	keys := caseKeys(ids, v.Leads != nil)
	if len(keys) == 0 {
		return v, nil
	}
	got, err := l.get(ctx, "look at cases", keys)
	if err != nil {
		return gate.View{}, err
	}
	if err := addCases(&v, got, ids, now); err != nil {
		return gate.View{}, err
	}
	return v, nil
}

// LookCase implements ledger.Ledger.
func (l *Ledger) LookCase(ctx context.Context, id, agent string, now time.Time) (gate.View, error) {
	v := emptyView(agent)
	var ids []string
	if id != "" {
		ids = []string{id}
		v.Leads = map[string]alert.Alert{}
	}
	keys := append(caseKeys(ids, true), handKey())
	if agent != "" {
		keys = append(keys, accountKey(agent))
	}
	got, err := l.get(ctx, "look at a case", keys)
	if err != nil {
		return gate.View{}, err
	}
	if err := addAccount(&v, got, agent); err != nil {
		return gate.View{}, &sharedError{"the account of the Agent " + agent, err}
	}
	if err := addHand(&v, got); err != nil {
		return gate.View{}, &sharedError{"what is set by hand", err}
	}
	if id == "" {
		whole, err := l.addNamed(ctx, v, slices.Sorted(maps.Keys(v.Account.Running)), now)
		if err != nil {
			return gate.View{Account: v.Account, Hand: v.Hand}, err
		}
		return whole, nil
	}
	if err := addCases(&v, got, ids, now); err != nil {
		return gate.View{}, err
	}
	if it, there := got[leadKey(id)]; there && len(v.Cases) == 0 {
		a, there, err := decodeDropped(it, now)
		if err != nil {
			return gate.View{}, err
		}
		if there {
			v.Leads[id] = a
		}
	}
	return v, nil
}

// sharedError says that a record cannot be read on which every decision about a case rests: the account, or what is set
// by hand. It is no ledger.ErrUnreadable, which speaks of one record among many: without this one nothing can be decided
// about any case. What is wrong with the record can still be asked for.
type sharedError struct {
	what string
	err  error
}

func (e *sharedError) Error() string {
	return fmt.Sprintf("%s cannot be read, and nothing is started without it: %v", e.what, e.err)
}

// As gives the error about the record.
func (e *sharedError) As(target any) bool { return errors.As(e.err, target) }

func caseKeys(ids []string, leads bool) []key {
	var keys []key
	for _, id := range ids {
		if id == "" {
			continue
		}
		keys = append(keys, caseKey(id))
		if leads {
			keys = append(keys, leadKey(id))
		}
	}
	return keys
}

func addAccount(v *gate.View, got map[key]item, agent string) error {
	it, there := got[accountKey(agent)]
	if !there {
		return nil
	}
	a, err := decodeAccount(it)
	if err != nil {
		return err
	}
	a.Agent = agent
	v.Account = a
	return nil
}

func addHand(v *gate.View, got map[key]item) error {
	it, there := got[handKey()]
	if !there {
		return nil
	}
	var err error
	v.Hand, err = decodeHand(it)
	return err
}

func addCases(v *gate.View, got map[key]item, ids []string, now time.Time) error {
	for _, id := range ids {
		it, there := got[caseKey(id)]
		if !there {
			continue
		}
		c, there, err := decodeCase(it, now)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		v.Cases[id] = c
		lead, there := got[leadKey(id)]
		if v.Leads == nil || !there {
			continue
		}
		a, there, err := decodeLead(lead)
		if err != nil {
			return err
		}
		if there {
			v.Leads[id] = a
		}
	}
	return nil
}

// maxGet is how many items DynamoDB gives in one BatchGetItem.
const maxGet = 100

// get reads items by key, each key once. What is not in the answer is not there.
func (l *Ledger) get(ctx context.Context, what string, keys []key) (map[key]item, error) {
	got := map[key]item{}
	seen := map[key]bool{}
	keys = slices.DeleteFunc(keys, func(k key) bool {
		again := seen[k]
		seen[k] = true
		return again
	})
	for page := range slices.Chunk(keys, maxGet) {
		if err := l.getPage(ctx, what, page, got); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// getPage reads at most maxGet items. Keys that DynamoDB has left unprocessed are asked for again, as after a throttled
// request; only then is the answer whole.
func (l *Ledger) getPage(ctx context.Context, what string, keys []key, got map[key]item) error {
	consistent := true
	wanted := make([]map[string]types.AttributeValue, len(keys))
	for i, k := range keys {
		wanted[i] = k.attributes()
	}
	ask := map[string]types.KeysAndAttributes{l.table: {ConsistentRead: &consistent, Keys: wanted}}
	return l.ask(ctx, what, nil, func(ctx context.Context) error {
		out, err := l.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask}, once)
		if err != nil {
			return err
		}
		for _, attrs := range out.Responses[l.table] {
			got[keyOf(attrs)] = attrs
		}
		if len(out.UnprocessedKeys) > 0 {
			ask = out.UnprocessedKeys
			return errUnprocessed
		}
		return nil
	})
}

package dynamoledger

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// Due implements ledger.Ledger in two round trips, one for each bucket. The index holds keys only and may lag behind:
// it can name a case that is elsewhere by now, or whose time of life is over.
func (l *Ledger) Due(ctx context.Context, agent string, now time.Time) ([]string, error) {
	timed, err := l.query(ctx, agent, gate.Timed, "<", gate.OrderUntil(now), ledger.MaxDue)
	if err != nil {
		return nil, err
	}
	queued, err := l.query(ctx, agent, gate.Queue, ">", "", ledger.MaxDue)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, order := range timed {
		ids = append(ids, gate.InOrder(gate.Timed, order))
	}
	for _, order := range queued {
		ids = append(ids, gate.InOrder(gate.Queue, order))
	}
	return ids, nil
}

// List implements ledger.Lister in two round trips. A case that has left the bucket since the index saw it is left out,
// so a page may hold fewer cases than were asked for and still have a next one.
func (l *Ledger) List(
	ctx context.Context, agent string, b gate.Bucket, limit int, from string, now time.Time,
) ([]gate.Case, string, error) {
	size := ledger.PageSize(limit)
	orders, err := l.query(ctx, agent, b, ">", from, size+1)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(orders) > size {
		orders = orders[:size]
		next = orders[size-1]
	}
	var ids []string
	for _, order := range orders {
		ids = append(ids, gate.InOrder(b, order))
	}
	v, err := l.addNamed(ctx, gate.View{Cases: map[string]gate.Case{}}, ids, now)
	if err != nil {
		return nil, "", err
	}
	var page []gate.Case
	for _, id := range ids {
		if c, there := v.Cases[id]; there && c.Bucket() == b {
			page = append(page, c)
		}
	}
	return page, next, nil
}

// Verdict implements ledger.Lister in one round trip.
func (l *Ledger) Verdict(ctx context.Context, delivery string, now time.Time) (*gate.Delivery, error) {
	got, err := l.get(ctx, "look for a delivery", []key{deliveryKey(delivery)})
	if err != nil {
		return nil, err
	}
	it, there := got[deliveryKey(delivery)]
	if !there {
		return nil, nil
	}
	d, there, err := decodeDelivery(it, now)
	if err != nil || !there {
		return nil, err
	}
	d.Saw = decodeSaw(it)
	return &d, nil
}

// query gives the first orders of a bucket on one side of a bound. Every order there is larger than "".
func (l *Ledger) query(
	ctx context.Context, agent string, b gate.Bucket, relation, bound string, limit int,
) ([]string, error) {
	e := newExpression()
	e.compare(attrBucket, "=", text(bucket(agent, b)))
	if bound != "" {
		e.compare(attrOrder, relation, text(bound))
	}
	index, most := indexState, int32(limit)
	var orders []string
	err := l.ask(ctx, "query the index", nil, func(ctx context.Context) error {
		var from map[string]types.AttributeValue
		orders = nil
		for {
			out, err := l.api.Query(ctx, &dynamodb.QueryInput{
				TableName: &l.table, IndexName: &index, Limit: &most, ExclusiveStartKey: from,
				KeyConditionExpression:   e.condition(),
				ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
			}, once)
			if err != nil {
				return err
			}
			for _, attrs := range out.Items {
				r := reader{attrs: attrs}
				orders = append(orders, r.text(attrOrder))
			}
			if len(orders) >= limit || len(out.LastEvaluatedKey) == 0 {
				return nil
			}
			from = out.LastEvaluatedKey
		}
	})
	return orders, err
}

// Incidents implements ledger.Lister. A monitor's incidents lie together in no order of time, so all of them are read:
// a round trip for each megabyte, or some thousand.
func (l *Ledger) Incidents(ctx context.Context, org, monitor string, limit int, now time.Time) ([]gate.Incident, error) {
	e := newExpression()
	e.compare(attrPK, "=", text(monitorPK(org, monitor)))
	items, err := l.queryAll(ctx, "list a monitor's incidents", e)
	if err != nil {
		return nil, err
	}
	var list []gate.Incident
	for _, it := range items {
		in, there, err := decodeIncident(it, now)
		if err != nil {
			return nil, err
		}
		if there {
			list = append(list, in)
		}
	}
	slices.SortFunc(list, ledger.CompareIncidents)
	return list[:min(len(list), ledger.PageSize(limit))], nil
}

// queryAll gives the items of the table, not of the index, that meet a key condition.
func (l *Ledger) queryAll(ctx context.Context, what string, e *expression) ([]item, error) {
	consistent := true
	var items []item
	var from map[string]types.AttributeValue
	for {
		var out *dynamodb.QueryOutput
		err := l.ask(ctx, what, nil, func(ctx context.Context) error {
			var err error
			out, err = l.api.Query(ctx, &dynamodb.QueryInput{
				TableName: &l.table, ConsistentRead: &consistent, ExclusiveStartKey: from, KeyConditionExpression: e.condition(),
				ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
			}, once)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, attrs := range out.Items {
			items = append(items, attrs)
		}
		if from = out.LastEvaluatedKey; len(from) == 0 {
			return items, nil
		}
	}
}

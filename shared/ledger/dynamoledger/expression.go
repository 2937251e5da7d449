package dynamoledger

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// expression collects what an update does and what it depends on, in DynamoDB's words. Every name and value goes in as
// a placeholder, for many of our names are reserved words there.
type expression struct {
	names      map[string]string
	values     item
	sets       []string
	removes    []string
	adds       []string
	conditions []string
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: item{}}
}

// name gives the placeholder of an attribute.
func (e *expression) name(attr string) string {
	for placeholder, a := range e.names {
		if a == attr {
			return placeholder
		}
	}
	placeholder := "#n" + strconv.Itoa(len(e.names))
	e.names[placeholder] = attr
	return placeholder
}

// value gives a new placeholder of a value.
func (e *expression) value(v types.AttributeValue) string {
	placeholder := ":v" + strconv.Itoa(len(e.values))
	e.values[placeholder] = v
	return placeholder
}

// set makes an attribute have this value; without one it is removed.
func (e *expression) set(attr string, v types.AttributeValue) {
	if v == nil {
		e.removes = append(e.removes, e.name(attr))
		return
	}
	e.sets = append(e.sets, e.name(attr)+" = "+e.value(v))
}

// setFirst makes an attribute have this value unless it has one.
func (e *expression) setFirst(attr string, v types.AttributeValue) {
	name := e.name(attr)
	e.sets = append(e.sets, name+" = if_not_exists("+name+", "+e.value(v)+")")
}

func (e *expression) setAll(list []attribute) {
	for _, a := range list {
		e.set(a.name, a.value)
	}
}

// add raises or lowers a number, whatever it is. Adding nothing is left out.
func (e *expression) add(attr string, n int) {
	if n != 0 {
		e.addTo(attr, number(int64(n)))
	}
}

// addTo adds a number to a number, or a set to a set; to what is not there as to 0 or to the empty set.
func (e *expression) addTo(attr string, v types.AttributeValue) {
	e.adds = append(e.adds, e.name(attr)+" "+e.value(v))
}

func (e *expression) when(condition string) { e.conditions = append(e.conditions, condition) }

// compare adds the condition that an attribute stands in this relation to a value; an absent attribute never does.
func (e *expression) compare(attr, relation string, v types.AttributeValue) {
	e.when(e.name(attr) + " " + relation + " " + e.value(v))
}

// same adds the condition that an attribute has this value, or is absent where there is none.
func (e *expression) same(attr string, v types.AttributeValue) {
	if v == nil {
		e.when("attribute_not_exists(" + e.name(attr) + ")")
		return
	}
	e.compare(attr, "=", v)
}

// there adds the condition that the item counts as there.
func (e *expression) there(at time.Time) { e.compare(attrExpires, ">=", number(at.Unix())) }

// absent adds the condition that the item counts as absent.
func (e *expression) absent(at time.Time) {
	e.when("(attribute_not_exists(" + e.name(attrPK) + ") OR " + e.name(attrExpires) + " < " + e.value(number(at.Unix())) + ")")
}

func (e *expression) condition() *string {
	if len(e.conditions) == 0 {
		return nil
	}
	s := strings.Join(e.conditions, " AND ")
	return &s
}

func (e *expression) update() *string {
	var parts []string
	for _, clause := range []struct {
		word string
		list []string
	}{{"SET ", e.sets}, {"REMOVE ", e.removes}, {"ADD ", e.adds}} {
		if len(clause.list) > 0 {
			parts = append(parts, clause.word+strings.Join(clause.list, ", "))
		}
	}
	s := strings.Join(parts, " ")
	return &s
}

// put, change and check make the three kinds of action in a transaction.

func (l *Ledger) put(it item, e *expression) types.TransactWriteItem {
	p := &types.Put{TableName: &l.table, Item: it, ConditionExpression: e.condition()}
	p.ExpressionAttributeNames, p.ExpressionAttributeValues = e.placeholders()
	return types.TransactWriteItem{Put: p}
}

// change asks for the item as it is stored when a condition fails, which costs nothing: see Commit.
func (l *Ledger) change(k key, e *expression) types.TransactWriteItem {
	u := &types.Update{
		TableName: &l.table, Key: k.attributes(), UpdateExpression: e.update(), ConditionExpression: e.condition(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	u.ExpressionAttributeNames, u.ExpressionAttributeValues = e.placeholders()
	return types.TransactWriteItem{Update: u}
}

func (l *Ledger) check(k key, e *expression) types.TransactWriteItem {
	c := &types.ConditionCheck{TableName: &l.table, Key: k.attributes(), ConditionExpression: e.condition()}
	c.ExpressionAttributeNames, c.ExpressionAttributeValues = e.placeholders()
	return types.TransactWriteItem{ConditionCheck: c}
}

// placeholders gives nil for an empty map, which DynamoDB refuses.
func (e *expression) placeholders() (map[string]string, map[string]types.AttributeValue) {
	var values map[string]types.AttributeValue
	if len(e.values) > 0 {
		values = e.values
	}
	if len(e.names) == 0 {
		return nil, values
	}
	return e.names, values
}

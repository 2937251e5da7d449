package dynamoledger

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// What happens is noted without a condition, whatever is stored: a start must never fail for what is told of it.
func TestWhatHappensHasNoCondition(t *testing.T) {
	_, l := newStub(t, ok)
	tx, err := l.transaction(gate.Change{At: noon, Posts: []gate.PostWrite{
		{ID: "ab-1", Agent: "default", Moments: []gate.Moment{gate.WasStarted, gate.WasStarted, gate.HasEnded}},
	}}, nil)
	if err != nil || len(tx.actions) != 1 || tx.actions[0].Update == nil {
		t.Fatalf("the transaction is %+v, %v", tx, err)
	}
	u := tx.actions[0].Update
	if k := keyOf(u.Key); k != (key{"C#ab-1", "P"}) || u.ConditionExpression != nil {
		t.Errorf("the update of %s has the condition %v", k, u.ConditionExpression)
	}
	var first []string // attributes that keep the value which they have
	for placeholder, name := range u.ExpressionAttributeNames {
		if strings.Contains(*u.UpdateExpression, placeholder+" = if_not_exists("+placeholder+",") {
			first = append(first, name)
		}
	}
	slices.Sort(first)
	if want := []string{"format", "m#ended", "m#started"}; !slices.Equal(first, want) {
		t.Errorf("%v keep their value, want %v", first, want)
	}
}

// An update names each attribute once, or DynamoDB refuses the whole transaction.
func TestUpdateOfAPostNamesEachAttributeOnce(t *testing.T) {
	all := slices.Concat(gate.Moments(), gate.Moments())
	e := postUpdate(gate.PostWrite{ID: "ab-1", Agent: "default", Moments: all}, noon)
	written := map[string]bool{}
	for _, s := range slices.Concat(e.sets, e.removes, e.adds) {
		name, _, _ := strings.Cut(s, " ")
		if written[name] {
			t.Errorf("%s is written twice", e.names[name])
		}
		written[name] = true
	}
	if want := len(gate.Moments()) + 9; len(written) != want { // format, expires, id, agent, until, bucket, order, over, version
		t.Errorf("%d attributes are written, want %d", len(written), want)
	}
}

func TestPostMeetsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := newStub(t,
			fails(errReset),
			got(nil, keyJSON("C#ab-1", "P")),
			got([]string{itemJSON("C#ab-1", "P", `,"id":{"S":"ab-1"},"agent":{"S":"default"},"version":{"N":"3"},`+
				`"m#started":{"N":"1772366400000"},"m#solved":{"N":"1772366400000"},"m#newer":{"N":"1772366400000"},"m#waits":{"N":"1772366399000"}`)}),
		)
		p, err := l.Post(t.Context(), "ab-1", noon)
		if err != nil {
			t.Fatal(err)
		}
		// Moments that only another build knows are there too, always in the same order.
		want := gate.Post{ID: "ab-1", Agent: "default", Version: 3, Happened: []gate.Happened{
			{Moment: gate.Waits, At: noon.Add(-time.Second)},
			{Moment: "newer", At: noon},
			{Moment: "solved", At: noon},
			{Moment: gate.WasStarted, At: noon},
		}}
		if !reflect.DeepEqual(p, want) {
			t.Errorf("the post is %+v, want %+v", p, want)
		}
		s.count(3)
		for _, r := range s.requests { // asked also fails for a read that is not consistent
			if keys := r.asked(t); !slices.Equal(keys, []string{"C#ab-1/P"}) {
				t.Errorf("asked for are %v", keys)
			}
		}
	})
}

func TestPostsAsksTheIndex(t *testing.T) {
	s, l := newStub(t, says(200, `{"Items":[{"order":{"S":"1772366399000#ab-1"}},{"order":{"S":"1772366400000#agent:a#b"}}]}`))
	ids, err := l.Posts(t.Context(), "default", noon)
	if want := []string{"ab-1", "agent:a#b"}; err != nil || !slices.Equal(ids, want) {
		t.Errorf("due are %v, %v; want %v", ids, err, want)
	}
	var in struct {
		IndexName                 string
		Limit                     int
		ExpressionAttributeValues map[string]struct{ S string }
	}
	if err := json.Unmarshal(s.requests[0].body, &in); err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, v := range in.ExpressionAttributeValues {
		values = append(values, v.S)
	}
	slices.Sort(values)
	if want := []string{"1772366400000$", "default#posts"}; in.IndexName != "state" || in.Limit != ledger.MaxDue || !slices.Equal(values, want) {
		t.Errorf("asked is %s", s.requests[0].body)
	}
}

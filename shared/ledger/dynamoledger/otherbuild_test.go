package dynamoledger

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
	"github.com/alertbridge/alertbridge/shared/ledger/ledgertest"
	"github.com/alertbridge/alertbridge/shared/match"
)

// record is one item of a kind as this build writes it.
type record struct {
	kind  string
	item  item
	must  []string                 // attributes without which it cannot be read
	again func(item) (item, error) // reads an item and writes what it read; nil when it counts as absent
}

// largest is made once, for it is much; nobody changes it.
var largest = sync.OnceValue(func() gate.Change { return ledgertest.Largest(noon, 0) })

// records are the items of one commit, in which every attribute is there, and the question that reads them all.
func records(t testing.TB) ([]record, ledger.Question) {
	c := largest()
	d, in, p, k := *c.Delivery, c.Incident.Now, c.Pointers[0], c.Cases[0].Now
	k.How, k.NoRepeat, k.Resting = gate.EndAssumed, true, true
	lead, err := encodeLead(k.ID, alert.Alert{Delivery: d.ID, Title: "CPU is high", Severity: alert.High, Time: noon}, noon)
	if err != nil {
		t.Fatal(err)
	}
	account := wholeAccount(gate.Account{
		Agent: k.Agent, Version: 7, Shut: *c.Account.Shut, Down: *c.Account.Down, Hand: *c.Account.Hand,
		Running: map[string]gate.Reservation{k.ID: c.Account.Put[k.ID]},
		Money:   gate.Money{Spent: c.Account.Spend, Paced: c.Account.Paced, Budget: c.Account.Budget, Critical: c.Account.Critical},
		Orgs:    []string{"1200", "4711"},
	})
	d.Saw = &gate.Saw{Alert: alert.Alert{Delivery: d.ID, Title: "CPU is high", Time: noon}, Rules: gate.DefaultRules(), Now: noon}
	order := gate.Order{By: "aiko", Reason: "deploy", At: noon, Until: noon}
	hand := gate.Hand{Mode: gate.ModeOrder{Mode: gate.ModeObserve, Order: order}, Version: 3, Silences: []gate.Silence{
		{ID: "s-1", Matchers: []match.Matcher{{Name: "service", Op: match.Is, Value: "checkout"}}, Order: order},
		{ID: "s-2", Matchers: []match.Matcher{{Name: "env", Op: match.IsNot, Value: "prod"}}, Order: order},
	}}
	post := c.Told.Now
	post.ID, post.Happened, post.Told, post.Over = k.ID, post.Happened[:2], post.Told[:2], true
	list := []record{
		{"delivery", encodeDelivery(d, noon), []string{"id", "verdict"}, func(it item) (item, error) {
			d, there, err := decodeDelivery(it, noon)
			d.Saw = decodeSaw(it)
			return ifThere(encodeDelivery(d, noon), there), err
		}},
		{"incident", encodeIncident(in, noon), []string{"version"}, func(it item) (item, error) {
			in, there, err := decodeIncident(it, noon)
			return ifThere(encodeIncident(in, noon), there), err
		}},
		{"grouping key", encodePointer(p, noon), []string{"case"}, func(it item) (item, error) {
			id, there, err := decodePointer(it, noon)
			return ifThere(encodePointer(gate.PointerWrite{Key: p.Key, Now: id}, noon), there), err
		}},
		{"case", encodeCase(k, noon), []string{"id", "state", "version", "firing", "joined", "members"}, func(it item) (item, error) {
			c, there, err := decodeCase(it, noon)
			return ifThere(encodeCase(c, noon), there), err
		}},
		{"lead", lead, []string{"alert"}, func(it item) (item, error) {
			a, there, err := decodeLead(it)
			if err != nil || !there {
				return nil, err
			}
			return encodeLead(k.ID, a, noon)
		}},
		{"account", account, nil, func(it item) (item, error) {
			a, err := decodeAccount(it)
			a.Agent = k.Agent
			return wholeAccount(a), err
		}},
		{"monitor group", encodeGroup(c.Group.Now, noon), []string{"version"}, func(it item) (item, error) {
			g, there, err := decodeGroup(it, noon)
			return ifThere(encodeGroup(g, noon), there), err
		}},
		{"environment", encodeSurge(c.Surge.Now, noon), []string{"version"}, func(it item) (item, error) {
			s, there, err := decodeSurge(it, noon)
			return ifThere(encodeSurge(s, noon), there), err
		}},
		{"by hand", encodeHand(hand), []string{"version"}, func(it item) (item, error) {
			h, err := decodeHand(it)
			return encodeHand(h), err
		}},
		{"post", encodePost(post, noon), []string{"id", "agent", "version"}, func(it item) (item, error) {
			p, there, err := decodePost(it, noon)
			return ifThere(encodePost(p, noon), there), err
		}},
	}
	return list, ledger.Question{
		Delivery: d.ID, Incident: in.Key, Pointers: []string{p.Key}, Agent: k.Agent, Group: c.Group.Now.Name,
		Surge: c.Surge.Now.Name, Leads: true,
	}
}

func ifThere(it item, there bool) item {
	if !there {
		return nil
	}
	return it
}

// sight is all that can be read of the records.
type sight struct {
	gate.View
	Post gate.Post
}

// lookWith reads all records, one of them changed.
func lookWith(t *testing.T, change func(kind string, it item)) (sight, error) {
	t.Helper()
	list, q := records(t)
	var first, second, third []string
	for _, r := range list {
		change(r.kind, r.item)
		text := wire(&types.AttributeValueMemberM{Value: r.item})
		text = strings.TrimSuffix(strings.TrimPrefix(text, `{"M":`), "}")
		switch r.kind {
		case "case", "lead":
			second = append(second, text)
		case "post":
			third = append(third, text)
		default:
			first = append(first, text)
		}
	}
	_, l := newStub(t, got(first), got(second), got(third))
	v, err := l.Look(t.Context(), q, noon)
	if err != nil {
		return sight{View: v}, err
	}
	p, err := l.Post(t.Context(), largest().Cases[0].Now.ID, noon)
	if err != nil {
		return sight{Post: p}, err
	}
	return sight{v, p}, nil
}

// wire is a value as DynamoDB sends it.
func wire(v types.AttributeValue) string {
	quoted := func(list []string) string {
		text, _ := json.Marshal(list)
		return string(text)
	}
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return `{"S":` + strings.Trim(quoted([]string{v.Value}), "[]") + "}"
	case *types.AttributeValueMemberN:
		return `{"N":"` + v.Value + `"}`
	case *types.AttributeValueMemberBOOL:
		return fmt.Sprintf(`{"BOOL":%t}`, v.Value)
	case *types.AttributeValueMemberNULL:
		return `{"NULL":true}`
	case *types.AttributeValueMemberB:
		return `{"B":"` + base64.StdEncoding.EncodeToString(v.Value) + `"}`
	case *types.AttributeValueMemberSS:
		return `{"SS":` + quoted(v.Value) + "}"
	case *types.AttributeValueMemberL:
		var all []string
		for _, e := range v.Value {
			all = append(all, wire(e))
		}
		return `{"L":[` + strings.Join(all, ",") + "]}"
	case *types.AttributeValueMemberM:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(v.Value)) {
			all = append(all, fmt.Sprintf("%q:%s", name, wire(v.Value[name])))
		}
		return `{"M":{` + strings.Join(all, ",") + "}}"
	}
	panic(fmt.Sprintf("a %T", v))
}

// wantUnreadable: nothing of the answer is used, and the error names the item and, where it is its fault, the attribute.
func wantUnreadable(t *testing.T, v sight, err error, k key, attribute string) {
	t.Helper()
	if !errors.Is(err, ledger.ErrUnreadable) || !reflect.DeepEqual(v, sight{}) {
		t.Fatalf("read as %+v, %v", v, err)
	}
	var format *FormatError
	if !strings.Contains(err.Error(), "item "+k.String()+" of") || !errors.As(err, &format) && !strings.Contains(err.Error(), `attribute "`+attribute+`"`) {
		t.Errorf("it does not name %s and %s: %v", k, attribute, err)
	}
}

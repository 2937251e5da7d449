package ledger

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Hear adds to a view what gate.Asks names: of each incident its record, and the latest notification that says it fires,
// as the record of that delivery has kept it. That is two round trips for each, one after the other, and none where
// nothing is asked for. What is not there, or was not kept, or what this build cannot read, is not heard of.
func Hear(ctx context.Context, from looker, v gate.View, asks []string, now time.Time) (gate.View, error) {
	if len(asks) == 0 {
		return v, nil
	}
	v.Heard = make(map[string]gate.Heard, len(asks))
	for _, name := range asks {
		key, ok := incidentKey(name)
		if !ok {
			continue
		}
		is, err := look(ctx, from, Question{Incident: key}, now)
		if err != nil {
			return v, err
		}
		said, err := look(ctx, from, Question{Delivery: latestWord(is.Incident), Saw: true}, now)
		if err != nil {
			return v, err
		}
		if said.Delivery != nil && said.Delivery.Saw != nil {
			v.Heard[name] = gate.Heard{Incident: is.Incident, Alert: said.Delivery.Saw.Alert}
		}
	}
	return v, nil
}

// Fires tells whether any of these incidents fires, each by Incident.String, and belongs to a case; "" is any. One that is not
// there, or that this build cannot read, may fire, and belong to any. It is one round trip for each, one after the other, up
// to the first that fires so.
func Fires(ctx context.Context, from looker, incidents []string, caseID string, now time.Time) (bool, error) {
	for _, name := range incidents {
		key, ok := incidentKey(name)
		if !ok {
			return true, nil
		}
		v, err := look(ctx, from, Question{Incident: key}, now)
		if err != nil {
			return true, err
		}
		if in := v.Incident; in.Version == 0 || in.Fires() && (caseID == "" || in.Case == caseID) {
			return true, nil
		}
	}
	return false, nil
}

// incidentKey takes apart what Incident.String has put together.
func incidentKey(name string) (alert.Incident, bool) {
	parts := strings.SplitN(name, "/", 3)
	if len(parts) < 3 || parts[2] == "" {
		return alert.Incident{}, false
	}
	return alert.Incident{Org: parts[0], Monitor: parts[1], Key: parts[2]}, true
}

// looker is the part of a Ledger that Hear and Fires need.
type looker interface {
	Look(ctx context.Context, q Question, now time.Time) (gate.View, error)
}

// latestWord is the delivery that said last that the incident fires, as far as the incident's record remembers; "" for none.
func latestWord(in gate.Incident) (delivery string) {
	var at time.Time
	for _, m := range in.Recent {
		if m.Transition != string(alert.Recovered) && !m.Time.Before(at) {
			delivery, at = m.Delivery, m.Time
		}
	}
	return delivery
}

// look asks for one record, and answers a question for nothing without asking.
func look(ctx context.Context, from looker, q Question, now time.Time) (gate.View, error) {
	if q.Delivery == "" && q.Incident.Key == "" {
		return gate.View{}, nil
	}
	v, err := from.Look(ctx, q, now)
	if errors.Is(err, ErrUnreadable) {
		return gate.View{}, nil
	}
	return v, err
}

package local

import (
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/functions/scheduler/tell"
	"github.com/alertbridge/alertbridge/shared/answer"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// What is printed of a page is what has become of the incident.
func TestPlacesSayWhatBecame(t *testing.T) {
	var told []Told
	w := newWatch(nil, nil, nil)
	b, err := newBridge(Options{Policy: gate.DefaultRules()}, w, nil, func(s Told) { told = append(told, s) })
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	teller, err := b.answers(nil, nil, func(s Told) { told = append(told, s) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]answer.Target{}
	for _, target := range teller.Targets {
		at[target.Name] = target.Place
	}
	of := answer.Answer{ID: "c1/x", Case: "c1", Moment: answer.Refused, Title: "Refused: T", Text: "It was refused.", Links: []answer.Link{{Name: "Monitor", URL: "https://example.com/1"}}}
	for _, row := range []struct {
		place string
		page  answer.Page
		key   string
		want  Told
	}{
		{tell.Events, "", "", Told{"c1", "refused", tell.Events, "event", "Refused: T", "It was refused."}},
		{tell.Pager, answer.Resolve, "", Told{"c1", "refused", tell.Pager, "no open incident", "Refused: T", ""}},
		{tell.Pager, answer.Trigger, "", Told{"c1", "refused", tell.Pager, "incident triggered", "Refused: T", ""}},
		{tell.Pager, answer.Trigger, "", Told{"c1", "refused", tell.Pager, "incident goes on", "Refused: T", ""}},
		{tell.Pager, answer.Trigger, "agent:default", Told{"c1", "refused", tell.Pager, "incident triggered", "Refused: T", ""}},
		{tell.Pager, answer.Change, "", Told{"c1", "refused", tell.Pager, "change", "Refused: T", ""}},
		{tell.Pager, answer.Resolve, "", Told{"c1", "refused", tell.Pager, "incident resolved", "Refused: T", ""}},
		{tell.Pager, answer.Resolve, "", Told{"c1", "refused", tell.Pager, "no open incident", "Refused: T", ""}},
		{tell.Pager, answer.Conclude, "", Told{"c1", "refused", tell.Pager, "change", "Refused: T", ""}},
		{tell.Pager, answer.Trigger, "", Told{"c1", "refused", tell.Pager, "incident triggered", "Refused: T", ""}},
		{tell.Pager, answer.Conclude, "", Told{"c1", "refused", tell.Pager, "incident resolved", "Refused: T", ""}},
	} {
		told = nil
		a := of
		a.Page, a.PageKey = row.page, row.key
		time.Sleep(time.Millisecond) // the stand-in knows two resolves apart by their time
		if res := at[row.place].Deliver(t.Context(), a); res.End != answer.Delivered || len(told) != 1 || told[0] != row.want {
			t.Errorf("%s %s: %+v, told %+v, want %+v", row.place, row.page, res, told, row.want)
		}
	}
	told = nil
	b.places.pager.Close()
	if res := at[tell.Pager].Deliver(t.Context(), answer.Answer{ID: "2", Case: "c1", Page: answer.Trigger}); res.End == answer.Delivered || len(told) > 0 {
		t.Errorf("a place that is away: %+v, told %+v", res, told)
	}
}

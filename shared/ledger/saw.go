package ledger

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/match"
)

// MaxSaw bounds what a delivery keeps of what its decision rested on, in bytes of its JSON. It is 15 times what is
// usual; only many long silences, or an alert with many long tags, come near it. What is larger is left out, for it is
// kept to explain, and for one decision, which can do without it: what the latest word of an incident was (Hear).
const MaxSaw = 64 << 10

// sawFormat is the number of the JSON's format. It changes when a name in it gets another meaning.
const sawFormat = 1

// saw is the JSON of a gate.Saw.
type saw struct {
	Format int         `json:"format"`
	Alert  alert.Alert `json:"alert"`
	View   viewed      `json:"view"`
	Rules  gate.Rules  `json:"rules"`
	Now    time.Time   `json:"now"`
}

// viewed is a View whose silences have their matchers as text.
type viewed struct {
	gate.View
	Hand byHand `json:"hand,omitzero"`
}

type byHand struct {
	Mode     gate.ModeOrder `json:"mode,omitzero"`
	Silences []silence      `json:"silences,omitempty"`
	Version  int            `json:"version,omitzero"`
}

type silence struct {
	ID       string   `json:"id"`
	Matchers []string `json:"matchers"`
	gate.Order
}

// EncodeSaw gives the JSON in which every ledger keeps what a decision rested on; nil when there is nothing to keep, or
// more than MaxSaw.
func EncodeSaw(s *gate.Saw) []byte {
	if s == nil {
		return nil
	}
	w := saw{Format: sawFormat, Alert: s.Alert, View: viewed{View: s.View}, Rules: s.Rules, Now: s.Now}
	w.View.Hand = byHand{Mode: s.View.Hand.Mode, Version: s.View.Hand.Version}
	for _, x := range s.View.Hand.Silences {
		w.View.Hand.Silences = append(w.View.Hand.Silences, silence{x.ID, MatcherTexts(x.Matchers), x.Order})
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return nil // a time that JSON has no words for
	}
	if text := bytes.TrimRight(buf.Bytes(), "\n"); len(text) <= MaxSaw {
		return text
	}
	return nil
}

// DecodeSaw reads what EncodeSaw gave. What it cannot read, or what a build with another format has written, is nil.
// What it does not know is overlooked.
func DecodeSaw(text []byte) *gate.Saw {
	var w saw
	if err := json.Unmarshal(text, &w); err != nil || w.Format != sawFormat {
		return nil
	}
	s := &gate.Saw{Alert: w.Alert, View: w.View.View, Rules: w.Rules, Now: w.Now}
	s.View.Hand = gate.Hand{Mode: w.View.Hand.Mode, Version: w.View.Hand.Version}
	for _, x := range w.View.Hand.Silences {
		matchers, err := ParseMatchers(x.Matchers)
		if err != nil {
			return nil
		}
		s.View.Hand.Silences = append(s.View.Hand.Silences, gate.Silence{ID: x.ID, Matchers: matchers, Order: x.Order})
	}
	return s
}

// MatcherTexts gives matchers as every ledger keeps them.
func MatcherTexts(list []match.Matcher) []string {
	var texts []string
	for _, m := range list {
		texts = append(texts, m.String())
	}
	return texts
}

// ParseMatchers reads what MatcherTexts gave.
func ParseMatchers(texts []string) ([]match.Matcher, error) {
	var list []match.Matcher
	for _, text := range texts {
		m, err := match.Parse(text)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

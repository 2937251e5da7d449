// Package gatetest gives tests a policy that is made of code.
package gatetest

import (
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// Policy says of every alert what its Rules say, with grouping keys of its own.
type Policy struct {
	gate.Rules
	// Keys names them, each for the join window of the Rules; nil: none.
	Keys func(alert.Alert) []string
}

// For is what the policy says about an alert.
func (p Policy) For(a alert.Alert) gate.Rules {
	r := p.Rules
	if p.Keys == nil {
		return r
	}
	r.Keys = nil
	for _, name := range p.Keys(a) {
		r.Keys = append(r.Keys, gate.Key{Name: name, For: r.Window})
	}
	return r
}

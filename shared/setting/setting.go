// Package setting reads a program's settings from its environment: every problem is found at once, and each is said
// with the name of the setting and what may stand there. docs/configuration.md describes every setting; a test holds
// that page, the template and this code together.
package setting

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Reader collects settings and what is wrong with them. The zero value is not usable; make one with From.
type Reader struct {
	getenv   func(string) string
	names    []string
	problems []error
}

// From reads by getenv, usually os.Getenv.
func From(getenv func(string) string) *Reader { return &Reader{getenv: getenv} }

// Required is a value that must be there.
func (r *Reader) Required(name string) string {
	v := r.Optional(name, "")
	if v == "" {
		r.problems = append(r.problems, fmt.Errorf("%s is not set", name))
	}
	return v
}

// Optional is a value that may be left out or empty.
func (r *Reader) Optional(name, otherwise string) string {
	r.names = append(r.names, name)
	if v := strings.TrimSpace(r.getenv(name)); v != "" {
		return v
	}
	return otherwise
}

// OneOf is one of some words, the first when it is left out.
func (r *Reader) OneOf(name string, words ...string) string {
	v := r.Optional(name, words[0])
	if !slices.Contains(words, v) {
		r.problems = append(r.problems, fmt.Errorf("%s is %q and must be one of %s", name, v, strings.Join(words, ", ")))
		return words[0]
	}
	return v
}

// Add notes a problem that somebody else has found; nil is none.
func (r *Reader) Add(err error) {
	if err != nil {
		r.problems = append(r.problems, err)
	}
}

// Names lists the settings that were asked for, in that order.
func (r *Reader) Names() []string { return r.names }

// Err is everything that is wrong, in one error of one line, nil when nothing is.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	var all []string
	for _, p := range r.problems {
		all = append(all, p.Error())
	}
	return errors.New("settings: " + strings.Join(all, "; ") + " (docs/configuration.md lists every setting)")
}

// Policy reads what a team can set about its alerts.
func (r *Reader) Policy() gate.Rules {
	p := gate.DefaultRules()
	p.OnWarn = gate.Choice(r.OneOf("ON_WARN", string(gate.DropIt), string(gate.StartIt)))
	p.OnNoData = gate.Choice(r.OneOf("ON_NO_DATA", string(gate.DropIt), string(gate.StartIt)))
	p.OnTest = gate.Choice(r.OneOf("ON_TEST", string(gate.DropIt), string(gate.StartIt)))
	p.InDoubt = gate.DoubtChoice(r.OneOf("IN_DOUBT", string(gate.RepeatIt), string(gate.StopIt)))
	return p
}

// Agent is where the Agent is found.
type Agent struct {
	Secret     string // the secret that holds its address and key: name or ARN
	Host       string // the only host that the address may name
	AllowLocal bool   // also plain http to this machine or a private network; for local use only
}

// Agent reads where the Agent is found.
func (r *Reader) Agent() Agent {
	return Agent{
		Secret: r.Required("AGENT_SECRET"), Host: r.Required("AGENT_HOST"),
		AllowLocal: r.OneOf("AGENT_ALLOW_LOCAL", "no", "yes") == "yes",
	}
}

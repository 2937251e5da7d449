// Package setting reads a program's settings from its environment: every problem is found at once, and each is said
// with the name of the setting and what may stand there. docs/configuration.md describes every setting; a test holds
// that page, the template and this code together.
package setting

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

// Agents is where the Agents are found.
type Agents struct {
	Secret        string // the secret that holds address and key of the Agent "default": name or ARN
	SecretsPrefix string // with the name of any other Agent behind it, the name of that one's secret; "" if there is no other
	Host          string // the only host that an address may name, the same for all
	AllowLocal    bool   // also plain http to this machine or a private network; for local use only
}

// Agents reads where the Agents are found.
func (r *Reader) Agents() Agents {
	return Agents{
		Secret: r.Required("AGENT_SECRET"), SecretsPrefix: r.Optional("AGENT_SECRETS_PREFIX", ""), Host: r.Required("AGENT_HOST"),
		AllowLocal: r.OneOf("AGENT_ALLOW_LOCAL", "no", "yes") == "yes",
	}
}

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

// Spaces reads in which agent spaces the Agents live whose work is followed: the id of the space by the name of the Agent.
// The setting is one id, which is that of the Agent named fallback, or NAME=ID for each Agent, with commas between them.
// It may be left out: then no Agent is followed.
func (r *Reader) Spaces(name, fallback string) map[string]string {
	text := r.Optional(name, "")
	if text == "" {
		return nil
	}
	spaces, owners := map[string]string{}, map[string]string{}
	for _, part := range strings.Split(text, ",") {
		agent, id, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			agent, id = fallback, agent
		}
		switch owner, taken := owners[id]; {
		case agent == "" || !isSpace(id):
			r.Add(fmt.Errorf("%s has %q, and each part must be the id of an agent space or NAME=ID", name, part))
		case spaces[agent] != "":
			r.Add(fmt.Errorf("%s names two agent spaces for the Agent %q", name, agent))
		case taken:
			r.Add(fmt.Errorf("%s gives the agent space %q to the Agents %q and %q; each needs its own", name, id, owner, agent))
		}
		spaces[agent], owners[id] = id, agent
	}
	return spaces
}

// isSpace tells whether a text can be the id of an agent space: it becomes a part of an address.
func isSpace(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i, c := range []byte(id) {
		letter := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("_.-", rune(c))) {
			return false
		}
	}
	return true
}

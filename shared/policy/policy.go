// Package policy reads what a team wants from a file, and says of each alert what that means: a gate.Policy.
//
// The file is YAML. Its root gives the settings for all alerts; routes, of which the first counts that an alert meets,
// change some of them; agents say what each Agent may spend. Whatever is left out has a default that is right for a
// small team: an empty file is a policy. docs/policy.md is the reference of every key, and a test holds it to the code.
//
// A file is read strictly (Parse): a key that there is not, a value that cannot be, a route that no alert comes to are
// errors, and all of them are told at once, each with its place and what may stand there. So a policy that was read can
// be trusted to mean what stands in it, and nothing is found out at night.
//
// Once read, a policy is compiled: For looks up the route and then little more than copies. It keeps nothing and
// changes nothing, and can be called from anywhere at once.
package policy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// DefaultAgent is the name of the Agent that there is without a word in the file.
const DefaultAgent = "default"

// Policy is a gate.Policy that was read from a file.
type Policy struct {
	version string
	file    *file
	root    *branch
	routes  []*branch
	follows []string // Agents whose work is followed
	tells   bool     // there is somebody outside who is told
}

// Load reads the policy in a file, whose base name is what the places of settings begin with. A file that is wrong
// gives an *Error.
func Load(path string) (*Policy, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the policy cannot be read: %w", err)
	}
	return Parse(filepath.Base(path), content)
}

// Parse reads a policy; name is what the places of settings begin with. Its error is an *Error and holds all that is
// wrong.
func Parse(name string, content []byte) (*Policy, error) {
	r := &reader{file: name}
	f := readFile(readYAML(content, &r.problems), r)
	if err := r.err(name); err != nil {
		return nil, err
	}
	return compile(f, name, alert.Hash(string(content))[:12]), nil
}

// Default is the policy of an empty file: the shipped policy.yaml without its route.
func Default() *Policy {
	f := &file{root: defaultSettings(), account: defaultAccount()}
	return compile(f, "", "default")
}

// Version tells one policy from another: a short hash of the file's text; "default" for Default.
func (p *Policy) Version() string { return p.version }

// Follow gives the same policy where the work of these Agents is followed: For says so of their alerts. That is no matter
// of the file, but of what the deployment can reach. An Agent that the policy does not have is an error.
func (p *Policy) Follow(agents ...string) (*Policy, error) {
	known := p.Agents()
	for _, name := range agents {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("the policy has no Agent %q whose work could be followed; it has %s", name, strings.Join(known, ", "))
		}
	}
	f := *p
	f.follows = slices.Clone(agents)
	return &f, nil
}

// Tell gives the same policy where somebody outside is told what happens to cases, or nobody. Like Follow it is about the
// deployment.
func (p *Policy) Tell(tells bool) *Policy {
	t := *p
	t.tells = tells
	return &t
}

// Agents names every Agent that For can choose, and those that the file names besides, sorted: what waits for one that is
// not chosen any more must go on.
func (p *Policy) Agents() []string {
	names := append(p.chosen(), slices.Collect(maps.Keys(p.file.agents))...)
	slices.Sort(names)
	return slices.Compact(names)
}

// chosen names every Agent that For can choose, sorted.
func (p *Policy) chosen() []string {
	names := []string{p.file.root.agent.v}
	for _, rt := range p.file.routes {
		names = append(names, rt.agent.v)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

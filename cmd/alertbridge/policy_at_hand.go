package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

// policyFile is where a policy is looked for when none is named: in the current folder, by the name under which the
// Makefile puts it beside the functions.
const policyFile = "policy.yaml"

// atHand is the policy that a command decides by.
type atHand struct {
	*policy.Policy
	file string // where it stands; "" for the defaults
}

// called is what people know it by.
func (a atHand) called() string {
	if a.file == "" {
		return "the policy's defaults (there is no " + policyFile + " in this folder)"
	}
	return "the policy in " + a.file
}

// policyOf is the policy that every command decides by which takes --policy: the one that is named; else the one of this
// folder, as the functions would be deployed with it; else what a policy says that says nothing. What is wrong with it is
// said line by line on errs, before the error. One of this folder that cannot be used is an error, not passed over.
func policyOf(errs io.Writer, file string) (atHand, error) {
	if file == "" {
		if _, err := os.Stat(policyFile); errors.Is(err, fs.ErrNotExist) {
			return atHand{Policy: policy.Default()}, nil
		}
		file = policyFile
	}
	p, err := loadPolicy(errs, file)
	return atHand{p, file}, err
}

// policyThatDecided is the policy that an explanation may ask; nil where none is named and this folder has none that can be
// read. The defaults would not do: only what decided can tell what it would have said. A local run asks its own.
func policyThatDecided(errs io.Writer, file string, table bool) (gate.Policy, error) {
	switch {
	case !table:
		return nil, nil
	case file != "":
		return loadPolicy(errs, file)
	}
	p, err := policy.Load(policyFile)
	if err != nil {
		return nil, nil // the explanation says that there is none
	}
	return p, nil
}

// loadPolicy reads a policy. What is wrong with its text it says line by line, with the path as the caller wrote it, so
// that a terminal or an editor leads there.
func loadPolicy(errs io.Writer, file string) (*policy.Policy, error) {
	p, err := policy.Load(file)
	var wrong *policy.Error
	if errors.As(err, &wrong) {
		fmt.Fprintln(errs, &policy.Error{File: file, Problems: wrong.Problems})
		what := "1 problem"
		if n := len(wrong.Problems); n > 1 {
			what = fmt.Sprintf("%d problems", n)
		}
		return nil, fmt.Errorf("%s in %s; docs/policy.md explains every key", what, file)
	}
	return p, err
}

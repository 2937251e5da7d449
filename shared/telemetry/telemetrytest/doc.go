// Package telemetrytest runs compiled functions as Lambda would, with stand-ins for what they talk to, so that a test
// sees what they say to the world:
//
//	Function    an execution environment: the Runtime API and the process that asks it for events
//	AWS         SQS as far as sending goes, Secrets Manager; DynamoDB is passed on to an engine
//	Extension   Datadog's extension: its routes for the beginning and end of an invocation, and DogStatsD
//	Traces      Datadog's own test agent, a program from PyPI, which takes spans and judges their form
//	Tree        draws spans as text, so that a test says exactly which it wants
//	Record      a tracer that keeps the spans of a handler that runs in the test itself
//	ParseEMF    reads a line of output as CloudWatch reads counters
//
// The addresses and the file of the extension are fixed in Datadog's library, so a test with Extension needs a network
// and a file system of its own. .ci/trace-test makes both, and runs the tests of this package in them; without it they
// are skipped. mutants_test.go lists faults that these tests have to notice: .ci/trace-test --mutants shows that they do.
package telemetrytest

import (
	"testing"
	"time"
)

// wait asks until ok holds. What is waited for happens in other processes, in real time.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen within 10 s", what)
		}
	}
}

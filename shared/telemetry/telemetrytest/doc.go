// Package telemetrytest runs compiled functions as Lambda would, with stand-ins for what they talk to, so that a test
// can see what they say: the Runtime API (Function), Datadog's extension (Extension), SQS and Secrets Manager with
// DynamoDB passed on to an engine (AWS), and Datadog's own test agent, which takes the spans (Agent). ParseEMF reads
// counters as CloudWatch does.
//
// The addresses and the file of the extension are fixed in Datadog's library, so tests with it need a network and a
// file system of their own; .ci/trace-test makes them.
package telemetrytest

// Command fresh prints an event of the corpus moved to the present, for `sam local invoke`, which would otherwise hand
// the dispatcher an alert that is too old to start anything. An event of eventbridge comes out as the queue's message that
// it reaches outcome in:
//
//	go run ./events/fresh events/sqs/alert.json | sam local invoke DispatcherFunction --event -
//	go run ./events/fresh events/eventbridge/investigation-completed.json | sam local invoke OutcomeFunction --event -
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/events"
)

func main() {
	if err := run(os.Args[1:], time.Now(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fresh:", err)
		os.Exit(1)
	}
}

func run(args []string, now time.Time, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("give it one file: go run ./events/fresh events/sqs/alert.json")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	event, err := fresh(text, now)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(event)
}

// fresh tells the kinds of events apart by what only they have.
func fresh(text []byte, now time.Time) (any, error) {
	var kind struct {
		Records        []json.RawMessage
		RequestContext json.RawMessage `json:"requestContext"`
		Source         string
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	switch {
	case kind.RequestContext != nil:
		var e lambda.APIGatewayV2HTTPRequest
		err := json.Unmarshal(text, &e)
		return events.Fresh(e, now), err
	case kind.Records != nil:
		var e lambda.SQSEvent
		err := json.Unmarshal(text, &e)
		return events.FreshBatch(e, now), err
	case kind.Source == "aws.aidevops":
		return events.FreshOutcome(text, now), nil
	}
	return nil, errors.New("it is neither an event of the HTTP API nor one of SQS or of the Agent; others need not be moved")
}

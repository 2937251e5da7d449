package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
)

func TestRun(t *testing.T) {
	now := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	var out strings.Builder
	if err := run([]string{"../sqs/alert.json"}, now, &out); err != nil {
		t.Fatal(err)
	}
	var batch lambda.SQSEvent
	if err := json.Unmarshal([]byte(out.String()), &batch); err != nil || len(batch.Records) != 1 ||
		batch.Records[0].Attributes["SentTimestamp"] != "1796119200000" || strings.Contains(batch.Records[0].Body, `"received":"2026-10-`) {
		t.Errorf("the message was not moved: %v\n%s", err, out.String())
	}
	out.Reset()
	if err := run([]string{"../http/triggered-p1.json"}, now, &out); err != nil {
		t.Fatal(err)
	}
	var request lambda.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(out.String()), &request); err != nil || request.RequestContext.TimeEpoch != 1796119200000 {
		t.Errorf("the request was not moved: %v\n%s", err, out.String())
	}
	out.Reset()
	if err := run([]string{"../eventbridge/investigation-completed.json"}, now, &out); err != nil {
		t.Fatal(err)
	}
	var said lambda.SQSEvent
	if err := json.Unmarshal([]byte(out.String()), &said); err != nil || len(said.Records) != 1 ||
		!strings.Contains(said.Records[0].Body, `"time": "2026-12-01T10:00:00Z"`) {
		t.Errorf("the Agent's event is not in a message of now: %v\n%s", err, out.String())
	}
	for why, args := range map[string][]string{
		"give it one file": nil,
		"no such file":     {"nothing.json"},
		"neither an event": {"../schedule/tick.json"},
		"it is not JSON":   {"main.go"},
	} {
		if err := run(args, now, &out); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v: %v, want %q", args, err, why)
		}
	}
}

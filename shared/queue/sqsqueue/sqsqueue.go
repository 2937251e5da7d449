// Package sqsqueue sends envelopes to a standard queue of Amazon SQS.
//
// Datadog waits 15 s for ingest's answer and ingest has other things to do, so a send has a time limit of its own and
// ends inside it, taken or not: DefaultTotal for all, DefaultAttempt for each of at most DefaultAttempts attempts. The
// SDK's retryer is switched off: it knows no limit for one attempt, and its attempts and its tokens, shared by all
// requests of a client, would multiply with ours.
//
// An attempt that timed out may have arrived, and is repeated nevertheless: the queue then holds the message twice, and
// the ledger decides a delivery once.
//
// What SQS or the network answered is judged in one place, judge.go. Errors leave this package as *queue.SendError,
// reduced to what an operator needs: an SDK error may quote the whole signed request, the session token in it.
package sqsqueue

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/alertbridge/alertbridge/shared/queue"
)

// API is the part of *sqs.Client that sending needs.
type API interface {
	SendMessage(ctx context.Context, in *sqs.SendMessageInput, o ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Limits of a send.
const (
	DefaultTotal    = 6 * time.Second
	DefaultAttempt  = 2 * time.Second
	DefaultAttempts = 3
	DefaultPause    = 200 * time.Millisecond
)

// Options change the limits of a send. The zero value of a field means its default.
type Options struct {
	Total    time.Duration // for all attempts and the pauses between them
	Attempt  time.Duration // for one attempt
	Attempts int
	Pause    time.Duration // before the second attempt, or up to half less; doubled before each further one
}

// Queue is a queue.Sender on one queue of SQS.
type Queue struct {
	client API
	url    string
	name   string
	limits Options
}

var _ queue.Sender = (*Queue)(nil)

// New returns the queue with this address. It asks SQS nothing: whether the queue exists is found out by sending. The
// error says that the address is not one, such as the name of a template's resource that nothing has replaced.
func New(client API, address string, o Options) (*Queue, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || len(u.Path) < 2 {
		return nil, fmt.Errorf("the queue's address %.200q is not a URL such as "+
			"https://sqs.eu-west-1.amazonaws.com/123456789012/alerts; set it to the URL of the alert queue", address)
	}
	o.Total = cmp.Or(o.Total, DefaultTotal)
	o.Attempt = cmp.Or(o.Attempt, DefaultAttempt)
	o.Attempts = cmp.Or(o.Attempts, DefaultAttempts)
	o.Pause = cmp.Or(o.Pause, DefaultPause)
	return &Queue{client: client, url: address, name: path.Base(u.Path), limits: o}, nil
}

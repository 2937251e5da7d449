package agent

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/alertbridge/alertbridge/shared/call"
	"github.com/alertbridge/alertbridge/shared/clock"
	"github.com/alertbridge/alertbridge/shared/delivery"
)

// CallDeadline is the longest that Client.Call takes: reading the secret, one request, and after a denial reading the
// secret again and a second request with it.
const CallDeadline = 8 * time.Second

// leastTime is what a request must have before it begins. The Agent has been seen to need 1.6 s from far away; a request
// with less time would mostly end in doubt.
const leastTime = 2 * time.Second

// peer is the Agent, in words about calls to it.
var peer = call.Peer{Name: "the Agent", Setting: "AGENT_HOST"}

// Options of a Client. Credentials is needed.
type Options struct {
	Credentials Credentials
	// Transport carries the request; nil is call.NewTransport(false). It must be an *http.Transport or wrap one: what it
	// reports to net/http/httptrace decides whether a failed request can have left.
	Transport http.RoundTripper
	Now       func() time.Time // for signatures and for measuring; nil: time.Now
}

// Client calls the Agent. It is safe for concurrent use.
type Client struct {
	credentials Credentials
	transport   http.RoundTripper
	now         func() time.Time
}

// New makes a Client. It calls nobody yet.
func New(o Options) *Client {
	if o.Transport == nil {
		o.Transport = call.NewTransport(false)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{credentials: o.Credentials, transport: o.Transport, now: o.Now}
}

// Call sends the message once and says what became of it, within CallDeadline and within ctx. It leaves no goroutine
// behind.
func (c *Client) Call(ctx context.Context, m Message) delivery.Answer {
	began := c.now()
	ctx, cancel := clock.WithTimeout(ctx, CallDeadline)
	defer cancel()
	a := c.call(ctx, m.Encode())
	a.Took = c.now().Sub(began)
	return a
}

func (c *Client) call(ctx context.Context, body []byte) delivery.Answer {
	if !call.EnoughTime(ctx, leastTime) {
		return outOfTime("")
	}
	cred, err := c.credentials.Current(ctx)
	if e, ok := errors.AsType[*CredentialError](err); ok && e.Reason != delivery.SecretUnavailable {
		// What is remembered cannot be used. It may have been mended since, and then must not shut the account again.
		cred, _, err = c.credentials.Refresh(ctx)
	}
	if err != nil {
		return noCredential(err)
	}
	first := c.try(ctx, cred, body)
	if !call.Denied(first.Reason) {
		return first
	}
	// A key is replaced without overlap: the old one dies at once, and ours may be the old one. So may the address be.
	newer, _, err := c.credentials.Refresh(ctx)
	if err != nil {
		return afterDenial(first, err)
	}
	if newer.Version == cred.Version && newer.equal(cred) {
		return first
	}
	if second := c.try(ctx, newer, body); second.Reason != delivery.OutOfTime {
		return second
	}
	return first
}

// SecretVersion is the version of the Agent's secret, read again as far as its store allows that. A secret that nobody
// can use has a version too, and one that does not exist has the version "". The error says that it could not be read.
func (c *Client) SecretVersion(ctx context.Context) (string, error) {
	cred, _, err := c.credentials.Refresh(ctx)
	stale := cred.stale
	if e, ok := errors.AsType[*CredentialError](err); ok && e.Reason != delivery.SecretUnavailable {
		cred.Version, stale, err = e.Version, e.stale, nil
	}
	if stale {
		err = &CredentialError{Reason: delivery.SecretUnavailable, Words: "its store does not answer, and what is remembered may be old"}
	}
	return cred.Version, err
}

// try sends one request with one credential.
func (c *Client) try(ctx context.Context, cred Credential, body []byte) delivery.Answer {
	if !call.EnoughTime(ctx, leastTime) {
		return outOfTime(cred.Version)
	}
	header := http.Header{}
	cred.authorize(header, body, c.now())
	reply, failure := call.Post(ctx, c.transport, peer, call.Request{Address: cred.address, Header: header, Body: body}, c.now)
	if failure != nil {
		failure.SecretVersion = cred.Version
		return *failure
	}
	a := judge(reply)
	a.Words = speakable(a.Words, cred, header)
	a.SecretVersion = cred.Version
	return a
}

func outOfTime(version string) delivery.Answer {
	return delivery.Answer{
		Reason: delivery.OutOfTime, SecretVersion: version,
		Words: "there was too little time left for a call, nothing was sent",
	}
}

// noCredential is the answer of a call that could not be made.
func noCredential(err error) delivery.Answer {
	if e, ok := errors.AsType[*CredentialError](err); ok {
		return delivery.Answer{Reason: e.Reason, Words: call.Bounded(e.Words), SecretVersion: e.Version}
	}
	return delivery.Answer{Reason: delivery.SecretUnavailable, Words: call.Bounded(err.Error())}
}

// afterDenial is the answer when the Agent said no and there is no better secret. One that was replaced by an
// unusable one is told as such, with its version, or the account would be opened for nothing; else the Agent's own
// answer says more.
func afterDenial(first delivery.Answer, err error) delivery.Answer {
	if second := noCredential(err); second.Outcome() == delivery.Shut {
		return second
	}
	return first
}

package local

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/alertbridge/alertbridge/events"
)

// verdictTime is how long a delivery may take to its verdict before something is taken to be wrong.
const verdictTime = 30 * time.Second

// Played is what became of a delivery of package events.
type Played struct {
	events.Delivery
	Seen Seen
}

// play sends the deliveries of package events to the front door, one after the other, each when the one before has its
// verdict: they are a story.
func (b *bridge) play(ctx context.Context, url string, each func(Played)) error {
	corpus, err := events.Load()
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: verdictTime}
	defer client.CloseIdleConnections()
	for _, d := range corpus.HTTP {
		seen, err := b.playOne(ctx, client, url, d)
		if err != nil {
			return fmt.Errorf("the delivery %s of events/http: %w", d.Case, err)
		}
		each(Played{d, seen})
	}
	return nil
}

func (b *bridge) playOne(ctx context.Context, client *http.Client, url string, d events.Delivery) (Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, verdictTime)
	defer cancel()
	req, err := asRequest(ctx, url, d)
	if err != nil {
		return Seen{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return Seen{}, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return b.watch.until(ctx, resp.Header.Get(RequestHeader))
}

// asRequest makes the request again that the HTTP API made the event of, as if it came now.
func asRequest(ctx context.Context, url string, d events.Delivery) (*http.Request, error) {
	e := events.Fresh(d.Request, time.Now())
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range e.Headers {
		switch strings.ToLower(name) {
		case "host", "content-length", "accept-encoding", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto":
		default:
			req.Header.Set(name, value)
		}
	}
	return req, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/local"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
)

const (
	sendTime    = 20 * time.Second // for one request; Datadog waits 15 s
	verdictTime = 10 * time.Second // for a local run to decide
	maxReply    = 64 << 10         // bytes that are read of an answer
)

// sender sends deliveries to one bridge.
type sender struct {
	client *http.Client
	url    *url.URL
	token  string
	named  bool // the operator has named the token
}

// newSender checks where deliveries are to go, before the first one does.
func newSender(address, token string) (*sender, error) {
	u, err := bridgeURL(address)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = local.Path
	}
	s := &sender{url: u, token: token, named: token != ""}
	if !s.named {
		s.token = defaultToken
	}
	if u.Scheme == "http" && s.named && !loopback(u.Hostname()) {
		return nil, usage("--url %s is plain http: everybody on the way would see the token; use https", address)
	}
	s.client = &http.Client{
		Timeout: sendTime,
		// A redirect would take the token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

// bridgeURL reads an address that the operator has given.
func bridgeURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usage("--url is %q and must be an address such as http://%s or https://HOST%s", address, local.DefaultListen, local.Path)
	}
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// result is what became of one delivery.
type result struct {
	status   int // 0: no answer
	delivery string
	verdict  string
	reason   string
	words    string // what was wrong
}

// accepted: only a bridge answers with the delivery's id.
func (r result) accepted() bool { return r.status >= 200 && r.status < 300 && r.delivery != "" }

// String is the line without the file: status, verdict, reason, then the delivery or what was wrong.
func (r result) String() string {
	status, last := "-", r.delivery
	if r.status > 0 {
		status = fmt.Sprint(r.status)
	}
	if !r.accepted() {
		last = r.words
	}
	return fmt.Sprintf("%-3s  %-5s  %-18s  %s", status, or(r.verdict), or(r.reason), or(last))
}

func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// send sends one delivery, and asks a local run what became of it.
func (s *sender) send(ctx context.Context, p parcel) result {
	r, request := s.post(ctx, p)
	if request != "" {
		s.ask(ctx, &r, request)
	}
	return r
}

// post sends one delivery. Where a local run has taken it, request is what that can be asked about.
func (s *sender) post(ctx context.Context, p parcel) (r result, request string) {
	req, err := s.request(ctx, p)
	if err != nil {
		return result{words: err.Error()}, ""
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return result{words: s.unreachable(err)}, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return result{status: resp.StatusCode, words: "the answer broke off: " + err.Error()}, ""
	}
	var said struct {
		Delivery string `json:"delivery"`
		Error    string `json:"error"`
		Message  string `json:"message"` // API Gateway's own answers
	}
	r = result{status: resp.StatusCode}
	_ = json.Unmarshal(body, &said) // without words the status speaks
	r.delivery, r.words = line(said.Delivery), line(said.Error+said.Message)
	if r.words == "" && !r.accepted() {
		r.words = "this is not how a bridge answers; is --url right?"
	}
	if resp.Header.Get(local.Header) != "" && r.delivery != "" {
		request = resp.Header.Get(local.RequestHeader)
	}
	return r, request
}

func (s *sender) request(ctx context.Context, p parcel) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, p.method, s.url.String(), bytes.NewReader(p.body))
	if err != nil {
		return nil, err
	}
	req.Header = p.header.Clone()
	if !p.ownToken || s.named {
		req.Header.Del("Authorization")
		req.Header.Set(datadog.TokenHeader, s.token)
	}
	return req, nil
}

// unreachable says what the operator can do.
func (s *sender) unreachable(err error) string {
	at := s.url.Host
	var dns *net.DNSError
	var wait net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && loopback(s.url.Hostname()):
		return fmt.Sprintf("nothing listens on %s; start a bridge there with alertbridge run, or name another with --url", at)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens on %s; is --url right?", at)
	case errors.As(err, &dns):
		return fmt.Sprintf("there is no host %s; is --url right?", at)
	case errors.As(err, &wait) && wait.Timeout():
		return fmt.Sprintf("%s did not answer within %s; the delivery may have arrived all the same", at, sendTime)
	}
	var cause *url.Error
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Sprintf("%s did not answer: %s", at, line(err.Error()))
}

// ask waits for a local run's verdict on what this request has brought.
func (s *sender) ask(ctx context.Context, r *result, request string) {
	ctx, cancel := context.WithTimeout(ctx, verdictTime)
	defer cancel()
	u := *s.url
	u.Path, u.RawQuery = "/deliveries/"+r.delivery, url.Values{"request": {request}}.Encode()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		var seen local.Seen
		if err := getJSON(ctx, s.client, u.String(), &seen); err != nil {
			return // the delivery was taken all the same; there is just no verdict to tell
		}
		if seen.Decided {
			r.verdict, r.reason = line(seen.Verdict), line(seen.Reason)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// getJSON reads what a local run says.
func getJSON(ctx context.Context, client *http.Client, address string, into any) error {
	return postJSON(ctx, client, address, nil, into)
}

// postJSON tells a local run something, if there is something to tell, and reads what it says.
func postJSON(ctx context.Context, client *http.Client, address string, post, into any) error {
	method, send := http.MethodGet, io.Reader(nil)
	if post != nil {
		text, err := json.Marshal(post)
		if err != nil {
			return err
		}
		method, send = http.MethodPost, bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, send)
	if err != nil {
		return err
	}
	if post != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var said struct{ Error, Message string }
		_ = json.Unmarshal(body, &said) // without words the status speaks
		return &statusError{resp.StatusCode, said.Error != "", line(strings.TrimSpace(said.Error + " " + said.Message))}
	}
	return json.Unmarshal(body, into)
}

// statusError is an answer that is not what was asked for.
type statusError struct {
	status int
	ours   bool // it says why as a local run does
	words  string
}

func (e *statusError) Error() string {
	if e.words != "" {
		return e.words
	}
	return fmt.Sprintf("the answer was %d %s", e.status, http.StatusText(e.status))
}

// line makes what others say fit to be printed: one line of bounded length that does nothing to a terminal.
func line(s string) string {
	s, _ = alert.Cut(alert.Line(s), 300)
	return s
}

package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/local"
)

// answers stand for a bridge: each request is answered by the next, and with the last nobody waits any longer.
type answers struct {
	status int
	bodies []string
	done   context.CancelFunc
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body := a.bodies[0]
	if a.bodies = a.bodies[1:]; len(a.bodies) == 0 {
		a.done()
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{local.Header: {"run"}, local.RequestHeader: {"r"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// FuzzSend: whatever file is to be sent, and whatever answers, what is printed is one line that does nothing to a
// terminal.
func FuzzSend(f *testing.F) {
	f.Add([]byte(`{"title":"A","date":"1795262390000"}`), true, 202, `{"delivery":"dd-1-2"}`, `{"decided":true,"verdict":"start","reason":"new_incident"}`)
	f.Add([]byte(`{"requestContext":{"http":{"method":"POST"},"timeEpoch":1},"headers":{"Host":"h","x-a":"\u0000"},"body":"e30=","isBase64Encoded":true}`), true, 401, `{"error":"\u001b[2J"}`, "")
	f.Add([]byte(`{"requestContext":{"http":{"method":"G T"}},"headers":{},"body":"{","isBase64Encoded":true}`), false, 200, "<html>", "{")
	f.Add([]byte(`{"headers":{"x":"y"},"body_text":"{\"date\":1795262390}"}`), true, 503, `{"message":"Service\nUnavailable"}`, "null")
	f.Add([]byte(`{"Records":[{}]}`), false, 302, "", "")
	f.Add([]byte("\xff\x00"), true, 999, "[]", "[]")
	f.Fuzz(func(t *testing.T, text []byte, fresh bool, status int, first, second string) {
		p := pack("file", text, nil, fresh)
		r := result{}
		if p.err != nil {
			r.words = line(p.err.Error())
		} else {
			s, err := newSender("http://127.0.0.1:1/datadog", "")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.client.Transport = &answers{status: 100 + max(status, -(status+1))%900, bodies: []string{first, second}, done: cancel}
			r = s.send(ctx, p)
			for name := range p.header {
				if ofConnection(name) {
					t.Errorf("the header %s goes along", name)
				}
			}
		}
		if said := r.String(); strings.ContainsFunc(said, func(c rune) bool {
			return unicode.IsControl(c) || !unicode.IsPrint(c) && c != unicode.ReplacementChar && c != ' '
		}) {
			t.Errorf("it prints %q", said)
		}
	})
}

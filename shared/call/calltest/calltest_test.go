package calltest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alertbridge/alertbridge/shared/call/calltest"
)

// exchange and behaviour are those of a stand-in that can do nothing but say yes.
type exchange struct{ *calltest.Exchange }

type behaviour func(*exchange)

func yes(x *exchange) { x.Reply(http.StatusOK, "text/plain", "yes") }

func newServer() *calltest.Server[exchange, behaviour] {
	return calltest.New(behaviour(yes), func(x *calltest.Exchange) *exchange { return &exchange{x} })
}

// What a connection carries, and what it tells net/http/httptrace, is the same with a socket and without.
func TestBothWays(t *testing.T) {
	for _, row := range []struct {
		name   string
		meets  behaviour
		answer string // "" for none
		broken bool   // it ends before its end
	}{
		{"honest", nil, "200 OK yes", false},
		{"another status", func(x *exchange) { x.Reply(http.StatusTeapot, "text/plain", "no") }, "418 I'm a teapot no", false},
		{"the request's body", func(x *exchange) {
			body, err := x.Body()
			if err != nil {
				t.Error(err)
			}
			x.Reply(http.StatusOK, "text/plain", string(body))
		}, "200 OK asked", false},
		{"written without a status", func(x *exchange) { _, _ = io.WriteString(x.W, "yes") }, "200 OK yes", false},
		{"cut", func(x *exchange) { x.Cut() }, "", false},
		{"cut in the answer", func(x *exchange) { x.Begin(http.StatusAccepted, 100, "ye"); x.Cut() }, "202 Accepted ye", true},
		{"slow", func(x *exchange) {
			if x.Wait(time.Millisecond) {
				yes(x)
			}
		}, "200 OK yes", false},
	} {
		s := newServer()
		if err := s.Listen("", false); err != nil {
			t.Fatal(err)
		}
		for way, carry := range map[string]http.RoundTripper{"over a socket": http.DefaultTransport, "in process": s} {
			s.Next(row.meets)
			written := false
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { written = true }})
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), strings.NewReader("asked"))
			if err != nil {
				t.Fatal(err)
			}
			answer, broken := "", false
			if resp, err := carry.RoundTrip(r); err == nil {
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				answer, broken = resp.Status+" "+string(body), err != nil
			}
			if answer != row.answer || broken != row.broken || !written {
				t.Errorf("%s %s: %q, broken %t, written %t; want %q, %t", row.name, way, answer, broken, written, row.answer, row.broken)
			}
		}
		s.Close()
	}
}

// Without a socket there can be no connection at all, and a client that gives up is told so at its own time.
func TestInProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		connected := 0
		ask := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected++ }})
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL(), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.RoundTrip(r)
			return err
		}
		s.Next(func(x *exchange) { x.Refuse() })
		if err := ask(); !errors.Is(err, syscall.ECONNREFUSED) || connected != 0 {
			t.Errorf("refused: %v, and %d connections", err, connected)
		}
		began := time.Now()
		s.Next(func(x *exchange) { x.Wait(time.Hour); x.Cut() })
		if err := ask(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second || connected != 1 {
			t.Errorf("left waiting: %v after %v, and %d connections", err, time.Since(began), connected)
		}
		s.Next(func(x *exchange) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(x.W, strings.Repeat(" ", 1<<16))
			}
		})
		if err := ask(); err != nil {
			t.Errorf("an answer without an end: %v", err)
		}
	})
}

// Requests are kept in the order in which they were judged, and told one at a time.
func TestLog(t *testing.T) {
	var told, telling, judging int
	var mu sync.Mutex
	log := calltest.Log[int]{OnRequest: func(int) {
		if telling++; telling != 1 {
			t.Error("two are told at once")
		}
		told++
		telling--
	}}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			mu.Lock()
			judging++
			n := judging
			log.Add(n)
			mu.Unlock()
			log.Tell(n)
		})
	}
	all.Wait()
	for i, n := range log.All() {
		if n != i+1 {
			t.Fatalf("kept as %v", log.All())
		}
	}
	if told != 50 || len(log.All()) != 50 {
		t.Errorf("told of %d, kept %d", told, len(log.All()))
	}
}

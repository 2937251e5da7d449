package call

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestConnectionsEndWithTheCall: net/http goes on connecting in the background when a call is over, and takes the
// deadline off the context for that.
func TestConnectionsEndWithTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		background := context.WithoutCancel(withCallEnd(ctx))
		began := time.Now()

		never := endingWithCall(func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if _, err := never(background, "tcp", "x:1"); err == nil || time.Since(began) != 3*time.Second {
			t.Errorf("the attempt ended with %v after %v, want an error after 3s", err, time.Since(began))
		}

		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		background = context.WithoutCancel(withCallEnd(ctx))
		began = time.Now()
		made := endingWithCall(func(context.Context, string, string) (net.Conn, error) {
			client, _ := net.Pipe()
			return client, nil
		})
		conn, err := made(background, "tcp", "x:1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil || time.Since(began) != 3*time.Second {
			t.Errorf("the connection ended with %v after %v, want an error after 3s", err, time.Since(began))
		}
	})
}

func TestRefuseLocal(t *testing.T) {
	tests := []struct {
		address string
		refused bool
	}{
		{"127.0.0.1:443", true},
		{"127.9.9.9:443", true},
		{"[::1]:443", true},
		{"[::ffff:127.0.0.1]:443", true},
		{"169.254.169.254:443", true},
		{"[fe80::1]:443", true},
		{"0.0.0.0:443", true},
		{"224.0.0.1:443", true},
		{"10.1.2.3:443", false}, // an endpoint inside a VPC
		{"3.120.0.1:443", false},
		{"[2a05:d014::1]:443", false},
	}
	for _, tt := range tests {
		if err := refuseLocal("tcp", tt.address, nil); (err != nil) != tt.refused {
			t.Errorf("%s: %v, want refused: %v", tt.address, err, tt.refused)
		}
	}
}

// TestWordsForConnections: what an operator is told is by kind, and never the error's text, which holds addresses.
func TestWordsForConnections(t *testing.T) {
	const host = "event-ai.eu-central-1.api.aws"
	handshake := func(ctx context.Context, _ Peer, err error) string { return tlsWords(ctx, err) }
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := []struct {
		words func(context.Context, Peer, error) string
		err   error
		want  string
	}{
		{connectWords, op(&net.DNSError{Name: host, IsNotFound: true}), "there is no such host; see AGENT_HOST"},
		{connectWords, op(&net.DNSError{Name: host, IsTimeout: true}), "the DNS did not answer"},
		{connectWords, op(syscall.ECONNREFUSED), "refused"},
		{connectWords, op(syscall.ENETUNREACH), "no way to the Agent's network"},
		{connectWords, op(syscall.EHOSTUNREACH), "no way to the Agent's network"},
		{connectWords, op(context.DeadlineExceeded), "no connection in time"},
		{connectWords, op(errLocalAddress), "address of this machine"},
		{connectWords, errors.New("anything at 10.0.0.1"), "no connection"},
		{handshake, fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}), "not trusted"},
		{handshake, x509.HostnameError{Host: host, Certificate: &x509.Certificate{}}, "for another host"},
		{handshake, x509.CertificateInvalidError{Reason: x509.Expired}, "not valid at this time"},
		{handshake, tls.RecordHeaderError{Msg: "first record"}, "does not speak TLS"},
		{handshake, context.DeadlineExceeded, "in time"},
		{handshake, errors.New("remote error: tls: 10.0.0.1"), "handshake failed"},
	}
	for _, tt := range tests {
		got := tt.words(t.Context(), Peer{Name: "the Agent", Setting: "AGENT_HOST"}, tt.err)
		if !strings.Contains(got, tt.want) || strings.Contains(got, host) || strings.Contains(got, "10.0.0.1") {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

package call

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// trace follows one request through the transport, so that a failure can be told from a doubt.
//
// net/http calls wroteHeaders when the header is complete in the connection's buffer, and only then hands over the body
// and flushes. So a request that failed before it cannot have reached the peer as a whole, and what has no body says
// nothing: it is not delivered, for certain. After it, anything may have arrived. The transport closes the connection
// before RoundTrip returns, so nothing can leave once the fields are read.
type trace struct {
	began        atomic.Bool // the transport looks for a connection; false: it does not report at all
	handshake    atomic.Bool // TLS has begun
	connected    atomic.Bool
	wroteHeaders atomic.Bool
}

func (t *trace) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:           func(string) { t.began.Store(true) },
		TLSHandshakeStart: func() { t.handshake.Store(true) },
		GotConn:           func(httptrace.GotConnInfo) { t.connected.Store(true) },
		WroteHeaders:      func() { t.wroteHeaders.Store(true) },
	})
}

// judge says what became of a request that the transport ended with an error. The error's own text is not used: it
// holds addresses.
func (t *trace) judge(ctx context.Context, p Peer, err error) delivery.Answer {
	switch {
	case !t.began.Load() || t.wroteHeaders.Load():
		if late(ctx, err) {
			return delivery.Answer{Reason: delivery.TimedOut, Words: "the request was sent, and no answer came in time"}
		}
		return delivery.Answer{Reason: delivery.Reset, Words: "the connection ended after the request had begun, without an answer"}
	case t.connected.Load():
		return delivery.Answer{Reason: delivery.ConnectionFailed, Words: "the connection ended before the request had begun"}
	case t.handshake.Load():
		return delivery.Answer{Reason: delivery.TLSFailed, Words: tlsWords(ctx, err)}
	}
	return delivery.Answer{Reason: delivery.ConnectionFailed, Words: connectWords(ctx, p, err)}
}

// late reports whether a request ended because its time was over.
func late(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

func tlsWords(ctx context.Context, err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "no secure connection: the certificate is of an authority that is not trusted; is there a proxy in between?"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "no secure connection: the certificate is for another host; is there a proxy in between?"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "no secure connection: the certificate is not valid at this time"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "no secure connection: the other side does not speak TLS"
	}
	if late(ctx, err) {
		return "no secure connection in time"
	}
	return "no secure connection: the TLS handshake failed"
}

func connectWords(ctx context.Context, p Peer, err error) string {
	if errors.Is(err, errLocalAddress) {
		return p.Name + "'s name resolves to an address of this machine, which is not called; see the DNS"
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return p.Name + "'s name cannot be resolved: there is no such host; see " + p.Setting
		}
		return p.Name + "'s name cannot be resolved: the DNS did not answer"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no way to " + p.Name + "'s network; see the function's network settings"
	case late(ctx, err):
		return "no connection in time; see the function's network settings"
	}
	return "no connection"
}

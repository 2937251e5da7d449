package call

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// connectTimeout bounds name resolution and connecting; the call's deadline bounds them too. Handshakes have as much.
const connectTimeout = 4 * time.Second

// NewTransport is the transport to call a service through. A caller may wrap it, to trace or to count.
//
// Each call gets a connection of its own, in HTTP/1.1: a kept one may have died while the function was frozen, and a
// request that is written into it is in doubt where a new connection would have told the truth. There is no proxy and
// no decompression. The host's certificate is checked; loopback and link-local addresses are not connected to, unless
// allowLocal, whatever the name resolves to. Private ones are, because an endpoint inside a VPC has one.
func NewTransport(allowLocal bool) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: -1}
	if !allowLocal {
		dialer.Control = refuseLocal
	}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            endingWithCall(dialer.DialContext),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: MaxAnswer,
	}
}

// callEnd is the key of the deadline that endingWithCall obeys.
type callEnd struct{}

// withCallEnd tells the transport below when the call ends.
func withCallEnd(ctx context.Context) context.Context {
	end, ok := ctx.Deadline()
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, callEnd{}, end)
}

// endingWithCall ends a connection, and the attempt to make one, with the call. net/http takes the deadline off the
// context before it connects, because another request might use the connection, and goes on in the background after
// the call has ended.
func endingWithCall(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		end, ok := ctx.Value(callEnd{}).(time.Time)
		if !ok {
			return dial(ctx, network, address)
		}
		ctx, cancel := context.WithDeadline(ctx, end)
		defer cancel()
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return conn, conn.SetDeadline(end)
	}
}

// errLocalAddress is what a connection to an address that a service cannot have ends in.
var errLocalAddress = errors.New("the name resolves to a local address")

func refuseLocal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return errLocalAddress
	}
	return nil
}

// Local reports whether a host is this machine or a private network, and not the link-local range where clouds keep the
// credentials of their machines.
func Local(host string) bool {
	switch {
	case host == "localhost", strings.HasSuffix(host, ".localhost"), host == "host.docker.internal":
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.IsLoopback() || ip.IsPrivate())
}

// StandIn checks the address of a stand-in: http or https to a Local host, and no path. It is for settings of a
// developer's machine; elsewhere a service's address is not a setting.
func StandIn(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !Local(u.Hostname()) || strings.TrimSuffix(address, "/") != u.Scheme+"://"+u.Host {
		return errors.New("the address of a stand-in is not http:// or https:// with a host of this machine or a private network, and nothing more")
	}
	return nil
}

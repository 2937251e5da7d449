package agenttest

// NewInProcess makes an Agent that listens nowhere: its RoundTrip is the way to it. What would wait, waits on the clock
// that the request's context carries (package clock), and so in virtual time where there is one. Address and TLS mean
// nothing here.
func NewInProcess(o Options) *Server {
	s := newServer(o)
	s.secrets.Set(s.Secret())
	return s
}

// Unreachable is an Agent to which there is no connection: the request does not leave. Over a socket, where there is one
// already, it resets that instead.
func Unreachable(x *Exchange) { x.Refuse() }

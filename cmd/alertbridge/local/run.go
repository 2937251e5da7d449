package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Options of Run.
type Options struct {
	Listen string        // address of the front door; port 0 is a free one
	Policy gate.Policy   // what alerts are worth
	Called string        // what people know the policy by
	Tick   time.Duration // how often the scheduler runs
	Quiet  bool          // the deliveries of package events are not played
	Out    io.Writer     // what happens
	Logs   io.Writer     // the functions' log records; nil drops them
	Color  bool          // Out is a terminal
	Name   string        // how the operator calls this command, for the hints at the end

	// Ready, if not nil, is told the address of the front door, once it answers; OnPlayed of each delivery that was
	// played; Up that all were.
	Ready    func(url string)
	OnPlayed func(Played)
	Up       func()
}

// Run runs the bridge until ctx ends, and then returns nil when everything has ended in order. Its error says what the
// operator can do.
func Run(ctx context.Context, o Options) error {
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return cannotListen(o.Listen, err)
	}
	tell := newTeller(o.Out, o.Color)
	b, err := newBridge(o.Policy, newWatch(tell.seen, tell.moved), tell.request, o.Logs)
	if err != nil {
		_ = listener.Close()
		return fmt.Errorf("the stand-in for the Agent cannot start: %w", err)
	}
	defer b.close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	base := "http://" + listener.Addr().String()
	var running sync.WaitGroup
	running.Go(func() { b.queue.Run(ctx, b.dispatcher) })
	running.Go(func() { b.tick(ctx, o.Tick) })
	served := make(chan error, 1)
	server := &http.Server{Handler: b.front(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(orDiscard(o.Logs), "", 0)}
	go func() { served <- server.Serve(listener) }()

	tell.say(banner(base, o.Called))
	if o.Ready != nil {
		o.Ready(base + Path)
	}
	err = b.up(ctx, o, tell, base)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-served:
		}
	}
	if ctx.Err() != nil {
		err = nil // it was told to end, whatever it was doing
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(ending)
	stop()
	running.Wait()
	tell.summary()
	return err
}

// up plays the deliveries and says how to go on.
func (b *bridge) up(ctx context.Context, o Options, tell *teller, base string) error {
	if !o.Quiet {
		tell.head()
		err := b.play(ctx, base+Path, func(p Played) {
			if o.OnPlayed != nil {
				o.OnPlayed(p)
			}
		})
		if err != nil {
			return err
		}
	}
	tell.say(hints(o, base))
	if o.Quiet {
		tell.head()
	}
	if o.Up != nil {
		o.Up()
	}
	return nil
}

// tick runs the scheduler until ctx ends. A tick has as long as in Lambda.
func (b *bridge) tick(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			tick, cancel := context.WithTimeout(ctx, time.Minute)
			_, _ = b.scheduler(tick, struct{}{}) // its error is in its log record; the next tick does what this one left
			cancel()
		}
	}
}

func cannotListen(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program; end that one, or choose another address, such as --listen 127.0.0.1:0 for a free port", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("you may not listen on %s; choose a port above 1023, such as --listen 127.0.0.1:8080", address)
	}
	return fmt.Errorf("cannot listen on %q: %w; --listen takes an address of this computer and a port, such as 127.0.0.1:8080", address, err)
}

func banner(base, policy string) string {
	return fmt.Sprintf("alertbridge runs on this computer: front door %s%s, queue and ledger in memory, a stand-in for the Agent.\n"+
		"Nothing leaves this computer and nothing is billed. It decides by %s.\n\n", base, Path, policy)
}

func hints(o Options, base string) string {
	now, url := "\nIt stays up. Send one more:", ""
	if o.Quiet {
		now = "It waits for deliveries. Send one:"
	}
	if base != "http://"+DefaultListen {
		url = " --url " + base
	}
	return fmt.Sprintf("%s\n\n  %s\n\nor any delivery that you have:\n\n  %s send%s FILE\n\n"+
		"Look at the cases:\n\n  %s cases list%s\n\nEnd it with Ctrl-C.\n\n", now, Curl(base+Path), o.Name, url, o.Name, url)
}

// DefaultListen is where the front door is unless told otherwise.
const DefaultListen = "127.0.0.1:8080"

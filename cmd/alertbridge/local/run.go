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
	Speed  int           // how many times as fast as the machine's the run's clock goes; 0 is 1
	Quiet  bool          // the deliveries of package events are not played
	Out    io.Writer     // what happens
	Logs   io.Writer     // the functions' log records; nil drops them
	Color  bool          // Out is a terminal
	Name   string        // how the operator calls this command, for the hints at the end

	// How the stand-in for the Agent misbehaves. APIOnly: none of its events arrives, only its API tells what comes of a
	// start. WithholdEvents: nor does its API show any task, so that nobody learns that it investigates. LoseStarts: it
	// answers every start well and makes nothing of it.
	APIOnly, WithholdEvents, LoseStarts bool

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
	b, err := newBridge(o, newWatch(tell.seen, tell.moved, tell.heard), tell.request, tell.told)
	if err != nil {
		_ = listener.Close()
		return fmt.Errorf("a stand-in cannot start: %w", err)
	}
	defer b.close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	base := "http://" + listener.Addr().String()
	var running sync.WaitGroup
	running.Go(func() { b.queue.Run(ctx, b.dispatcher) })
	running.Go(func() { b.outcomes.Run(ctx, b.outcome) })
	running.Go(func() { b.deliver(ctx, o.APIOnly || o.WithholdEvents) })
	running.Go(func() { b.tick(ctx, o.Tick) })
	served := make(chan error, 1)
	server := &http.Server{Handler: b.front(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(orDiscard(o.Logs), "", 0)}
	go func() { served <- server.Serve(listener) }()

	tell.say(banner(base, o))
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
			_, _ = b.scheduler(b.pace.keeps(tick), struct{}{}) // its error is in its log record; the next tick does what this one left
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

func banner(base string, o Options) string {
	text := fmt.Sprintf("alertbridge runs on this computer: front door %s%s, queue and ledger in memory, stand-ins for the Agent,\n"+
		"and for Datadog's events and PagerDuty, where people are told.\n"+
		"Nothing leaves this computer and nothing is billed. It decides by %s.\n", base, Path, o.Called)
	if o.Speed > 1 {
		text += fmt.Sprintf("Its clock goes %d times as fast as yours: a minute takes %s.\n", o.Speed, (time.Minute / time.Duration(o.Speed)).Round(time.Millisecond))
	}
	switch {
	case o.LoseStarts:
		text += "The Agent loses what it takes: it answers 200, and nothing comes of it.\n"
	case o.WithholdEvents:
		text += "The Agent takes what it is sent and investigates, and nobody hears of it: its events are withheld, and its API\n" +
			"shows no task.\n"
	case o.APIOnly:
		text += "The Agent's events do not arrive: only its API tells what comes of a start.\n"
	}
	if o.APIOnly || o.WithholdEvents || o.LoseStarts {
		text += fmt.Sprintf("The API is asked %s after a start; one that is not confirmed within %s is an alarm, and\n"+
			"of a critical alert somebody is paged.\n",
			minutes(gate.FirstAsk, o.Speed), minutes(gate.ConfirmWithin, o.Speed))
		if o.Speed <= 1 {
			text += fmt.Sprintf("With --speed %d a minute takes a second.\n", MaxSpeed)
		}
	}
	return text + "\n"
}

// minutes are minutes of the run's clock, and what that is in true time.
func minutes(d time.Duration, speed int) string {
	text := number(int(d/time.Minute), "minute")
	if speed > 1 {
		text += fmt.Sprintf(" (%s here)", (d / time.Duration(speed)).Round(time.Second))
	}
	return text
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

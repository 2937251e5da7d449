package local

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// Seen is what became of one request at the front door, in the functions' own words: those of their log records.
type Seen struct {
	Request    string `json:"request"` // its id
	Status     int    `json:"status"`
	Delivery   string `json:"delivery,omitempty"` // "" when nothing was queued
	Refused    string `json:"refused,omitempty"`  // ingest's reason where the status is no 2xx
	Says       string `json:"says,omitempty"`     // what the caller was told
	Decided    bool   `json:"decided"`
	Verdict    string `json:"verdict,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Case       string `json:"case,omitempty"`
	Transition string `json:"transition,omitempty"`
	Title      string `json:"title,omitempty"`
	Outcome    string `json:"outcome,omitempty"` // of the call to the Agent, where there was one
	Trouble    string `json:"trouble,omitempty"` // why there is no verdict yet; the queue tries again
}

// done tells that nothing more will be seen of the request.
func (s Seen) done() bool { return s.Status != 0 && (s.Delivery == "" || s.Decided) }

// Moved is what a tick did to a case.
type Moved struct {
	Case, Did, From, To, Title string
	Why                        string // it waits, or how it ended
	Outcome                    string // of the call to the Agent, where there was one
	Work                       string // what is known of its investigation, where the tick has learnt of it
}

// Heard is what an event of the Agent's told of a case.
type Heard struct {
	Case, Status, From, To string
	Confirms               bool   // it shows for the first time that the Agent has the case
	Work                   string // what is known of its investigation with it
}

// watch sees what the functions do by reading their log records as they are written. It says everything once: a request
// when both ingest and dispatcher have done with it, and when it has met with trouble; a case when a tick has moved it.
type watch struct {
	onSeen  func(Seen)
	onMoved func(Moved)
	onHeard func(Heard)
	look    func(id string) string // what is known of a case's investigation now, in a line

	mu     sync.Mutex
	seen   map[string]*Seen // by request
	order  []string         // the requests, oldest first; at most maxSeen
	latest map[string]string
	wait   map[string]chan struct{} // closed when the request is done
}

// maxSeen bounds what is remembered of requests: the local run may stay up for long.
const maxSeen = 10_000

func newWatch(onSeen func(Seen), onMoved func(Moved), onHeard func(Heard)) *watch {
	return &watch{
		onSeen: onSeen, onMoved: onMoved, onHeard: onHeard, look: func(string) string { return "" },
		seen: map[string]*Seen{}, latest: map[string]string{}, wait: map[string]chan struct{}{},
	}
}

// requestKey is where the context of an invocation keeps the id of the request that it goes back to.
type requestKey struct{}

func withRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// begin makes a request known, before any record of it is written.
func (w *watch) begin(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[id], w.wait[id] = &Seen{Request: id}, make(chan struct{})
	w.order = append(w.order, id)
	if len(w.order) > maxSeen {
		old := w.order[0]
		w.order = w.order[1:]
		if s := w.seen[old]; w.latest[s.Delivery] == old {
			delete(w.latest, s.Delivery)
		}
		delete(w.seen, old)
		delete(w.wait, old)
	}
}

// update changes what is seen of a request, and says it when it is done.
func (w *watch) update(id string, change func(*Seen)) {
	w.mu.Lock()
	s, there := w.seen[id]
	if !there {
		w.mu.Unlock()
		return
	}
	before, trouble := s.done(), s.Trouble
	change(s)
	if s.Delivery != "" {
		w.latest[s.Delivery] = id
	}
	now, wait := *s, w.wait[id]
	w.mu.Unlock()
	switch {
	case now.done() && !before:
		w.onSeen(now)
		close(wait)
	case now.Trouble != trouble && now.Trouble != "":
		w.onSeen(now)
	}
}

// until waits until the request is done, and returns what was seen of it; with the context's error when it ends first.
func (w *watch) until(ctx context.Context, id string) (Seen, error) {
	w.mu.Lock()
	wait := w.wait[id]
	w.mu.Unlock()
	select {
	case <-wait:
	case <-ctx.Done():
		return Seen{}, ctx.Err()
	}
	s, _ := w.get("", id)
	return s, nil
}

// get is what was seen of a request; without one, of the last request that brought this delivery.
func (w *watch) get(delivery, request string) (Seen, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if request == "" {
		request = w.latest[delivery]
	}
	s, there := w.seen[request]
	if !there || delivery != "" && s.Delivery != delivery {
		return Seen{}, false
	}
	return *s, true
}

// logger is the logger of a function, watched. Records go on to next.
func (w *watch) logger(function string, next slog.Handler) *slog.Logger {
	return slog.New(watched{Handler: next, watch: w, function: function})
}

type watched struct {
	slog.Handler
	watch    *watch
	function string
}

func (h watched) Enabled(context.Context, slog.Level) bool { return true }

func (h watched) Handle(ctx context.Context, r slog.Record) error {
	said := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		said[a.Key] = a.Value.Resolve()
		return true
	})
	id, _ := ctx.Value(requestKey{}).(string)
	switch {
	case h.function == "ingest" && id != "":
		h.watch.update(id, func(s *Seen) { s.atTheDoor(said) })
	case h.function == "dispatcher" && id != "":
		h.watch.update(id, func(s *Seen) { s.decided(said) })
	case h.function == "scheduler" && text(said, "case") != "":
		h.watch.onMoved(h.watch.moved(said))
	case h.function == "outcome" && text(said, "did") != "":
		h.watch.onHeard(h.watch.heard(said))
	}
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// moved reads scheduler's record of a case.
func (w *watch) moved(said map[string]slog.Value) Moved {
	m := Moved{
		Case: text(said, "case"), Did: text(said, "did"), From: text(said, "from"), To: text(said, "to"),
		Title: text(said, "title"), Why: cmp.Or(text(said, "why"), text(said, "how")), Outcome: text(said, "outcome"),
	}
	if m.Outcome == "" {
		m.Work = w.look(m.Case)
	}
	return m
}

// heard reads outcome's record of an event.
func (w *watch) heard(said map[string]slog.Value) Heard {
	h := Heard{Case: text(said, "case"), Status: text(said, "status"), From: text(said, "from"), To: text(said, "to")}
	h.Confirms = text(said, "did") == string(gate.Confirms)
	h.Work = w.look(h.Case)
	return h
}

// atTheDoor reads ingest's record of a request.
func (s *Seen) atTheDoor(said map[string]slog.Value) {
	status, there := said["status"]
	if !there {
		return
	}
	s.Status, s.Delivery = int(status.Int64()), text(said, "delivery")
	s.Refused, s.Says = text(said, "reason"), text(said, "says")
	if t := text(said, "transition"); t != "" {
		s.Transition = t
	}
}

// decided reads dispatcher's record of a message.
func (s *Seen) decided(said map[string]slog.Value) {
	if trouble := text(said, "error"); trouble != "" {
		s.Trouble = trouble
		return
	}
	if text(said, "verdict") == "" {
		return
	}
	s.Decided, s.Trouble = true, ""
	s.Verdict, s.Reason, s.Case = text(said, "verdict"), text(said, "reason"), text(said, "case")
	s.Outcome = text(said, "outcome")
	if t := text(said, "transition"); t != "" {
		s.Transition, s.Title = t, text(said, "title")
	}
}

func text(said map[string]slog.Value, name string) string {
	v, there := said[name]
	if !there {
		return ""
	}
	return v.String()
}

func (h watched) WithAttrs(a []slog.Attr) slog.Handler {
	h.Handler = h.Handler.WithAttrs(a)
	return h
}

func (h watched) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}

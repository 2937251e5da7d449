package explore_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// picture is all that the ledger holds.
type picture struct {
	verdicts  map[string]gate.Delivery // by delivery
	incidents map[string]gate.Incident // by monitor
	pointers  map[string]string
	cases     map[string]gate.Case
	account   gate.Account
	group     gate.Group
	surge     gate.Surge
}

// look reads the whole ledger, without anybody at work noticing.
func (w *world) look() picture {
	p := picture{
		verdicts: map[string]gate.Delivery{}, incidents: map[string]gate.Incident{}, pointers: map[string]string{},
		cases: map[string]gate.Case{},
	}
	ctx, agent := context.Background(), gate.DefaultRules().Agent
	for _, m := range w.alerts {
		v, err := w.ledger.Look(ctx, ledger.Question{
			Delivery: m.alert.Delivery, Incident: m.alert.Incident, Pointers: []string{w.groupOf(m.alert)}, Agent: agent,
			Group: w.rules.Group, Surge: w.rules.Surge,
		}, noon)
		if err != nil {
			panic(err)
		}
		if v.Delivery != nil {
			p.verdicts[v.Delivery.ID] = *v.Delivery
		}
		if v.Incident.Version > 0 {
			p.incidents[m.alert.Monitor.ID] = v.Incident
		}
		maps.Copy(p.pointers, v.Pointers)
		maps.Copy(p.cases, v.Cases)
		p.account, p.group, p.surge = v.Account, v.Group, v.Surge
	}
	for id := range w.last.cases { // one that nothing names any more
		if _, there := p.cases[id]; !there {
			v, err := w.ledger.LookCase(ctx, id, agent, noon)
			if err != nil {
				panic(err)
			}
			p.cases[id] = v.Cases[id]
		}
	}
	return p
}

// firing counts the incidents of a case that fire.
func (p picture) firing(id string) (n int) {
	for _, in := range p.incidents {
		if in.Case == id && in.Fires() {
			n++
		}
	}
	return n
}

// state is a hash of the world. Two worlds with the same hash have the same future: what a worker will do depends on what
// it has seen, and on nothing else. The two dispatchers can change places, and so can the two schedulers.
func (w *world) state() uint64 {
	h := mix(hashOfPicture(w.last), uint64(w.jumped))
	h = mix(mix(h, uint64(w.spent)), uint64(w.version))
	for _, list := range [][]*letter{w.letters, w.dead} {
		for _, l := range list {
			h = mix(mix(h, hashOf(l.label)), uint64(l.receives))
			h = mix(h, since(w.now, l.visible))
		}
		h = mix(h, uint64(len(list)))
	}
	for _, id := range slices.Sorted(maps.Keys(w.calls)) {
		h = mix(mix(h, hashOf(id)), uint64(w.calls[id].sent)<<32|uint64(w.calls[id].accepted)<<1|bit(w.calls[id].refused))
	}
	if w.late != nil {
		h = mix(h, hashOfChange(*w.late))
	}
	for i := 0; i < len(w.workers); i += 2 {
		a, b := w.hashOfWorker(w.workers[i]), w.hashOfWorker(w.workers[i+1])
		h = mix(mix(h, min(a, b)), max(a, b))
	}
	return h
}

func (w *world) hashOfWorker(k *worker) uint64 {
	if k == nil {
		return 0
	}
	h := mix(hashOf(k.role+k.message), k.story)
	h = mix(h, since(w.clockOf(k.slot), w.now))
	h = mix(h, since(k.end, w.now))
	return mix(h, since(w.now, k.called))
}

// since is how much later a is, as long as that can matter.
func since(a, b time.Time) uint64 { return uint64(max(a.Sub(b), -time.Hour) / time.Millisecond) }

// mix and hashOf are FNV-1a, by words.
func mix(h, v uint64) uint64 {
	for range 8 {
		h = (h ^ v&0xff) * 1099511628211
		v >>= 8
	}
	return h
}

func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func hashOfTime(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

func hashOfPicture(p picture) uint64 {
	h := hashOfAccount(p.account)
	for _, id := range slices.Sorted(maps.Keys(p.verdicts)) {
		d := p.verdicts[id]
		h = mix(h, hashOf(d.ID+string(d.Verdict)+string(d.Reason)+d.Case))
	}
	for _, id := range slices.Sorted(maps.Keys(p.incidents)) {
		h = mix(h, hashOfIncident(p.incidents[id]))
	}
	h = mix(mix(h, hashOfGroup(p.group)), hashOfSurge(p.surge))
	return mix(mix(h, hashOfPointers(p.pointers)), hashOfCases(p.cases))
}

func hashOfGroup(g gate.Group) uint64 {
	h := mix(uint64(g.Version), bit(g.Flapping))
	for _, t := range g.Cycles {
		h = mix(h, hashOfTime(t))
	}
	return h
}

func hashOfSurge(s gate.Surge) uint64 {
	h := mix(uint64(s.Version), hashOf(s.Case))
	for _, t := range s.Opened {
		h = mix(h, hashOfTime(t))
	}
	return h
}

func hashOfView(v gate.View) uint64 {
	h := mix(hashOfAccount(v.Account), hashOfIncident(v.Incident))
	if v.Delivery != nil {
		h = mix(h, hashOf(string(v.Delivery.Verdict)+v.Delivery.Case))
	}
	h = mix(mix(h, hashOfGroup(v.Group)), hashOfSurge(v.Surge))
	return mix(mix(h, hashOfPointers(v.Pointers)), hashOfCases(v.Cases))
}

func hashOfPointers(m map[string]string) (h uint64) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		h = mix(h, hashOf(key+m[key]))
	}
	return h
}

func hashOfCases(m map[string]gate.Case) (h uint64) {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		h = mix(h, hashOfCase(m[id]))
	}
	return h
}

func hashOfIncident(in gate.Incident) uint64 {
	if in.Version == 0 {
		return 0
	}
	h := mix(hashOf(in.Key.Key+in.Case), uint64(in.Version))
	return mix(mix(mix(h, hashOfTime(in.Fire)), hashOfTime(in.Rec)), bit(in.Final))
}

func hashOfCase(c gate.Case) uint64 {
	h := hashOf(c.ID + string(c.State) + string(c.Why) + string(c.How) + c.Storm)
	for _, t := range []time.Time{c.Until, c.StartAt, c.Last} {
		h = mix(h, hashOfTime(t))
	}
	for _, n := range []int{int(c.Severity), c.Attempt, c.Doubts, c.Version, c.Firing, c.Joined, len(c.Members)} {
		h = mix(h, uint64(n))
	}
	return mix(h, bit(c.NoRepeat)<<1|bit(c.Resting)|bit(c.Shadow)<<2)
}

func hashOfAccount(a gate.Account) uint64 {
	h := mix(uint64(a.Version), hashOf(a.Shut.SecretVersion))
	h = mix(mix(h, hashOfTime(a.Shut.Since)), hashOfTime(a.Down.Until))
	h = mix(h, uint64(a.Down.Fails)<<8|uint64(a.Down.Doubts))
	h = mix(h, hashOfTime(a.Money.Paced))
	for _, month := range slices.Sorted(maps.Keys(a.Money.Spent)) {
		h = mix(mix(h, hashOf(month)), uint64(a.Money.Spent[month]))
	}
	for _, day := range slices.Sorted(maps.Keys(a.Money.Critical)) {
		h = mix(mix(h, hashOf(day)), uint64(a.Money.Critical[day]))
	}
	return mix(h, hashOfReservations(a.Running))
}

func hashOfReservations(m map[string]gate.Reservation) (h uint64) {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		h = mix(mix(h, hashOf(id)), uint64(m[id].Attempt))
		h = mix(mix(h, hashOfTime(m[id].Until)), uint64(m[id].Money))
	}
	return h
}

// hashOfChange covers what one change can differ in from another of the same worker with the same story.
func hashOfChange(c gate.Change) uint64 {
	h := hashOfTime(c.At)
	if c.Delivery != nil {
		h = mix(h, hashOf(c.Delivery.ID+string(c.Delivery.Verdict)+string(c.Delivery.Reason)))
	}
	if c.Incident != nil {
		h = mix(h, hashOfIncident(c.Incident.Now))
	}
	for _, x := range c.Cases {
		h = mix(mix(h, hashOfCase(x.Read)), hashOfCase(x.Now))
	}
	if a := c.Account; a != nil {
		h = mix(mix(h, uint64(a.Read)), hashOfReservations(a.Put))
		h = mix(h, uint64(len(a.Drop))<<4|bit(len(a.Spend) > 0)<<3|bit(a.Back != nil)<<2|bit(a.Shut != nil)<<1|bit(a.Down != nil))
	}
	if c.Group != nil {
		h = mix(h, hashOfGroup(c.Group.Now))
	}
	if c.Surge != nil {
		h = mix(h, hashOfSurge(c.Surge.Now))
	}
	return h
}

// newCycle tells what design calls one: a plain Triggered later than the join window after the last word.
func newCycle(in gate.Incident, a alert.Alert, window time.Duration) bool {
	return a.Transition == alert.Triggered && a.Time.Sub(in.Fire) > window
}

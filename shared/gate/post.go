package gate

import "time"

// Moment is what happened to a case that people are to be told where they look: each is told at most once for a case, but for
// RecoverAgain, which can come as often as an incident at the pager may be open and nothing of the case fires.
type Moment string

// The closed list of moments.
const (
	IsDoubtful   Moment = "doubtful"        // nobody knows whether the Agent has it, nothing more is tried by itself, and something of it fires
	WasStarted   Moment = "started"         // the Agent has taken it
	Waits        Moment = "waits"           // it waits for money, a slot or the Agent; what it waits for by the policy is not told
	IsHeld       Moment = "held"            // it is critical by now, and waits for money or at the Agent's shut door, which it did not when it began to wait
	WasRefused   Moment = "refused"         // the Agent would not take it
	WasMissed    Moment = "unconfirmed"     // nothing has shown that the Agent has what was started, or is in doubt
	HasEnded     Moment = "ended"           // its investigation is over, or taken to be
	EndedAgain   Moment = "ended_again"     // and has come to an answer after all, or to a better one, after it had ended otherwise
	WasPlanned   Moment = "planned"         // after its investigation was completed the Agent has made a plan to mitigate it
	WasNot       Moment = "unstarted"       // it ended without having been started, or was stopped by hand, after people were told of it
	HasRecovered Moment = "recovered"       // nothing of it fires any more, and nobody has looked into it with success
	RecoverAgain Moment = "recovered_again" // and once more, the last time, after something of it had fired again
)

// Moments lists them, in the order in which a case can meet them.
func Moments() []Moment {
	return []Moment{Waits, IsHeld, IsDoubtful, WasStarted, WasRefused, WasMissed, HasRecovered, RecoverAgain, HasEnded, EndedAgain, WasPlanned, WasNot}
}

// The moments of an Agent's own post. No case meets them and no decision notes them: whoever tells does.
const (
	AgentIsDown Moment = "down" // nothing can be started with it
	AgentIsUp   Moment = "up"   // and something can again
)

// A case that was refused, or is left in doubt, meets HasRecovered by the recovery itself, which counts it. One that was
// started or has ended counts nothing any more: of such it is noted by whoever tells, who has to look after what he has
// opened. So is RecoverAgain, always. A moment that comes once more has the time at which it came last.

// Post is the outbox's record of a case, or of an Agent: what happened that is to be told, and what became of the telling.
type Post struct {
	ID       string // the case's; of an Agent's, AgentPost
	Agent    string
	Happened []Happened // the oldest first, each moment once
	Told     []Told     // what became of each moment at each target, as far as it is settled
	Late     []Told     // the latest failure at each target that something is still to be told at; As is not set. At most MaxLate
	Until    time.Time  // the tick looks at it then
	Tries    int        // in a row that settled nothing
	Over     bool       // all is settled, and nothing is left to be looked after: the tick does not see it
	Version  int        // raised by every write; 0: not in the ledger
}

// Happened is one moment.
type Happened struct {
	Moment Moment
	At     time.Time // when it was decided first, or came once more
}

// Told is what became of one moment at one target.
type Told struct {
	Target string
	Moment Moment
	As     ToldAs
	At     time.Time
	Words  string // why it was not told; bounded
}

// ToldAs is how the telling of a moment was settled.
type ToldAs string

// The ways.
const (
	WasTold      ToldAs = "told"
	GivenUp      ToldAs = "given_up"   // the target will not take it, or was away for too long
	LeftOut      ToldAs = "left_out"   // it did not matter any more when it could be told, or is not for this target
	LeftTried    ToldAs = "left_tried" // left out too; but a try before that was not answered, or cut off, and may have arrived
	MaxTold             = 40           // of one Post
	MaxLate             = 4            // of one Post
	MaxTellWords        = 300          // bytes of Told.Words
)

// AgentPost is the ID of the post that is about an Agent itself.
func AgentPost(agent string) string { return "agent:" + agent }

// PostWrite notes that something has happened which is to be told: in the commit that makes it happen, so that it is never
// lost, and without a condition, so that it is never in the way. A moment that is noted already keeps its time.
type PostWrite struct {
	ID, Agent string
	Moments   []Moment
}

// ToldWrite replaces what became of a post's telling; condition: its version is still Read.
type ToldWrite struct {
	Read int
	Now  Post
}

// posted adds to a change what of it is to be told. tells says that there is somebody to tell.
func posted(d Decision, tells bool) Decision {
	if !tells {
		return d
	}
	for _, w := range d.Change.Cases {
		if list := moments(w.Read, w.Now, d.Did); len(list) > 0 {
			d.Change.Posts = append(d.Change.Posts, PostWrite{ID: w.Now.ID, Agent: w.Now.Agent, Moments: list})
		}
	}
	return d
}

// moments are those that lie between a case as it was read and as it shall be, by what is done to it.
func moments(read, now Case, did Did) []Moment {
	var list []Moment
	if now.Shadow {
		return nil
	}
	became := func(s State) bool { return now.State == s && read.State != s }
	waited := waitsOpenly(read) || read.Attempt > 0
	switch {
	case became(Started):
		list = append(list, WasStarted)
	case became(Refused):
		list = append(list, WasRefused)
	case waitsOpenly(now) && !waitsOpenly(read):
		list = append(list, Waits)
	case stuck(now) && !stuck(read):
		list = append(list, IsHeld)
	case became(Ended) && now.HasStarted():
		list = append(list, HasEnded)
	case read.HasStarted() && read.State == Ended && now.Answer() > read.Answer():
		list = append(list, EndedAgain)
	case became(Ended) && waited:
		list = append(list, WasNot)
	case now.Doubtful() && (!read.Doubtful() || did == Joins): // the one before may have been muted, or have recovered before it was told
		list = append(list, IsDoubtful)
	case (now.State == Refused || read.LeftInDoubt() && now.LeftInDoubt()) && read.Firing > 0 && now.Firing == 0 && did == CountsDown: // else its incident has gone to another case
		list = append(list, HasRecovered)
	}
	if now.Work.Missed && !read.Work.Missed {
		list = append(list, WasMissed)
	}
	if now.planned() && !read.planned() {
		list = append(list, WasPlanned)
	}
	return list
}

// LeftInDoubt tells whether the case is in doubt, and nothing more is tried by itself: it is for a person. A doubt that is
// not repeated is left at once where the Agent is not followed; where it is, the Agent is asked first, until the case rests.
func (c Case) LeftInDoubt() bool {
	return c.State == InDoubt && (c.Resting || c.NoRepeat && c.Called.IsZero())
}

// Doubtful tells whether it is left in doubt, and something of it fires, or does so again.
func (c Case) Doubtful() bool { return c.LeftInDoubt() && c.Firing > 0 }

// Answer is what a case's end is worth to whoever wants to know the cause: 2, the Agent has looked for it to the end; 1, it goes
// on with another case's; 0, there is none.
func (c Case) Answer() int {
	switch {
	case c.State != Ended:
	case c.How == EndCompleted:
		return 2
	case c.How == EndLinked:
		return 1
	}
	return 0
}

// stuck: it is critical, and waits for what only a person can change.
func stuck(c Case) bool {
	return waitsOpenly(c) && critical(c.Severity) && (c.Why == WhyBudget || c.Why == WhyAgentShut)
}

// waitsOpenly: it waits for something that the policy did not mean it to wait for.
func waitsOpenly(c Case) bool {
	if c.State != Waiting {
		return false
	}
	switch c.Why {
	case WhyBudget, WhySlots, WhyAgentDown, WhyAgentShut:
		return true
	}
	return false
}

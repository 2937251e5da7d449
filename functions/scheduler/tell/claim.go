package tell

import (
	"context"
	"errors"
	"fmt"

	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// claim takes the post for this telling, before anything of it goes out: for two ticks can run at once, and Datadog shows
// twice what it is sent twice. Who has read the post before this loses the race for it, and until it is due again, a
// little before the next tick, no other finds it. It tells false where the post is another's, or nobody knows whose: then
// nothing is told here, and what there is to tell is told by that one, or by a later tick.
func (t *telling) claim(ctx context.Context) bool {
	if t.claimed || t.lost {
		return t.claimed
	}
	next := t.post
	next.Version++
	next.Until = latest(next.Until, t.began.Add(soon))
	next.Tries = max(next.Tries, 1) // should the process die now, something may have been told: no outage is forgotten, and no page
	switch err := t.commit(ctx, gate.Change{At: t.Now(), Told: &gate.ToldWrite{Read: t.post.Version, Now: next}}); {
	case err == nil:
		next.Tries = t.post.Tries
		t.post, t.claimed = next, true
		return true
	case !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnknown):
		t.trouble = fmt.Errorf("nothing is told, for the post could not be claimed: %w", err)
	}
	t.lost = true
	return false
}

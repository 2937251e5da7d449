package ledger

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// CompareHappened is the order in which every ledger gives what happened: the oldest first, and of one time in the order
// in which a case can meet it.
func CompareHappened(a, b gate.Happened) int {
	all := gate.Moments()
	return cmp.Or(
		a.At.Compare(b.At), slices.Index(all, a.Moment)-slices.Index(all, b.Moment),
		cmp.Compare(a.Moment, b.Moment), // of those that only another build knows
	)
}

// checkPosts is about what is to be told, and what became of it.
func checkPosts(c gate.Change) error {
	seen := map[string]bool{}
	for _, w := range c.Posts {
		switch {
		case w.ID == "" || w.Agent == "":
			return fmt.Errorf("the change tells of case %q of the Agent %q; it needs both", w.ID, w.Agent)
		case seen[w.ID]:
			return fmt.Errorf("the change tells of case %s twice", w.ID)
		case len(w.Moments) == 0:
			return fmt.Errorf("the change tells nothing of case %s", w.ID)
		}
		for _, m := range w.Moments {
			if !slices.Contains(gate.Moments(), m) {
				return fmt.Errorf("case %s: %q is no moment; it is one of %v", w.ID, m, gate.Moments())
			}
		}
		seen[w.ID] = true
	}
	w := c.Told
	if w == nil {
		return nil
	}
	switch {
	case w.Now.ID == "" || w.Now.Agent == "":
		return fmt.Errorf("the change settles a post of case %q of the Agent %q; it needs both", w.Now.ID, w.Now.Agent)
	case seen[w.Now.ID]:
		return fmt.Errorf("post %s: the change adds to it and settles it", w.Now.ID)
	case w.Now.Version != w.Read+1:
		return fmt.Errorf("post %s: its version went from %d to %d", w.Now.ID, w.Read, w.Now.Version)
	case len(w.Now.Told) > gate.MaxTold:
		return fmt.Errorf("post %s: it was told %d times; at most %d are kept", w.Now.ID, len(w.Now.Told), gate.MaxTold)
	}
	if len(w.Now.Late) > gate.MaxLate {
		return fmt.Errorf("post %s: it is late at %d targets; at most %d are kept", w.Now.ID, len(w.Now.Late), gate.MaxLate)
	}
	once := map[gate.Moment]bool{}
	for _, h := range w.Now.Happened {
		if once[h.Moment] {
			return fmt.Errorf("post %s: the moment %q has happened twice", w.Now.ID, h.Moment)
		}
		once[h.Moment] = true
	}
	for _, t := range slices.Concat(w.Now.Told, w.Now.Late) {
		if len(t.Words) > gate.MaxTellWords {
			return fmt.Errorf("post %s: words of %d bytes; at most %d are kept", w.Now.ID, len(t.Words), gate.MaxTellWords)
		}
	}
	return nil
}

// GaveUp tells whether a post is over and holds something that was given up: then it is found again, by Lister.GivenUp.
func GaveUp(p gate.Post) bool {
	return p.Over && slices.ContainsFunc(p.Told, func(t gate.Told) bool { return t.As == gate.GivenUp })
}

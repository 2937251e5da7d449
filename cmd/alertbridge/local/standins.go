package local

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// StandIns is what stands in for the Agent in a local run, so that it can be looked at as a deployed bridge's Agent can.
// None of it is a secret: whoever can reach a local run may use it.
type StandIns struct {
	Agents []string  `json:"agents"` // those of the policy; one webhook, one API and one agent space serve them all
	Secret string    `json:"secret"` // the webhook's address and key, as a deployed bridge's secret has them
	Host   string    `json:"host"`   // of the webhook
	API    string    `json:"api"`    // its address
	Space  string    `json:"space"`
	Ticked time.Time `json:"ticked,omitzero"` // when the last tick ended, by the machine's clock
}

func (b *bridge) showStandIns(w http.ResponseWriter, _ *http.Request) {
	s := StandIns{Agents: b.policy.Agents(), Secret: b.agent.Secret(), Host: b.agent.Host(), API: b.api.URL(), Space: b.tasks.Space()}
	if at := b.ticked.Load(); at != 0 {
		s.Ticked = time.UnixMilli(at).UTC()
	}
	respond(w, http.StatusOK, s)
}

// noted notes when a tick has ended well.
func noted(at *atomic.Int64, tick func(context.Context, struct{}) (struct{}, error)) func(context.Context, struct{}) (struct{}, error) {
	return func(ctx context.Context, in struct{}) (struct{}, error) {
		out, err := tick(ctx, in)
		if err == nil {
			at.Store(time.Now().UnixMilli())
		}
		return out, err
	}
}

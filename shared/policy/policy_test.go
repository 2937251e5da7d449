package policy

import (
	"testing"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// The functions and the simulator take it as this.
var _ gate.Policy = (*Policy)(nil)

func TestShippedPolicyIsRead(t *testing.T) {
	p, err := Load(docstest.Root(t) + "/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.routes) != 1 {
		t.Errorf("%d routes, want 1", len(p.routes))
	}
}

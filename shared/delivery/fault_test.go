package delivery_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

func TestFaultsAreFoundInErrors(t *testing.T) {
	passes := map[delivery.Fault]bool{delivery.APIThrottled: true, delivery.APIUnavailable: true, delivery.APITimedOut: true}
	for _, f := range delivery.Faults() {
		err := fmt.Errorf("asking: %w", &delivery.APIError{Fault: f, Call: "GetBacklogTask", Words: "look here"})
		for _, other := range delivery.Faults() {
			if errors.Is(err, other) != (other == f) {
				t.Errorf("an error of %s is one of %s: %t", f, other, other != f)
			}
		}
		if want := "asking: GetBacklogTask: " + string(f) + ": look here"; err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		if f.Passes() != passes[f] {
			t.Errorf("%s passes: %t", f, f.Passes())
		}
	}
}

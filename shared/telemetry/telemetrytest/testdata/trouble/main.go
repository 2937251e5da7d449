// Command trouble is a function that fails as its event asks for, because the real ones do not on request.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alertbridge/alertbridge/shared/telemetry"
)

func main() {
	cfg, err := telemetry.FromEnv(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	telemetry.Start(cfg, func(_ context.Context, event struct{ Do string }) (string, error) {
		switch event.Do {
		case "panic":
			var none map[string]int
			none["a"]++
		case "error":
			return "", &wrong{errors.New("first line\nsecond line")}
		}
		return "done", nil
	})
}

// wrong is an error with a type of its own.
type wrong struct{ error }

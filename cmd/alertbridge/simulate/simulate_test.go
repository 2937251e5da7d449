package simulate

import (
	"os"
	"strconv"
	"testing"
)

func TestTry(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	rep, err := Many(t.Context(), 1, max(n, 1000), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rep.Broken {
		t.Errorf("seed %d: %s", r.Seed, r.Breaches[0])
	}
	t.Log(rep.Took, rep.Messages, float64(rep.Messages)/rep.Took.Seconds(), rep.MedianAlerts, rep.MedianFaults)
	rep.Cover.Print(os.Stdout)
	t.Log(rep.Cover.Missing())
}

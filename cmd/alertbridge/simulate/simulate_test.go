package simulate

import (
	"os"
	"testing"
)

func TestTry(t *testing.T) {
	cover := newCover()
	bad := 0
	for seed := uint64(1); seed <= 1000; seed++ {
		r, err := Run(Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		cover.Add(r.Cover)
		if len(r.Breaches) > 0 {
			if bad++; bad < 12 {
				t.Errorf("seed %d: %s", seed, r.Breaches[0])
			}
		}
	}
	t.Log(bad)
	if testing.Verbose() {
		cover.Print(os.Stdout)
		t.Log(len(cover.Missing()))
	}
}

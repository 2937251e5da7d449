package alert

import (
	"strings"
	"testing"
)

func TestSafeID(t *testing.T) {
	for id, want := range map[string]bool{
		"dd-831563-7879702138782271851": true,
		"a_b.C-9":                       true,
		strings.Repeat("x", 128):        true,
		strings.Repeat("x", 129):        false,
		"":                              false,
		"a:b":                           false,
		"a/b":                           false,
		"a b":                           false,
		"é":                             false,
		"a\n":                           false,
	} {
		if got := SafeID(id); got != want {
			t.Errorf("SafeID(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestMakeSafe(t *testing.T) {
	seen := map[string]string{}
	for _, s := range []string{"", "-", "a", "a b", "a/b", "a-b", "日本", "日木", strings.Repeat("x", 129), strings.Repeat("x", 130), "\xff"} {
		id := MakeSafe(s)
		if !SafeID(id) {
			t.Errorf("MakeSafe(%q) = %q is not safe", s, id)
		}
		if MakeSafe(id) != id {
			t.Errorf("MakeSafe(%q) is not kept by MakeSafe", s)
		}
		if SafeID(s) && id != s {
			t.Errorf("MakeSafe(%q) = %q, although it is safe", s, id)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("MakeSafe makes %q of %q and of %q", id, s, other)
		}
		seen[id] = s
	}
}

func TestHash(t *testing.T) {
	// Fixed, because incidents in the ledger are found again by it after a new version is deployed.
	if got, want := Hash("a", "b"), "3c9d591045bc8876f9d0"; got != want {
		t.Errorf("Hash(a, b) = %s, want %s", got, want)
	}
	if Hash("a", "b") == Hash("ab") || Hash("a") == Hash("a", "") {
		t.Error("Hash does not tell apart how the parts are divided")
	}
	if !SafeID(Hash()) {
		t.Error("Hash() is not a SafeID")
	}
}

package alert

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// SafeID tells whether s can be an id everywhere that alerts go: in the ledger's keys, in a URL, and as the Agent's
// incidentId, which has been seen to vanish with other characters. The pattern is [A-Za-z0-9_.-]{1,128}.
func SafeID(s string) bool {
	if s == "" || len(s) > MaxID {
		return false
	}
	for i := range len(s) {
		if !safe(s[i]) {
			return false
		}
	}
	return true
}

func safe(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '.' || c == '-'
}

// MakeSafe returns s if it is a SafeID, else one that can still be recognised: what is safe of it, a dash, and a hash
// of all of it, so that different strings stay different.
func MakeSafe(s string) string {
	if SafeID(s) {
		return s
	}
	hash := Hash(s)
	kept := []byte(s[:min(len(s), MaxID-1-len(hash))])
	for i, c := range kept {
		if !safe(c) {
			kept[i] = '-'
		}
	}
	return string(kept) + "-" + hash
}

// Hash is a SafeID of 20 characters made of all parts; ("a", "b") and ("ab") differ. It is no secret and no
// protection, only a short name.
func Hash(parts ...string) string {
	h := sha256.New()
	var length [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(p)))
		h.Write(length[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:10])
}

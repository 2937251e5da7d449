// Package redact takes secrets and personal data out of text, and leaves a pseudonym in each one's place.
//
// People and log lines put into alerts what must not be kept: passwords, tokens, addresses of webhooks, private keys,
// e-mail addresses, card numbers. An alert is queued, kept for a month and read by an AI; so what can be recognised is
// replaced before the queue has it.
//
//	password=hunter2, asked by ana@example.com  →  password=[password:4xk2m7qa], asked by [email:b3v5nq6t]
//
// A pseudonym is the kind and 40 bits of an HMAC of the value. With the same key the same value has the same one, so
// that two alerts about one customer can be seen to be about one; without the key it cannot be found out by trying
// values. The counts say how many were replaced.
//
// What it promises:
//
//   - It errs on the side of what an investigation needs: ids, hashes, hosts, addresses of networks, ARNs and queries
//     are not touched unless they have the form of a secret. A secret without a known form and without a label stays.
//   - It sees through HTML entities, percent-encoding and the escapes of JSON, also through two or three of them, and
//     what it does not replace stays byte for byte. It does not see through base64.
//   - Text must be clean already: what cannot be seen has been removed, or it could part a secret.
//   - Text(Text(s)) == Text(s).
//   - It takes a time that is linear in the text's length, whoever has written it.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"slices"
	"strings"
)

// Kind is what a value was taken for.
type Kind string

// The kinds.
const (
	Email    Kind = "email"
	Card     Kind = "card"     // the number of a payment card
	Password Kind = "password" // also in an address, https://user:password@host
	Key      Kind = "key"      // a private key, an API key, the secret of a client
	Token    Kind = "token"    // what stands for somebody who has logged in: tokens, cookies, signatures
	Webhook  Kind = "webhook"  // the part of a webhook's address that lets its holder in
)

// Kinds lists every Kind.
func Kinds() []Kind { return []Kind{Email, Card, Password, Key, Token, Webhook} }

// Redactor redacts, and counts what it has replaced. It is for one goroutine. A nil Redactor changes nothing.
type Redactor struct {
	keyed func() hash.Hash // nil: without a key
	mac   hash.Hash        // what keyed made; hardly any text needs one
	found []Kind
}

// New makes a Redactor. Without a key every value of a kind looks the same, [email:hidden].
func New(key string) *Redactor {
	if key == "" {
		return &Redactor{}
	}
	return &Redactor{keyed: func() hash.Hash { return hmac.New(sha256.New, []byte(key)) }}
}

// Has tells whether a text holds what Text would replace.
func Has(text string) bool { return len(scan(look(text))) > 0 }

// Text is the text with its secrets and personal data replaced.
func (r *Redactor) Text(text string) string {
	if r == nil {
		return text
	}
	// What stands beside a value may have kept another one from being seen. Hardly ever there is a third round.
	for range maxRounds {
		v := look(text)
		list := scan(v)
		if len(list) == 0 {
			break
		}
		text = r.replace(text, v, list)
	}
	return text
}

const maxRounds = 8

func (r *Redactor) replace(text string, v view, list []finding) string {
	var out strings.Builder
	copied := 0
	for _, f := range list {
		from, to := v.origin(f.start), v.origin(f.end)
		out.WriteString(text[copied:from])
		out.WriteString(r.pseudonym(f.kind, v.text[f.start:f.end]))
		copied = to
		r.found = append(r.found, f.kind)
	}
	out.WriteString(text[copied:])
	return out.String()
}

// Count is how many values of a kind were replaced so far.
func (r *Redactor) Count(k Kind) int {
	if r == nil {
		return 0
	}
	n := 0
	for _, f := range r.found {
		if f == k {
			n++
		}
	}
	return n
}

const (
	hidden  = "hidden"
	nameLen = 8 // characters of base32, 5 bits each
)

// pseudonym is "[kind:name]". White space in a value does not count: a key block may have lost its line breaks.
func (r *Redactor) pseudonym(k Kind, value string) string {
	name := hidden
	if r.keyed != nil {
		if r.mac == nil {
			r.mac = r.keyed()
		}
		r.mac.Reset()
		r.mac.Write([]byte(k))
		r.mac.Write([]byte{0})
		r.mac.Write([]byte(strings.Join(strings.Fields(value), "")))
		name = strings.ToLower(base32.StdEncoding.EncodeToString(r.mac.Sum(nil)[:nameLen*5/8]))
	}
	return "[" + string(k) + ":" + name + "]"
}

// pseudonymEnd is where the pseudonym that begins at i ends; 0 when there is none.
func pseudonymEnd(s string, i int) int {
	if i >= len(s) || s[i] != '[' {
		return 0
	}
	kind, rest, ok := strings.Cut(s[i+1:min(len(s), i+longestPseudonym)], ":")
	if !ok || !slices.Contains(Kinds(), Kind(kind)) {
		return 0
	}
	name, _, ok := strings.Cut(rest, "]")
	if !ok || name != hidden && (len(name) != nameLen || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz234567") != "") {
		return 0
	}
	return i + len("[") + len(kind) + len(":") + len(name) + len("]")
}

const longestPseudonym = len("[password:") + nameLen + len("]")

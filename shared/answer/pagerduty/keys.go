package pagerduty

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// keys are what a secret holds.
type keys struct {
	common string            // for whatever has no key of its own
	routes map[string]string // by the name of the policy's route
	named  []string          // the names of routes, in the order of the secret
}

// of is the key for an answer of this route, "" for none, and whether it is the route's own.
func (k keys) of(route string) (key string, own bool) {
	if key, own = k.routes[route]; own {
		return key, true
	}
	return k.common, false
}

// which says in words which key that is.
func (k keys) which(route string) string {
	if _, own := k.of(route); own {
		return fmt.Sprintf("the key of the route %q", route)
	}
	return "routing_key"
}

// strangers are the numbers, in the order of the secret, of the routes that are none of these. What stands in the place of a
// name may be a key, so a number is all that is told.
func (k keys) strangers(routes []string) (numbers []string) {
	for i, name := range k.named {
		if !slices.Contains(routes, name) {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	return numbers
}

// CheckSecret says what is wrong with a secret, "" for nothing, and which of its routes are none of these, by their numbers in
// the secret's order. No word of it is told.
func CheckSecret(text string, routes []string) (strangers []string, wrong string) {
	k, wrong := readKeys(strings.TrimSpace(text))
	return k.strangers(routes), wrong
}

// checkKeys says what is wrong with a secret, for call.Key.
func checkKeys(secret string) string {
	_, wrong := readKeys(secret)
	return wrong
}

// readKeys reads a secret without space around it: a routing key, or a JSON object of them, see the package comment. What is
// wrong is said without a word of the secret: what stands in the place of a name may be a key.
func readKeys(secret string) (k keys, wrong string) {
	if !strings.HasPrefix(secret, "{") {
		if wrong := checkKey(secret); wrong != "" {
			return keys{}, wrong + "; or a JSON object that has some, as routing_key and routes"
		}
		return keys{common: secret}, ""
	}
	if !utf8.ValidString(secret) {
		return keys{}, notJSON
	}
	k.routes = map[string]string{}
	d := json.NewDecoder(strings.NewReader(secret))
	wrong = readObject(d, "the secret", func(name string, _ int) string {
		switch name {
		case "routing_key":
			return readKey(d, "routing_key", &k.common)
		case "routes":
			return readObject(d, "routes", func(route string, n int) string {
				if route == "" {
					return fmt.Sprintf("number %d of routes has no name; what has no route gets routing_key", n)
				}
				var key string
				wrong := readKey(d, fmt.Sprintf("number %d of routes", n), &key)
				k.routes[route], k.named = key, append(k.named, route)
				return wrong
			})
		}
		return "the secret has a member that is neither routing_key nor routes"
	})
	switch _, err := d.Token(); {
	case wrong != "":
	case err != io.EOF:
		wrong = "something follows the JSON object"
	case k.common == "":
		wrong = "routing_key is missing, the key for what has no route or none of routes"
	}
	if wrong != "" {
		return keys{}, wrong
	}
	return k, ""
}

const notJSON = "it begins like a JSON object and is none"

// readObject reads an object, each member by read, which is told its name and the how manyth it is.
func readObject(d *json.Decoder, what string, read func(name string, n int) string) (wrong string) {
	switch t, err := d.Token(); {
	case err != nil:
		return notJSON
	case t != json.Delim('{'):
		return what + " is no JSON object"
	}
	seen := map[string]bool{}
	for n := 1; d.More(); n++ {
		t, err := d.Token()
		name, ok := t.(string)
		switch {
		case err != nil || !ok:
			return notJSON
		case seen[name]:
			return fmt.Sprintf("%s: member number %d has the name of one before it", what, n)
		}
		seen[name] = true
		if wrong := read(name, n); wrong != "" {
			return wrong
		}
	}
	if _, err := d.Token(); err != nil {
		return notJSON
	}
	return ""
}

func readKey(d *json.Decoder, what string, key *string) (wrong string) {
	t, err := d.Token()
	if err != nil {
		return notJSON
	}
	text, ok := t.(string)
	if !ok {
		return what + " is no text"
	}
	if wrong := checkKey(text); wrong != "" {
		return what + ": " + wrong
	}
	*key = text
	return ""
}

func checkKey(key string) (wrong string) {
	const form = "it must be the integration key of an Events API v2 integration: 32 letters and digits"
	if len(key) != 32 {
		return form
	}
	for _, c := range []byte(key) {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return form
		}
	}
	return ""
}

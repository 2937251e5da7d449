package datadog

import (
	"strings"
	"testing"
)

func TestAuthorized(t *testing.T) {
	const current, previous = "a-secret-of-a-fair-length", "the-secret-before-it"
	for _, c := range []struct {
		why      string
		headers  map[string]string
		accepted []string
		want     bool
	}{
		{"our header", map[string]string{"x-alertbridge-token": current}, []string{current}, true},
		{"in any case", map[string]string{"X-ALERTBRIDGE-Token": current}, []string{current}, true},
		{"as a bearer", map[string]string{"Authorization": "Bearer " + current}, []string{current}, true},
		{"bearer in any case", map[string]string{"authorization": "bearer  " + current + " "}, []string{current}, true},
		{"the previous one", map[string]string{"x-alertbridge-token": previous}, []string{current, previous}, true},
		{"the current one first or last", map[string]string{"x-alertbridge-token": current}, []string{previous, current}, true},
		{"one wrong header does not spoil the right one", map[string]string{"x-alertbridge-token": "x", "authorization": "Bearer " + current}, []string{current}, true},
		{"a line break that was stored with the secret", map[string]string{"x-alertbridge-token": current}, []string{current + "\n"}, true},

		{"nothing", nil, []string{current}, false},
		{"another one", map[string]string{"x-alertbridge-token": "another"}, []string{current, previous}, false},
		{"a part of it", map[string]string{"x-alertbridge-token": current[:5]}, []string{current}, false},
		{"more than it", map[string]string{"x-alertbridge-token": current + "x"}, []string{current}, false},
		{"another case", map[string]string{"x-alertbridge-token": strings.ToUpper(current)}, []string{current}, false},
		{"no bearer", map[string]string{"authorization": current}, []string{current}, false},
		{"basic", map[string]string{"authorization": "Basic " + current}, []string{current}, false},
		{"an unfilled variable", map[string]string{"x-alertbridge-token": "$ALERTBRIDGE_TOKEN"}, []string{current}, false},
		{"another header", map[string]string{"x-token": current}, []string{current}, false},

		{"no secret is set", map[string]string{"x-alertbridge-token": ""}, nil, false},
		{"an empty secret matches nobody", map[string]string{"x-alertbridge-token": "", "authorization": "Bearer "}, []string{""}, false},
		{"nor does a blank one", map[string]string{"x-alertbridge-token": " "}, []string{" \n", ""}, false},
		{"an empty one beside a good one", map[string]string{"x-alertbridge-token": ""}, []string{"", current}, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got := Authorized(Headers(c.headers), c.accepted...); got != c.want {
				t.Errorf("Authorized() = %v", got)
			}
		})
	}
}

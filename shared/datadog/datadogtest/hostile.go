// Package datadogtest makes deliveries as Datadog sends them with our payload template, for tests of what becomes of
// hostile text on its way to the Agent.
package datadogtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/alertbridge/alertbridge/shared/datadog"
)

// Hostile is one delivery in whose fields a stranger has written, and what is expected of it. Its file says first what
// it is about, then which fields of the template the stranger has written, then, behind lines like "-- name --", what
// is expected.
type Hostile struct {
	Name  string
	About string
	// Fields are what the stranger wrote, by the template's names.
	Fields map[string]json.RawMessage
	Body   []byte // the delivery
	// Given is the file up to what is expected, which the test that uses it puts behind it and compares with the file.
	Given string
}

const (
	delivery = "-- delivery --\n"
	expected = "-- what the Agent receives --\n"
)

// Load reads the files *.txt of a folder, in the order of their names.
func Load(folder string) ([]Hostile, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []Hostile
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		h, err := read(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		h.Name = strings.TrimSuffix(filepath.Base(file), ".txt")
		all = append(all, h)
	}
	return all, nil
}

func read(text string) (Hostile, error) {
	given, _, ok := strings.Cut(text, expected)
	about, fields, there := strings.Cut(given, delivery)
	if !ok || !there {
		return Hostile{}, fmt.Errorf("it has no %q or no %q", delivery, expected)
	}
	h := Hostile{About: strings.TrimSpace(about), Given: given + expected}
	if err := json.Unmarshal([]byte(repeat(fields)), &h.Fields); err != nil {
		return Hostile{}, err
	}
	var err error
	h.Body, err = fill(h.Fields)
	return h, err
}

// repeat writes «text×3» as texttexttext, so that a file with a long text stays short.
func repeat(s string) string {
	return regexp.MustCompile(`(?s)«(.+?)×(\d+)»`).ReplaceAllStringFunc(s, func(found string) string {
		text, times, _ := strings.Cut(strings.Trim(found, "«»"), "×")
		n, _ := strconv.Atoi(times)
		return strings.Repeat(text, n)
	})
}

// fill is the template as Datadog fills it in for a harmless alert, with some fields written over.
func fill(fields map[string]json.RawMessage) ([]byte, error) {
	var body map[string]any
	if err := json.Unmarshal([]byte(datadog.Template()), &body); err != nil {
		return nil, err
	}
	for name := range body {
		if name != "schema" {
			body[name] = harmless[name]
		}
	}
	for name, value := range fields {
		if _, known := body[name]; !known {
			return nil, fmt.Errorf("the template has no field %q", name)
		}
		body[name] = value
	}
	return json.Marshal(body)
}

// harmless leaves empty what an alert need not have, so that little stands around what the stranger wrote.
var harmless = map[string]string{
	"event_id": "9000000000000000001", "monitor_id": "7001", "cycle_key": "9000000000000000001",
	"transition": "Triggered", "alert_type": "error", "alert_priority": "P2", "event_type": "log_alert",
	"event_title": "[P2] [Triggered on {service:shop}] Errors in the shop", "alert_title": "Errors in the shop on service:shop",
	"alert_scope": "service:shop", "tags": "env:prod,service:shop",
	"date": "1795165200000", "last_updated": "1795165200000", "org_id": "4000001", "org_name": "Example", "body": "Errors in the shop.",
}

package telemetrytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// EMF is one record in CloudWatch's embedded metric format, as CloudWatch would understand it.
type EMF struct {
	Namespace string
	Metrics   map[string]float64
	Units     map[string]string
	Sets      [][]string        // the dimension sets under which every metric is counted
	Values    map[string]string // of the dimensions
}

// ParseEMF reads a line of output as CloudWatch does. ok is false when the line is no such record at all. It fails on
// whatever makes CloudWatch drop the record, or a part of it, without a word: see "Specification: Embedded metric
// format" in the manual of CloudWatch, its JSON schema, and the limits of PutMetricData.
func ParseEMF(line []byte, now time.Time) (record EMF, ok bool, err error) {
	var root map[string]json.RawMessage
	if json.Unmarshal(line, &root) != nil || root["_aws"] == nil {
		return EMF{}, false, nil
	}
	var meta struct {
		Timestamp         *json.Number
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct {
				Name, Unit        string
				StorageResolution int
			}
		}
	}
	strict := json.NewDecoder(bytes.NewReader(root["_aws"])) // members that are not of the specification must not be there
	strict.DisallowUnknownFields()
	if err := strict.Decode(&meta); err != nil {
		return EMF{}, true, fmt.Errorf("_aws: %w", err)
	}
	fail := func(format string, args ...any) (EMF, bool, error) { return EMF{}, true, fmt.Errorf(format, args...) }

	if bytes.ContainsAny(bytes.TrimSuffix(line, []byte("\n")), "\r\n") {
		return fail("the record is more than one line, and a log event is a line")
	}
	if len(line) > 256<<10 {
		return fail("the record has %d bytes; a log event has at most 256 KiB", len(line))
	}
	if meta.Timestamp == nil {
		return fail("no Timestamp")
	}
	ms, err := meta.Timestamp.Int64()
	if err != nil {
		return fail("Timestamp %s is no whole number", *meta.Timestamp)
	}
	if at := time.UnixMilli(ms); at.Before(now.Add(-14*24*time.Hour)) || at.After(now.Add(2*time.Hour)) {
		return fail("Timestamp %d is %v; CloudWatch takes two weeks back and two hours ahead: is it in milliseconds?", ms, at.UTC())
	}
	if len(meta.CloudWatchMetrics) != 1 {
		return fail("%d directives; one is all that is written here", len(meta.CloudWatchMetrics))
	}
	d := meta.CloudWatchMetrics[0]
	record = EMF{
		Namespace: d.Namespace, Sets: d.Dimensions,
		Metrics: map[string]float64{}, Units: map[string]string{}, Values: map[string]string{},
	}
	if n := len(d.Namespace); n < 1 || n > 255 || strings.HasPrefix(d.Namespace, "AWS/") || !named(d.Namespace) {
		return fail("Namespace %q: 1 to 255 letters, digits and ._-/#: without AWS/ at the start", d.Namespace)
	}
	if len(d.Dimensions) == 0 {
		return fail("no dimension set")
	}
	for _, set := range d.Dimensions {
		if len(set) > 30 {
			return fail("%d dimensions in a set; 30 are the most", len(set))
		}
		for i, name := range set {
			if n := len(name); n < 1 || n > 250 || strings.HasPrefix(name, ":") || slices.Contains(set[:i], name) {
				return fail("dimension %q: 1 to 250 characters, no colon at the start, once in a set", name)
			}
			var value *string
			if json.Unmarshal(root[name], &value) != nil || value == nil {
				return fail("dimension %q names no member that is a string: %s", name, root[name])
			}
			if n := len(*value); n < 1 || n > 1024 || !printable(*value) || strings.TrimSpace(*value) == "" {
				return fail("dimension %q is %q: 1 to 1024 printable ASCII characters", name, *value)
			}
			record.Values[name] = *value
		}
	}
	if n := len(d.Metrics); n < 1 || n > 100 {
		return fail("%d metrics; 1 to 100", n)
	}
	for _, m := range d.Metrics {
		if n := len(m.Name); n < 1 || n > 255 || !printable(m.Name) {
			return fail("metric %q: 1 to 255 printable characters", m.Name)
		}
		if _, twice := record.Metrics[m.Name]; twice {
			return fail("metric %q twice", m.Name)
		}
		if !slices.Contains([]string{"Count", "Milliseconds", "Seconds", "Bytes", "Percent", "None"}, m.Unit) {
			return fail("metric %q has the unit %q", m.Name, m.Unit)
		}
		if !slices.Contains([]int{0, 1, 60}, m.StorageResolution) {
			return fail("metric %q has the resolution %d", m.Name, m.StorageResolution)
		}
		var value *float64
		if json.Unmarshal(root[m.Name], &value) != nil || value == nil {
			return fail("metric %q names no member that is a number: %s", m.Name, root[m.Name])
		}
		record.Metrics[m.Name], record.Units[m.Name] = *value, m.Unit
	}
	return record, true, nil
}

func named(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("._-/#: ", r))
	}) < 0
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII || r < ' ' || r == 0x7f }) < 0
}

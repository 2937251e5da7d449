package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// samplesVariable names a folder of captured deliveries, which are not ours to publish.
const samplesVariable = "ALERTBRIDGE_SAMPLES"

// Real deliveries get the verdict that follows from what they say, derived here without any code of the bridge.
func TestSendCapturedDeliveries(t *testing.T) {
	folder := os.Getenv(samplesVariable)
	if folder == "" {
		t.Skipf("%s is not set: it names a folder of captured deliveries", samplesVariable)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no delivery in %s: %v", folder, err)
	}
	for _, fresh := range []bool{false, true} {
		args := append([]string{"send", "--url", bridge(t)}, files...)
		if fresh {
			args = append(args, "--fresh")
		}
		got := call(t, "", args...)
		if got.status != 0 || got.errs != "" {
			t.Fatalf("fresh %t: status %d, %q\n%s", fresh, got.status, got.errs, got.out)
		}
		by, groups := lines(t, got.out), map[string]bool{}
		for _, f := range files {
			want := derive(t, f, fresh, groups)
			if l := by[filepath.Base(f)]; l[0] != "202" || l[1]+" "+l[2] != want {
				t.Errorf("fresh %t, %s: %v, want 202 %s", fresh, filepath.Base(f), l, want)
			}
		}
	}
}

// derive says which verdict a capture must get. All of them are years or months old, unless they are fresh. Without a
// cycle key the monitor's group is the incident: the second that comes of it joins the first.
func derive(t *testing.T, file string, fresh bool, groups map[string]bool) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var capture struct {
		BodyText string `json:"body_text"`
	}
	if err := json.Unmarshal(text, &capture); err != nil {
		t.Fatal(err)
	}
	if capture.BodyText != "" {
		text = []byte(capture.BodyText)
	}
	var d struct {
		Title string
		Event struct {
			Aggreg string `json:"aggreg_key"`
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	joins := groups[d.Event.Aggreg]
	switch {
	case strings.Contains(d.Title, "[TEST]"):
		return "drop test"
	case strings.Contains(d.Title, "[Warn]"):
		return "drop warn"
	case strings.Contains(d.Title, "[Recovered"):
		return "drop recovered"
	case !fresh:
		return "drop too_old"
	}
	groups[d.Event.Aggreg] = d.Event.Aggreg != ""
	switch {
	case joins && strings.Contains(d.Title, "[Re-Triggered"):
		return "join re_triggered"
	case joins:
		return "join repeat"
	}
	return "start new_incident"
}

package local

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/events"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/redact/redacttest"
)

// What a run prints, logs and answers holds none of the secrets that stood in its deliveries.
func TestRunTellsNoSecrets(t *testing.T) {
	r := runFor(t, Options{Quiet: true})
	var text, tags []string
	var cut redacttest.Secret // it would hide what follows it
	for _, s := range redacttest.Secrets() {
		if tags = append(tags, s.Text); s.Name == "cut private key" {
			cut = s
			continue
		}
		text = append(text, s.Text)
	}
	whole, _ := json.Marshal(map[string]any{
		"schema": "1", "event_id": "7879702138782271851", "monitor_id": "160076582", "cycle_key": "7879702138782271851", "transition": "Triggered",
		"event_title": "[Triggered] Planted " + text[0], "alert_scope": text[1], "tags": tags, "body": strings.Join(append(text, cut.Text), "\n"),
	})
	bodies := []string{string(whole)}
	for _, s := range redacttest.Secrets() {
		quoted, _ := json.Marshal(s.Text)
		bodies = append(bodies, `{"body":`+string(quoted)+`,`)
	}
	var said strings.Builder
	for _, body := range bodies {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(datadog.TokenHeader, events.Token)
		reply := said.Len()
		r.fetch(t, req, &said)
		var answer struct{ Delivery string }
		if err := json.Unmarshal([]byte(said.String()[reply:]), &answer); err != nil || answer.Delivery == "" {
			t.Fatalf("answered %s", said.String()[reply:])
		}
		r.decided(t, answer.Delivery)
		r.fetchPath(t, "/deliveries/"+answer.Delivery, &said)
	}
	var list caseview.List
	if r.get(t, "/cases?state=started", &list); len(list.Cases) != 1 {
		t.Fatalf("%d cases", len(list.Cases))
	}
	r.fetchPath(t, "/cases?state=started", &said)
	r.fetchPath(t, "/cases/"+list.Cases[0].ID, &said)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	for where, text := range map[string]string{"output": r.out.String(), "logs": r.logs.String(), "answers": said.String()} {
		if !strings.Contains(text, "Planted") {
			t.Errorf("the %s say nothing of the alert:\n%s", where, text)
		}
		for _, s := range redacttest.Secrets() {
			if form := redacttest.Found(text, s.Value); form != "" {
				t.Errorf("%s is in the %s, %s", s.Name, where, form)
			}
		}
	}
	if out := r.out.String(); !strings.Contains(out, `"eventType": "incident"`) || strings.Count(out, "[email:") == 0 {
		t.Errorf("the Agent's request is not shown, or not with pseudonyms:\n%s", out)
	}
}

func (r *running) fetchPath(t *testing.T, path string, into *strings.Builder) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.fetch(t, req, into)
}

func (r *running) fetch(t *testing.T, req *http.Request, into *strings.Builder) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(into, resp.Body); err != nil {
		t.Fatal(err)
	}
}

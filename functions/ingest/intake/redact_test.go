package intake_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/redact"
)

// What was hidden is counted by kind, and told in the one record.
func TestHiddenIsCounted(t *testing.T) {
	d := newDoor()
	body := strings.Replace(good, "Too many.", "Too many of ana@example.com and bob@example.com, password=hunter2.", 1)
	if _, err := d.handler.Handle(t.Context(), request(body)); err != nil {
		t.Fatal(err)
	}
	log := d.log.String()
	for _, want := range []string{`"redacted":{"email":2,"password":1}`, `"Redacted":2`, `"kind":"email"`, `"kind":"password"`} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is missing:\n%s", want, log)
		}
	}
	want := redact.New(current).Text("Too many of ana@example.com and bob@example.com, password=hunter2.")
	if got := d.sent[0].Alert.Text; got != want {
		t.Errorf("queued %q, want %q", got, want)
	}
}

func TestNothingHiddenIsNotTold(t *testing.T) {
	d := newDoor()
	d.handler.Handle(t.Context(), request(good)) //nolint:errcheck // always nil
	if log := d.log.String(); strings.Contains(strings.ToLower(log), "redacted") {
		t.Errorf("told:\n%s", log)
	}
}

// While a token is rotated, both values are accepted, and the pseudonyms are those of the current one.
func TestPseudonymsAreOfTheCurrentToken(t *testing.T) {
	d := newDoor()
	body := strings.Replace(good, "Too many.", "ana@example.com", 1)
	for _, token := range []string{current, previous} {
		d.handler.Handle(t.Context(), request(body, header("x-alertbridge-token", token))) //nolint:errcheck // always nil
	}
	if a, b := d.sent[0].Alert.Text, d.sent[1].Alert.Text; a != b || a != redact.New(current).Text("ana@example.com") {
		t.Errorf("%q and %q", a, b)
	}
}

// What cleaning would bring together is hidden before: a tag keeps its markers, and the Agent is told of it without them.
func TestMarkersHideNothing(t *testing.T) {
	d := newDoor()
	body := strings.Replace(good, "service:checkout\",\"date", "service:AKIA%%%IOSFODNN7EXAMPLE\",\"date", 1)
	d.handler.Handle(t.Context(), request(body)) //nolint:errcheck // always nil
	if got, want := d.sent[0].Alert.Tags[2], "service:"+redact.New(current).Text("AKIAIOSFODNN7EXAMPLE"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A body that cannot be read is kept in part, whatever it was encoded in.
func TestExcerptIsHidden(t *testing.T) {
	const text = `{"from":"ana@example.com","password":"hunter2hunter2","pin":`
	quoted, _ := json.Marshal(text)
	form := strings.NewReplacer("{", "%7B", `"`, "%22", ":", "%3A", "@", "%40", ",", "%2C").Replace(text)
	for name, req := range map[string]events.APIGatewayV2HTTPRequest{
		"as it is":      request(text),
		"as a form":     request("payload=" + form),
		"inside JSON":   request(string(quoted) + ","),
		"broken base64": request(base64.StdEncoding.EncodeToString([]byte(text))+"!", func(r *events.APIGatewayV2HTTPRequest) { r.IsBase64Encoded = true }),
		"of two halves": request(strings.Repeat("a", 4090-len(`{"from":"`)) + text),
		"too large":     request(text + strings.Repeat(" ", 300<<10)),
		"with entities": request(strings.ReplaceAll(text, "@", "&#64;")),
	} {
		d := newDoor()
		d.handler.Handle(t.Context(), req) //nolint:errcheck // always nil
		kept := d.sent[0].Unreadable.Excerpt
		if kept == "" || strings.Contains(kept, `"ana`) || strings.Contains(kept, "example.com") || strings.Contains(kept, "hunter2") || strings.Contains(kept, base64.StdEncoding.EncodeToString([]byte(text))[:8]) {
			t.Errorf("%s: %q", name, kept)
		}
	}
}

package functions_test

// These tests plant secrets wherever somebody who sends an alert can, and wherever another program can say one, and
// search for them in all that leaves the functions. Nothing of them may be found.

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/ledger/dynamoledger"
	"github.com/alertbridge/alertbridge/shared/queue"
	"github.com/alertbridge/alertbridge/shared/queue/sqsqueue"
	"github.com/alertbridge/alertbridge/shared/redact"
	"github.com/alertbridge/alertbridge/shared/redact/redacttest"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

// payloads are the bodies to plant in: our template, filled in, and one with the names and nesting of others.
func payloads(t *testing.T) []map[string]any {
	t.Helper()
	var ours map[string]any
	if err := json.Unmarshal([]byte(datadog.Template()), &ours); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"schema": "1", "event_id": "7879702138782271851", "monitor_id": "160076582", "cycle_key": "7879702138782271851",
		"aggreg_key": "0a1b2c3d4e5f", "transition": "Triggered", "alert_type": "error", "alert_priority": "P2",
		"event_title": "[P2] [Triggered on {service:checkout}] Errors are high", "alert_scope": "service:checkout", "tags": "env:prod,service:checkout",
		"date": "1795262390000", "last_updated": "1795262390000", "link": "https://app.datadoghq.com/event/event?id=7879702138782271851",
		"snapshot": "https://p.datadoghq.com/snapshot/a.png", "org_id": "1", "body": "Too many.\n[Runbook](https://runbooks.example/a)",
	}
	for name := range ours {
		ours[name] = values[name] // of a variable that is new here nothing else is known
	}
	return []map[string]any{ours, {
		"id": "7879702138782271852", "title": "[Triggered] Errors", "text": "Too many [](https://a.example/x)", "scopes": []any{"host:a"}, "tags": []any{"env:prod"},
		"org": map[string]any{"id": "1", "name": "Shop"}, "alert_transition": "Triggered", "priority": "P1", "host": "a", "incident_id": "datadog-1",
		"monitor":  map[string]any{"id": "7", "name": "Errors", "query": "avg:a{*}"},
		"alert":    map[string]any{"status": "high", "metric": "a", "type": "error"},
		"metadata": map[string]any{"date": "1795262390000", "link": "https://app.datadoghq.com/event/event?id=7879702138782271852"},
		"service":  "checkout", "env": "prod", "value": "7", "threshold": "5", "trace_id": "471", "x": map[string]any{"message_id": "1", "request-id": "2"},
		"event_type": "query_alert_monitor", "schema": "2", "snapshot_url": "https://p.datadoghq.com/snapshot/b.png",
	}}
}

// plant returns a copy of a payload whose leaves are what with makes of their path and value.
func plant(v any, path string, with func(path, value string) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out[name] = plant(v[name], path+"."+name, with)
		}
		return out
	case []any:
		var out []any
		for i, e := range v {
			out = append(out, plant(e, fmt.Sprint(path, i), with))
		}
		return out
	}
	return with(path, fmt.Sprint(v))
}

// beside puts a text where a sender could have put it so that the value is still taken for what it was.
func beside(path, value, text string) string {
	switch {
	case strings.Contains(value, "[]("): // the name of a link
		return strings.Replace(value, "[](", "["+text+"](", 1)
	case strings.HasPrefix(value, "https://") && strings.Contains(value, "?"):
		return value + "&q=" + url.QueryEscape(text)
	case strings.HasPrefix(value, "https://"):
		return value + "?q=" + url.QueryEscape(text)
	case value != "" && strings.Trim(value, "0123456789") == "", strings.HasSuffix(path, "aggreg_key"): // a blank ends an id
		return value + "/" + text
	case strings.HasSuffix(path, "tags") || strings.HasSuffix(path, "scope"):
		return value + "," + text
	}
	return value + " " + text
}

// steers are the fields that decide whether something is started at all.
func steers(path string) bool {
	return strings.HasSuffix(path, "transition") || strings.Contains(path, "date")
}

func encodeBody(t *testing.T, payload any) string {
	t.Helper()
	body, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// rounds visits payloads in which every field holds a secret, so that every field has held every secret at the end.
// Every other time the fields that steer are as they were, and the alert is started.
func rounds(t *testing.T, visit func(what, body string)) {
	secrets := redacttest.Secrets()
	for n, payload := range payloads(t) {
		for round := range secrets {
			for _, steered := range []bool{false, true} {
				i := round
				body := plant(payload, "", func(path, value string) string {
					i++
					if steered && steers(path) {
						return value
					}
					return beside(path, value, secrets[i%len(secrets)].Text)
				})
				visit(fmt.Sprintf("payload %d, round %d", n, round), encodeBody(t, body))
			}
		}
	}
}

func TestSecretsInEveryField(t *testing.T) {
	said, all := map[string]int{}, 0
	rounds(t, func(what, body string) {
		l := newLeaky(t, all%2 == 0)
		l.deliver(post(body))
		for where, out := range l.said {
			if out.buf.Len() > 0 {
				said[where]++
			}
		}
		all++
		l.wantNone(t, what, redacttest.Secrets()...)
	})
	for _, where := range []string{"log", "queue", "ledger", "items", "Agent", "answer"} {
		if 2*said[where] < all {
			t.Errorf("%s said something in %d of %d rounds, which proves little", where, said[where], all)
		}
	}
}

// Without redaction the same search finds what was planted: each secret in the queue, the ledger and the Agent's body.
// And each text of an alert has held one, so that a new field cannot be forgotten.
func TestSearchFindsWhatIsNotHidden(t *testing.T) {
	found, held := map[string]bool{}, map[string]bool{}
	rounds(t, func(_, body string) {
		a, err := datadog.Decode([]byte(body), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), nil)
		if err != nil {
			t.Fatal(err)
		}
		texts(reflect.ValueOf(a), "", func(name, text string) {
			held[name] = held[name] || redact.Has(text)
		})
		l := newLeaky(t, false)
		e := queue.Envelope{Kind: queue.KindAlert, Delivery: a.Delivery, Received: l.clock.Now(), Alert: &a}
		if err := l.Send(l.ctx, e, nil); err != nil {
			t.Fatal(err)
		}
		l.deliver(events.APIGatewayV2HTTPRequest{})
		for _, f := range l.search(redacttest.Secrets()) {
			name, _, _ := strings.Cut(f, ",")
			found[name] = true
		}
	})
	for _, s := range redacttest.Secrets() {
		for _, where := range []string{"queue", "ledger", "items", "Agent"} { // records and spans have a guard of their own
			if !found[s.Name+" in "+where] {
				t.Errorf("%s is not found in %s", s.Name, where)
			}
		}
	}
	texts(reflect.ValueOf(alert.Alert{Links: make([]alert.Link, 1), Refs: make([]alert.Ref, 1), Scope: []string{""}, Tags: []string{""}}), "", func(name, _ string) {
		switch name {
		case "Delivery", "Incident.Org", "Incident.Monitor", "Incident.Key": // are hashed, also here
		case "Source", "Transition", "Priority", "Refs.Name": // of closed lists
		default:
			if !held[name] {
				t.Errorf("no secret was planted in %s", name)
			}
		}
	})
}

// texts visits the texts of a value.
func texts(v reflect.Value, name string, visit func(name, text string)) {
	switch v.Kind() {
	case reflect.String:
		visit(strings.TrimPrefix(name, "."), v.String())
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), name, visit)
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			for i := range v.NumField() {
				texts(v.Field(i), name+"."+v.Type().Field(i).Name, visit)
			}
		}
	}
}

// A body that nobody can read is kept in part.
func TestSecretsInUnreadableBodies(t *testing.T) {
	for _, s := range redacttest.Secrets() {
		quoted := encodeBody(t, s.Text)
		asBase64 := post(base64.StdEncoding.EncodeToString([]byte("this is what a body may say: "+s.Text)) + "!")
		asBase64.IsBase64Encoded = true
		asForm := post("payload=" + url.QueryEscape(`{"body":`+quoted+`}`))
		asForm.Headers["content-type"] = "application/x-www-form-urlencoded"
		for what, req := range map[string]events.APIGatewayV2HTTPRequest{
			"cut off": post(`{"body":` + quoted + `,`), "no JSON": post(s.Text), "a list": post("[" + quoted + "]"), "a string": post(encodeBody(t, quoted) + "x"),
			"no alert": post(`{"x":` + quoted + `}`), "broken base64": asBase64, "a form": asForm, "a form without its type": post(asForm.Body),
			"too large":                 post(`{"body":` + quoted + strings.Repeat(" ", intake.MaxBody) + "}"),
			"at the end of the excerpt": post(strings.Repeat("x", queue.MaxExcerpt-len(s.Text)/2-1) + " " + s.Text),
		} {
			l := newLeaky(t, false)
			l.deliver(req)
			if l.said["queue"].buf.Len() == 0 {
				t.Fatalf("%s, %s: was not queued", s.Name, what)
			}
			l.wantNone(t, s.Name+", "+what, s)
		}
	}
}

// Whatever a request says besides its body is not kept, but for a trace id. Its method, its encoding and its id are API Gateway's.
func TestSecretsInTheRequest(t *testing.T) {
	for _, s := range redacttest.Secrets() {
		good := encodeBody(t, payloads(t)[0])
		for _, token := range []string{ownToken, ownPrevious, s.Text, ""} {
			req := post(good)
			fill(reflect.ValueOf(&req).Elem(), s.Text)
			req.Version, req.Body, req.RequestContext.HTTP.Method, req.RequestContext.RequestID = "2.0", good, "POST", "req-1"
			for _, name := range []string{
				"user-agent", "x-forwarded-for", "cookie", "referer", "x-any", "content-type", "traceparent", "tracestate", "baggage",
				"x-datadog-trace-id", "x-datadog-tags",
			} {
				req.Headers[name] = s.Text
			}
			req.Headers["x-alertbridge-token"] = token
			l := newLeaky(t, false)
			l.deliver(req)
			l.wantNone(t, s.Name+", token "+token, s)
		}
	}
}

// fill puts a text into every text of a value, and one into each map and list.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("x-planted"), reflect.ValueOf(text))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	}
}

// The Agent may say anything, and repeat what it was sent; and a connection may end with any words.
func TestSecretsInTheAgentsAnswer(t *testing.T) {
	good := encodeBody(t, payloads(t)[0])
	for n, s := range redacttest.Secrets() {
		for what, answer := range map[string]func(*http.Request, string) (*http.Response, error){
			"errors": func(*http.Request, string) (*http.Response, error) {
				return reply(200, `{"errors":[`+encodeBody(t, s.Text)+`]}`), nil
			},
			"refuses": func(*http.Request, string) (*http.Response, error) {
				return reply(400, `{"message":`+encodeBody(t, s.Text)+`}`), nil
			},
			"denies": func(r *http.Request, _ string) (*http.Response, error) {
				return reply(403, `{"message":`+encodeBody(t, r.Header.Get("Authorization")+" is not "+ownKey+", "+url.QueryEscape(ownKey)+", "+base64.StdEncoding.EncodeToString([]byte(ownKey)))+`}`), nil
			},
			"repeats": func(r *http.Request, body string) (*http.Response, error) {
				return reply(422, encodeBody(t, map[string]any{"error": fmt.Sprint("cannot take ", r.URL, " with ", r.Header), "body": body})), nil
			},
			"no JSON": func(*http.Request, string) (*http.Response, error) { return reply(500, "<html>"+s.Text), nil },
			"no connection": func(r *http.Request, _ string) (*http.Response, error) {
				return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: errors.New(s.Text)}
			},
			"panics": func(r *http.Request, _ string) (*http.Response, error) {
				panic(&url.Error{Op: "Post", URL: r.URL.String(), Err: errors.New(s.Text)})
			},
		} {
			l := newLeaky(t, n%2 == 0)
			l.agent = answer
			l.deliver(post(good))
			l.wantNone(t, s.Name+", the Agent "+what, s)
		}
	}
}

// What an SDK says of a failure may quote the request, and whatever stood between.
func TestSecretsInErrorsOfSDKs(t *testing.T) {
	good := encodeBody(t, payloads(t)[0])
	for _, s := range redacttest.Secrets() {
		for what, answer := range map[string]doer{
			"repeats": func(r *http.Request) (*http.Response, error) {
				return failure(t, 403, "UnrecognizedClientException", fmt.Sprint("the request was ", r.URL, " with ", r.Header, s.Text)), nil
			},
			"denied": func(*http.Request) (*http.Response, error) {
				return failure(t, 400, "AccessDeniedException", s.Text), nil
			},
			"signed": func(*http.Request) (*http.Response, error) {
				return failure(t, 403, "InvalidSignatureException", s.Text), nil
			},
			"broken":        func(*http.Request) (*http.Response, error) { return failure(t, 500, s.Text, s.Text), nil },
			"no connection": func(*http.Request) (*http.Response, error) { return nil, errors.New(s.Text) },
		} {
			for from, client := range map[string]func() any{
				"SQS": func() any {
					q, err := sqsqueue.New(sqs.New(sqs.Options{Region: "eu-central-1", Credentials: someone, HTTPClient: answer}),
						"https://sqs.eu-central-1.amazonaws.com/123456789012/alerts", sqsqueue.Options{Attempts: 1})
					if err != nil {
						t.Fatal(err)
					}
					return q
				},
				"DynamoDB": func() any {
					return dynamoledger.New(dynamodb.New(dynamodb.Options{Region: "eu-central-1", Credentials: someone, HTTPClient: answer}),
						"ledger", dynamoledger.Options{})
				},
				"Secrets Manager": func() any {
					return awssecret.New(secretsmanager.New(secretsmanager.Options{Region: "eu-central-1", Credentials: someone, HTTPClient: answer}),
						"token", awssecret.Options{})
				},
			} {
				synctest.Test(t, func(t *testing.T) { // its pauses take no time
					l := newLeaky(t, false, client())
					l.deliver(post(good))
					if !bytes.Contains(l.said["log"].buf.Bytes(), []byte(`"level":"ERROR"`)) {
						t.Fatalf("%s %s: nothing failed", from, what)
					}
					l.wantNone(t, s.Name+", "+from+" "+what, s)
				})
			}
		}
	}
}

var someone = credentials.NewStaticCredentialsProvider("AKIDPLANTED", ownAWSKey, ownAWSSession)

// failure is an answer in the protocol of JSON that the three services speak.
func failure(t *testing.T, status int, code, words string) *http.Response {
	r := reply(status, encodeBody(t, map[string]string{"__type": code, "message": words}))
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	return r
}

// What a handler panics with is told in a record, and to Lambda.
func TestSecretsInPanics(t *testing.T) {
	for _, s := range redacttest.Secrets() {
		l := newLeaky(t, false, panics(s.Text))
		l.deliver(post(encodeBody(t, payloads(t)[0])))
		if !bytes.Contains(l.said["log"].buf.Bytes(), []byte("the handler panicked")) {
			t.Fatal("no panic")
		}
		l.wantNone(t, s.Name, s)
	}
}

type panics string

func (p panics) Send(context.Context, queue.Envelope, map[string]string) error { panic(string(p)) }

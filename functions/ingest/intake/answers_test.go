package intake_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
)

// What the answers say, one sentence each.
const (
	sendToken  = "Send the bridge's ingest token in the header X-Alertbridge-Token or as a bearer token."
	sendPost   = "Send the alert with POST."
	noForms    = `Switch off "Encode as form" in the Datadog webhook: the bridge reads JSON.`
	notBase64  = "Send the body as it is: what arrived claims to be base64 and is not."
	empty      = "The body is empty: paste alertbridge's payload template into the webhook in Datadog."
	noObject   = "The body is JSON, but no object in braces: paste alertbridge's payload template into the webhook in Datadog."
	noAlert    = "The body has no title and names no monitor, nor an event with a text: paste alertbridge's payload template into the webhook in Datadog."
	tooDeep    = "The body has more than 32 objects or lists inside each other: use alertbridge's payload template, which is flat."
	notUTF8    = "The body is not JSON in UTF-8: send it in that encoding, uncompressed."
	brokenJSON = "The body is not JSON (%s): in the payload of the webhook in Datadog, look for a missing or trailing comma, and for a variable without quotes."
	goesOn     = "The body is not one JSON value, something follows after byte %d: correct the payload of the webhook in Datadog."
)

// answer is what one request comes to. With 202 the rest is empty.
type answer struct {
	status int
	reason string // as the log and, where the request was authenticated, the queue have it
	says   string
}

func notJSON(where string, args ...any) answer {
	return answer{400, "not_json", fmt.Sprintf(brokenJSON, fmt.Sprintf(where, args...))}
}

// Whatever is wrong with a delivery: the answer, what is queued, what is logged and what is counted, to the letter.
func TestAnswers(t *testing.T) {
	accepted := answer{status: 202}
	unknown := answer{401, "unauthenticated", sendToken}
	noToken := header("x-alertbridge-token", "")
	token := func(v string) func(*events.APIGatewayV2HTTPRequest) { return header("x-alertbridge-token", v) }
	bearer := func(v string) func(*events.APIGatewayV2HTTPRequest) { return header("authorization", v) }
	claimsBase64 := func(r *events.APIGatewayV2HTTPRequest) { r.IsBase64Encoded = true }
	padded := good + strings.Repeat(" ", intake.MaxBody-len(good))
	for name, c := range map[string]struct {
		req  events.APIGatewayV2HTTPRequest
		want answer
	}{
		"current token":                    {request(good), accepted},
		"previous token, while it rotates": {request(good, token(previous)), accepted},
		"bearer token":                     {request(good, noToken, bearer("Bearer "+current)), accepted},
		"bearer in small letters":          {request(good, noToken, bearer("bearer "+previous)), accepted},
		"right token beside a wrong one":   {request(good, bearer("Bearer x")), accepted},
		"white space around the token":     {request(good, token(" "+current+"\t")), accepted},
		"header names in any case":         {request(good, noToken, header("X-AlertBridge-Token", current)), accepted},

		"no token":                        {request(good, noToken), unknown},
		"empty token":                     {request(good, func(r *events.APIGatewayV2HTTPRequest) { r.Headers["x-alertbridge-token"] = "" }), unknown},
		"blank token":                     {request(good, token(" ")), unknown},
		"bearer without a token":          {request(good, noToken, bearer("Bearer ")), unknown},
		"token in another scheme":         {request(good, noToken, bearer("Basic "+current)), unknown},
		"wrong token":                     {request(good, token(current+"x")), unknown},
		"beginning of the token":          {request(good, token(current[:len(current)-1])), unknown},
		"token in capitals":               {request(good, token(strings.ToUpper(current))), unknown},
		"both tokens at once":             {request(good, token(current+","+previous)), unknown},
		"token that is not UTF-8":         {request(good, token("\xff\xfe")), unknown},
		"token of 1 MB":                   {request(good, token(strings.Repeat("x", 1<<20))), unknown},
		"wrong token and no alert either": {request("x", token("x")), unknown},
		"no token and no alert either":    {request("x", noToken), unknown},
		"GET":                             {request(good, method("GET")), answer{405, "wrong_method", sendPost}},
		"GET without a token":             {request("", method("GET"), noToken), answer{405, "wrong_method", sendPost}},

		"base64, as API Gateway does it": {request(good, asBase64), accepted},
		"base64 of nothing":              {request("", asBase64), answer{400, "empty_body", empty}},
		"claims base64":                  {request(good, claimsBase64), answer{400, "not_base64", notBase64}},
		"claims base64 and ends early":   {request("eyJ", claimsBase64), answer{400, "not_base64", notBase64}},
		"base64 and does not say so":     {request(base64.StdEncoding.EncodeToString([]byte(good))), notJSON("invalid character 'e' looking for beginning of value at byte 1")},

		"empty":                    {request(""), answer{400, "empty_body", empty}},
		"white space":              {request(" \r\n\t"), answer{400, "empty_body", empty}},
		"byte order mark alone":    {request("\ufeff"), answer{400, "empty_body", empty}},
		"byte order mark before":   {request("\ufeff" + good), accepted},
		"text":                     {request("Errors are high"), notJSON("invalid character 'E' looking for beginning of value at byte 1")},
		"a page":                   {request("<html>"), notJSON("invalid character '<' looking for beginning of value at byte 1")},
		"variable without quotes":  {request(`{"event_id":$ID}`), notJSON("invalid character '$' looking for beginning of value at byte 13")},
		"trailing comma":           {request(`{"event_id":"1",}`), notJSON("invalid character '}' looking for beginning of object key string at byte 17")},
		"line break in a text":     {request("{\"title\":\"a\nb\"}"), notJSON(`invalid character '\n' in string literal at byte 12`)},
		"truncated after a colon":  {request(`{"event_id":`), notJSON("it ends too early, after byte 12")},
		"truncated in a text":      {request(good[:len(good)-6]), notJSON("it ends too early, after byte %d", len(good)-6)},
		"truncated in an escape":   {request(`{"title":"\u00`), notJSON("it ends too early, after byte 14")},
		"truncated in a character": {request(`{"event_title":"` + "決済"[:4]), notJSON("it ends too early, after byte 20")},
		"truncated by one byte":    {request(good[:len(good)-1]), notJSON("it ends too early, after byte %d", len(good)-1)},
		"two alerts":               {request(good + good), answer{400, "not_json", fmt.Sprintf(goesOn, len(good))}},
		"something behind":         {request(good + "]"), answer{400, "not_json", fmt.Sprintf(goesOn, len(good))}},
		"a list":                   {request("[" + good + "]"), answer{400, "not_an_object", noObject}},
		"a string":                 {request(`"Errors are high"`), answer{400, "not_an_object", noObject}},
		"a number":                 {request("7879702138782271851"), answer{400, "not_an_object", noObject}},
		"null":                     {request("null"), answer{400, "not_an_object", noObject}},
		"an empty object":          {request("{}"), answer{400, "not_an_alert", noAlert}},
		"another object":           {request(`{"hello":"world"}`), answer{400, "not_an_alert", noAlert}},
		"an alert of nulls":        {request(`{"event_id":null,"event_title":null,"monitor_id":null,"body":null}`), answer{400, "not_an_alert", noAlert}},
		"variables without values": {request(`{"event_id":"$ID","event_title":"$EVENT_TITLE","monitor_id":"$ALERT_ID"}`), answer{400, "not_an_alert", noAlert}},
		"objects instead of texts": {request(`{"event_id":{},"event_title":[],"monitor_id":true}`), answer{400, "not_an_alert", noAlert}},

		"UTF-16, small end first":    {request(wide(good, binary.LittleEndian), asBase64), answer{400, "not_json", notUTF8}},
		"UTF-16, big end first":      {request(wide(good, binary.BigEndian), asBase64), answer{400, "not_json", notUTF8}},
		"UTF-16 without a mark":      {request(wide(good, binary.LittleEndian)[2:], asBase64), answer{400, "not_json", notUTF8}},
		"compressed":                 {request("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", asBase64), answer{400, "not_json", notUTF8}},
		"bytes of no encoding":       {request("\xff\xfe\xfd"), answer{400, "not_json", notUTF8}},
		"JSON that is called a text": {request(good, header("content-type", "text/plain; charset=utf-16")), accepted},
		"no content type":            {request(good, header("content-type", "")), accepted},
		"content type of garbage":    {request(good, header("content-type", ";;=\xff")), accepted},

		"a form":                          {request("payload=%7B%7D", header("content-type", "application/x-www-form-urlencoded")), answer{415, "form_encoded", noForms}},
		"a form that is called JSON":      {request("payload=%7B%7D"), answer{415, "form_encoded", noForms}},
		"JSON that is called a form":      {request(good, header("content-type", "Application/X-WWW-Form-Urlencoded; charset=utf-8")), answer{415, "form_encoded", noForms}},
		"as many bytes as are allowed":    {request(padded), accepted},
		"the same in base64":              {request(padded, asBase64), accepted},
		"one byte too many":               {request(padded + " "), tooLarge(intake.MaxBody + 1)},
		"one byte too many in base64":     {request(padded+" ", asBase64), tooLarge(intake.MaxBody + 1)},
		"one byte too many, and no alert": {request(strings.Repeat(" ", intake.MaxBody+1)), tooLarge(intake.MaxBody + 1)},
		"1 MB of one character":           {request(strings.Repeat("a", 1<<20)), tooLarge(1 << 20)},
		"1 MB of brackets":                {request(strings.Repeat("[", 1<<20)), tooLarge(1 << 20)},
		"an alert with a text of 1 MB":    {request(with("body", strings.Repeat("a", 1<<20))), tooLarge(len(with("body", strings.Repeat("a", 1<<20))))},

		"as deep as is allowed": {request(`{"event_title":"A","x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + "}"), accepted},
		"one too deep":          {request(`{"event_title":"A","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}"), answer{400, "too_deep", tooDeep}},
		"all brackets":          {request(strings.Repeat("[", intake.MaxBody)), answer{400, "too_deep", tooDeep}},
		"all objects":           {request(strings.Repeat(`{"a":`, intake.MaxBody/5)), answer{400, "too_deep", tooDeep}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor()
			resp, err := d.handler.Handle(t.Context(), c.req)
			if err != nil {
				t.Fatal(err)
			}
			d.answered(t, c.req, resp, c.want)
		})
	}
}

func tooLarge(size int) answer {
	return answer{413, "too_large", fmt.Sprintf(
		"Send at most 262144 bytes: this body has %d; leave large variables out of the webhook's payload.", size)}
}

// wide is a text in UTF-16 with its byte order mark.
func wide(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

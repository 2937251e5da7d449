package intake

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/datadog"
	"github.com/alertbridge/alertbridge/shared/queue"
)

// read makes an envelope of an authenticated request: of its alert, or, when it cannot be read, of what is known about
// it. Then the answer is already decided, and the message is sent for the record.
func (d *delivery) read(req events.APIGatewayV2HTTPRequest) queue.Envelope {
	env := queue.Envelope{Received: d.received, RequestID: req.RequestContext.RequestID}
	body, err := bytesOf(req)
	if err != nil {
		*d = d.refuse(http.StatusBadRequest, notBase64, "Send the body as it is: what arrived claims to be base64 and is not.")
		d.bytes = len(req.Body)
		return d.unreadable(env, []byte(req.Body), body)
	}
	d.bytes = len(body)
	if len(body) > MaxBody {
		*d = d.refuse(http.StatusRequestEntityTooLarge, tooLarge, fmt.Sprintf(
			"Send at most %d bytes: this body has %d; leave large variables out of the webhook's payload.", MaxBody, len(body)))
		return d.unreadable(env, body, body)
	}
	if t, _, _ := mime.ParseMediaType(datadog.Headers(req.Headers)("content-type")); t == "application/x-www-form-urlencoded" {
		*d = d.refuse(http.StatusUnsupportedMediaType, reason(datadog.FormEncoded), noForms)
		return d.unreadable(env, body, body)
	}
	al, err := datadog.Decode(body, d.received, d.hide)
	if err != nil {
		*d = d.undecodable(err)
		return d.unreadable(env, body, body)
	}
	d.alert = &al
	env.Kind, env.Delivery, env.Alert = queue.KindAlert, al.Delivery, &al
	return env
}

const noForms = `Switch off "Encode as form" in the Datadog webhook: the bridge reads JSON.`

// undecodable says what the decoder found wrong, in its own words.
func (d *delivery) undecodable(err error) delivery {
	var de *datadog.DecodeError
	switch {
	case !errors.As(err, &de):
		return d.refuse(http.StatusBadRequest, undecodable, "The body cannot be read as an alert; use the payload template of the documentation.")
	case de.Reason == datadog.FormEncoded: // whatever its Content-Type said
		return d.refuse(http.StatusUnsupportedMediaType, reason(de.Reason), noForms)
	}
	return d.refuse(http.StatusBadRequest, reason(de.Reason), de.Words)
}

// broken is how much of a broken base64 must be readable to be taken for one, in bytes: a few letters always are.
const broken = 32

// bytesOf is the body, and with an error as much of it as can be read.
func bytesOf(req events.APIGatewayV2HTTPRequest) ([]byte, error) {
	if !req.IsBase64Encoded {
		return []byte(req.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(req.Body)
	if err != nil && len(body) < broken {
		return []byte(req.Body), err
	}
	return body, err
}

// unreadable names the delivery by its content: the same body again is the same delivery. text is what can be read of
// the body.
func (d *delivery) unreadable(env queue.Envelope, body, text []byte) queue.Envelope {
	env.Kind, env.Unreadable = queue.KindUnreadable, queue.NewUnreadable(string(d.reason), d.says, body, text, d.hide)
	env.Delivery = "raw-" + env.Unreadable.SHA256[:32]
	return env
}

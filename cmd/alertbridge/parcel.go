package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/events"
)

// parcel is one delivery that is to be sent, or why it cannot be.
type parcel struct {
	name     string // as the operator called it
	method   string
	header   http.Header
	body     []byte
	ownToken bool // the header brings the token to be sent, unless the operator names one
	err      error
}

// gather reads the deliveries that the arguments name, in their order, those of a folder by name.
func gather(args []string, in io.Reader, fresh bool) []parcel {
	var list []parcel
	for _, arg := range args {
		if arg == "-" {
			text, err := io.ReadAll(io.LimitReader(in, maxParcel+1))
			list = append(list, pack("-", text, err, fresh))
			continue
		}
		files, err := filesOf(arg)
		if err != nil {
			list = append(list, parcel{name: arg, err: err})
		}
		for _, file := range files {
			text, err := readFile(file)
			list = append(list, pack(file, text, err, fresh))
		}
	}
	return list
}

// maxParcel bounds a file, in bytes. A bridge takes 256 KiB; the rest is for events that hold the body in base64, and
// for those who want to see a delivery refused.
const maxParcel = 4 << 20

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxParcel+1))
}

func filesOf(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	if err != nil || !info.IsDir() {
		return []string{arg}, nil // reading it will say what is wrong
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && strings.EqualFold(filepath.Ext(e.Name()), ".json") {
			files = append(files, filepath.Join(arg, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, errors.New("there is no .json file in this folder")
	}
	slices.Sort(files)
	return files, nil
}

// pack makes a delivery of what was read.
func pack(name string, text []byte, err error, fresh bool) parcel {
	switch {
	case err != nil:
		if cause := errors.Unwrap(err); cause != nil {
			err = cause // the name stands before it already
		}
		return parcel{name: name, err: err}
	case len(text) > maxParcel:
		return parcel{name: name, err: fmt.Errorf("it is larger than %d MiB; no delivery is", maxParcel>>20)}
	}
	p, err := unwrap(text, fresh)
	p.name, p.err = name, err
	return p
}

// unwrap tells the forms apart by what only they have.
func unwrap(text []byte, fresh bool) (parcel, error) {
	var form struct {
		RequestContext json.RawMessage   `json:"requestContext"`
		Headers        map[string]string `json:"headers"`
		BodyText       *string           `json:"body_text"`
		Records        []json.RawMessage `json:"Records"`
	}
	if json.Unmarshal(text, &form) != nil {
		form.RequestContext, form.BodyText, form.Records = nil, nil, nil // whatever it is, it is a body
	}
	switch {
	case form.RequestContext != nil && form.Headers != nil:
		return ofEvent(text, fresh)
	case form.BodyText != nil:
		return ofCapture(form.Headers, *form.BodyText, fresh), nil
	case len(form.Records) > 0:
		return parcel{}, errors.New("it is an event of the queue, which only dispatcher takes; send the delivery that it was made of")
	}
	body := string(text)
	if fresh {
		body = events.FreshBody(body, time.Now())
	}
	return parcel{method: http.MethodPost, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body: []byte(body)}, nil
}

// ofEvent is the request that the HTTP API made the event of.
func ofEvent(text []byte, fresh bool) (parcel, error) {
	var e lambda.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(text, &e); err != nil {
		return parcel{}, fmt.Errorf("it looks like an event of the HTTP API, and is none: %w", err)
	}
	if fresh {
		e = events.Fresh(e, time.Now())
	}
	p := parcel{method: e.RequestContext.HTTP.Method, header: http.Header{}, body: []byte(e.Body), ownToken: true}
	if e.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return parcel{}, fmt.Errorf("its body claims to be base64, and is not: %w", err)
		}
		p.body = body
	}
	for name, value := range e.Headers {
		if !ofConnection(name) {
			p.header.Set(name, value)
		}
	}
	return p, nil
}

// ofCapture is the delivery that was captured. Its token is somebody else's, and mostly blackened: ours takes its place.
func ofCapture(headers map[string]string, body string, fresh bool) parcel {
	if fresh {
		body = events.FreshBody(body, time.Now())
	}
	p := parcel{method: http.MethodPost, header: http.Header{}, body: []byte(body)}
	for name, value := range headers {
		if !ofConnection(name) {
			p.header.Set(name, value)
		}
	}
	return p
}

// ofConnection tells headers that a connection or a proxy has put there, and that would be wrong on another one.
func ofConnection(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "host", "content-length", "accept-encoding", "connection", "transfer-encoding", "te", "trailer", "upgrade",
		"x-real-ip", "x-request-id", "x-scheme", "x-amzn-trace-id":
		return true
	}
	return strings.HasPrefix(name, "x-forwarded-")
}

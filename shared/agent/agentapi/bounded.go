package agentapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// maxAnswer bounds what is read of an answer, in bytes. A page of pageOfTasks tasks with the longest descriptions that there
// can be, every character of them escaped, is three quarters of it.
const maxAnswer = 8 << 20

var errTooLarge = errors.New("the answer is too large")

// bounded is an HTTP client whose answers end in errTooLarge beyond maxAnswer. The SDK reads answers whole.
//
// The request gets a body of its own: the SDK closes the one that it gave as soon as the answer begins, and net/http may
// then still look for its end, be told that it is closed, and end the connection in the middle of the answer.
type bounded struct{ aws.HTTPClient }

// Do implements aws.HTTPClient.
func (b bounded) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.WithContext(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	resp, err := b.HTTPClient.Do(r)
	if err == nil {
		resp.Body = &body{ReadCloser: resp.Body, left: maxAnswer}
	}
	return resp, err
}

type body struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

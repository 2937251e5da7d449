package local

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzToEvent: whatever a request is like, its body arrives byte for byte, and its headers have small letters.
func FuzzToEvent(f *testing.F) {
	f.Add("127.0.0.1:8080", "a=b&a=c", "application/json", "c=1; d", []byte(`{"title":"A"}`))
	f.Add("[::1]", "%zz&;=", "text/plain; charset=", ";;", []byte("\xff\xfe"))
	f.Add("", "", "", "", []byte{})
	f.Add("h:x:1", "\x00", "image/svg+xml", "=", []byte("<svg/>"))
	f.Fuzz(func(t *testing.T, host, query, contentType, cookie string, body []byte) {
		r := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: Path, RawQuery: query}, Host: host, RemoteAddr: "127.0.0.1:1", Proto: "HTTP/1.1",
			Header: http.Header{"Content-Type": {contentType}, "Cookie": {cookie}}, Body: io.NopCloser(bytes.NewReader(body)),
		}
		e, err := toEvent(httptest.NewRecorder(), r, "id", time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		got := []byte(e.Body)
		if e.IsBase64Encoded {
			if got, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, body) || e.RawQueryString != query {
			t.Errorf("%q became %q, the query %q", body, got, e.RawQueryString)
		}
		for name := range e.Headers {
			if name != strings.ToLower(name) || name == "cookie" {
				t.Errorf("there is a header %q", name)
			}
		}
	})
}

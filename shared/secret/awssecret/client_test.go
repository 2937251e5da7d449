package awssecret_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

// TestWithTheRealClient counts the HTTP requests of the SDK's own client, whose retryer would make three of one.
func TestWithTheRealClient(t *testing.T) {
	tests := []struct {
		why      string
		status   int
		body     string
		want     string
		requests int32
	}{
		{"a value", 200, `{"Name":"n","SecretString":"one\n","VersionId":"v-one"}`, "one", 1},
		{"no such secret", 400, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find it"}`, "does not exist or has no value yet", 1},
		{"the service is down: two tries, not six", 500, `{"__type":"InternalServiceError"}`, "answered InternalServiceError", 2},
		{"throttled", 400, `{"__type":"ThrottlingException"}`, "answered ThrottlingException", 2},
	}
	for _, tt := range tests {
		var requests atomic.Int32
		var body atomic.Value
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			b, _ := io.ReadAll(r.Body)
			body.Store(string(b))
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		}))
		client := secretsmanager.New(secretsmanager.Options{
			Region:       "eu-central-1",
			BaseEndpoint: aws.String(server.URL),
			Credentials:  credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
		})
		store := awssecret.New(client, "alertbridge/agent", awssecret.Options{})
		got := show(store.Current(t.Context()))
		server.Close()
		if !strings.Contains(got, tt.want) || requests.Load() != tt.requests {
			t.Errorf("%s: %q after %d requests, want %q after %d", tt.why, got, requests.Load(), tt.want, tt.requests)
		}
		if want := `{"SecretId":"alertbridge/agent","VersionStage":"AWSCURRENT"}`; body.Load() != want {
			t.Errorf("%s: the request was %s, want %s", tt.why, body.Load(), want)
		}
	}
}

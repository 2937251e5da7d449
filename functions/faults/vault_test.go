package faults_test

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/alertbridge/alertbridge/functions/ingest/intake"
	"github.com/alertbridge/alertbridge/shared/agent"
	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

type stepKey struct{}

// at names the step for what is asked below.
func at(ctx context.Context, s step) context.Context { return context.WithValue(ctx, stepKey{}, s) }

// tokenDoor tells the two readings of ingest's token apart.
type tokenDoor struct {
	*awssecret.Store
	w *world
}

var _ intake.Tokens = tokenDoor{}

// Accepted reads the token. In the scene of ingest the token is rotated right after it, and the alert comes with the
// new one.
func (d tokenDoor) Accepted(ctx context.Context) ([]secret.Version, error) {
	all, err := d.Store.Accepted(at(ctx, readToken))
	d.w.tokens.replace("token-1", d.w.row.token())
	return all, err
}

func (d tokenDoor) RefreshAccepted(ctx context.Context) ([]secret.Version, bool, error) {
	return d.Store.RefreshAccepted(at(ctx, refreshToken))
}

// keyDoor tells the readings of the Agent's secret apart.
type keyDoor struct{ *awssecret.Store }

var _ agent.Secrets = keyDoor{}

func (d keyDoor) Current(ctx context.Context) (secret.Version, error) {
	return d.Store.Current(at(ctx, of(ctx).readingKey()))
}

func (d keyDoor) Refresh(ctx context.Context) (secret.Version, bool, error) {
	return d.Store.Refresh(at(ctx, of(ctx).readingKey()))
}

func (i *invocation) readingKey() step {
	switch {
	case i.function == dispatcher:
		return readSecret
	case i.claimed:
		return tickReadSecret
	}
	return secretVersion
}

// vault is one secret in Secrets Manager.
type vault struct {
	w        *world
	mu       sync.Mutex
	current  string
	previous string
	version  int
	asked    int
}

// put stores a new value.
func (v *vault) put(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current, v.previous = text, v.current
	v.version++
}

// replace stores a new value, and tells whether the old one was in force.
func (v *vault) replace(old, text string) bool {
	v.mu.Lock()
	is := v.current == old && old != text
	v.mu.Unlock()
	if is {
		v.put(text)
	}
	return is
}

// GetSecretValue is Secrets Manager's answer.
func (v *vault) GetSecretValue(
	ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	s, known := ctx.Value(stepKey{}).(step)
	f := fault("")
	if known { // otherwise an environment is being warmed
		f = of(ctx).pass(s)
	}
	switch f {
	case down, lastGood:
		return nil, errDown
	case throttled:
		return nil, &smithy.GenericAPIError{Code: "ThrottlingException"}
	case missing:
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	case malformed:
		return said(`{"url":`, "bad"), nil
	case wrongHost:
		return said(strings.Replace(secretOf("key-1"), agentHost, "example.com", 1), "bad"), nil
	case plainHTTP:
		return said(strings.Replace(secretOf("key-1"), "https", "http", 1), "bad"), nil
	case hangs:
		<-ctx.Done()
	case slow:
		wait(ctx, slowSecrets)
	case rotated:
		v.w.rotate(v)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return v.stored(aws.ToString(in.VersionStage))
}

func (v *vault) stored(label string) (*secretsmanager.GetSecretValueOutput, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	text, version := v.current, v.version
	if label == "AWSPREVIOUS" {
		text, version = v.previous, v.version-1
	}
	if text == "" {
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	}
	return said(text, "version-"+strconv.Itoa(version)), nil
}

func said(text, version string) *secretsmanager.GetSecretValueOutput {
	return &secretsmanager.GetSecretValueOutput{SecretString: &text, VersionId: &version}
}

// rotate replaces a secret on both sides at once. The alert on its way has token-2, which is then the one in force or the
// one before it.
func (w *world) rotate(v *vault) {
	if v == w.tokens {
		if !v.replace("token-1", "token-2") {
			v.replace("token-2", "token-3")
		}
		return
	}
	if w.places != nil {
		for name, s := range w.places.servers() {
			if v == w.places.keys[name] {
				s.Rotate()
				v.put(s.Key())
				return
			}
		}
	}
	w.agent.rotateTo("key-2")
	v.put(secretOf("key-2"))
}

const agentHost = "event-ai.eu-central-1.api.aws"

func secretOf(key string) string {
	return `{"url":"https://` + agentHost + `/webhook/generic/one","token":"` + key + `"}`
}

package awssecret

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/alertbridge/alertbridge/shared/secret"
)

// retryPause lies between two tries: long enough for a connection or a busy server to change its mind.
const retryPause = 100 * time.Millisecond

// ask reads one stage with at most Tries requests inside ctx.
func ask(ctx context.Context, client Client, id, label string) (secret.Version, error) {
	var err error
	for try := range Tries {
		if try > 0 && !pause(ctx, retryPause) {
			break
		}
		var out *secretsmanager.GetSecretValueOutput
		if out, err = request(ctx, client, id, label); err == nil {
			return version(out, id, label)
		}
		if !worthAnother(err) {
			break
		}
	}
	return secret.Version{}, explain(id, label, err)
}

// pause reports whether ctx outlived it.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// request is one try: one HTTP request, because the SDK's own retryer is switched off for it.
func request(ctx context.Context, client Client, id, label string) (*secretsmanager.GetSecretValueOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, TryTimeout)
	defer cancel()
	in := &secretsmanager.GetSecretValueInput{SecretId: &id, VersionStage: &label}
	return client.GetSecretValue(ctx, in, func(o *secretsmanager.Options) { o.Retryer = aws.NopRetryer{} })
}

// version takes the value out of an answer.
func version(out *secretsmanager.GetSecretValueOutput, id, label string) (secret.Version, error) {
	text := strings.TrimSpace(aws.ToString(out.SecretString))
	if text == "" {
		what := "is empty"
		if len(out.SecretBinary) > 0 {
			what = "holds a binary value"
		}
		return secret.Version{}, missing(id, label, what+"; store its value as text (aws secretsmanager put-secret-value --secret-string)")
	}
	return secret.Version{ID: aws.ToString(out.VersionId), Value: secret.New(text)}, nil
}

// worthAnother reports whether a second try may end otherwise. What the service decided about this request it will
// decide again; what has no code is a network's or a server's trouble.
func worthAnother(err error) bool {
	switch code(err) {
	case "ResourceNotFoundException", "InvalidRequestException", "InvalidParameterException", "DecryptionFailure",
		"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException":
		return false
	}
	return true
}

// explain reduces the service's error to what an operator can act on.
func explain(id, label string, err error) error {
	switch c := code(err); c {
	case "ResourceNotFoundException":
		return missing(id, label, "does not exist or has no value yet; create it or put a value (aws secretsmanager put-secret-value)")
	case "InvalidRequestException":
		return missing(id, label, "is marked for deletion; restore it (aws secretsmanager restore-secret) or name another one")
	case "AccessDeniedException":
		return failed(id, label, c, "allow the function's role secretsmanager:GetSecretValue on it, and kms:Decrypt if it has a key of its own")
	case "DecryptionFailure":
		return failed(id, label, c, "see whether its KMS key is enabled and the function's role may use it")
	case "InvalidParameterException":
		return failed(id, label, c, "see whether its name or ARN is right")
	case "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException":
		return failed(id, label, c, "see whether the credentials of the process are right and its clock too")
	case "":
		return unavailable(id, label, err)
	default:
		return failed(id, label, c, "see the AWS health page if it lasts")
	}
}

// code is the service's error code, "" when the service did not answer.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// answered reports whether the service said what there is: a value, or that there is none.
func answered(err error) bool { return err == nil || errors.Is(err, secret.ErrMissing) }

func missing(id, label, what string) error {
	return fmt.Errorf("%w: %s (%s) %s", secret.ErrMissing, id, label, what)
}

func failed(id, label, code, mend string) error {
	return fmt.Errorf("%w: Secrets Manager answered %s for %s (%s); %s", secret.ErrUnavailable, code, id, label, mend)
}

// unavailable says that no answer came. The cause is told by kind only: its text holds addresses.
func unavailable(id, label string, err error) error {
	what := "could not be reached"
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		what = "did not answer in time"
	case errors.Is(err, context.Canceled):
		what = "was not waited for"
	}
	return fmt.Errorf("%w: Secrets Manager %s for %s (%s); see whether the function has a way to it", secret.ErrUnavailable, what, id, label)
}

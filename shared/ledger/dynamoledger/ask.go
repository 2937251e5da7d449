package dynamoledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/alertbridge/alertbridge/shared/ledger"
)

// once switches the SDK's own retries off for a request.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// sameBytes makes every attempt of one request the same to the letter: the SDK would write the maps of an expression in
// another order each time, and nothing promises that DynamoDB takes that for the same request under one token.
func sameBytes() func(*dynamodb.Options) {
	var body []byte
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Serialize.Add(middleware.SerializeMiddlewareFunc("SameBytes", func(
				ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
			) (middleware.SerializeOutput, middleware.Metadata, error) {
				if req, ok := in.Request.(*smithyhttp.Request); ok {
					if body == nil {
						var err error
						if body, err = io.ReadAll(req.GetStream()); err != nil {
							return middleware.SerializeOutput{}, middleware.Metadata{}, err
						}
					}
					req, err := req.SetStream(bytes.NewReader(body))
					if err != nil {
						return middleware.SerializeOutput{}, middleware.Metadata{}, err
					}
					in.Request = req
				}
				return next.HandleSerialize(ctx, in)
			}), middleware.After)
		})
	}
}

// ask makes a request until it has an answer that means something, or the time is over. what names the operation, and
// subjects what each action of a transaction is about.
func (l *Ledger) ask(ctx context.Context, what string, subjects []string, try func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ledger: %s: not begun: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.overall)
	defer cancel()
	for n, unanswered := 1, false; ; n++ {
		err := l.attemptOnce(ctx, try)
		if err == nil {
			return nil
		}
		m := meaningOf(err)
		unanswered = unanswered || m == lost
		switch {
		case m == conditionFailed:
			return conditionErrorOf(err, subjects)
		case m == permanent:
			err = l.explain(what, err)
		case pause(ctx, n):
			continue
		default:
			err = fmt.Errorf("ledger: %s: given up after %d attempts on table %s, the last: %w", what, n, l.table, brief(err))
		}
		if unanswered && subjects != nil {
			return fmt.Errorf("%w: %w", ledger.ErrUnknown, err)
		}
		return err
	}
}

func (l *Ledger) attemptOnce(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.attempt)
	defer cancel()
	return try(ctx)
}

// pause waits before the attempt after the n-th, and tells whether there is time for it. It doubles from 25 ms to
// 400 ms, a random half of it left out, so that those who collided do not come back together.
func pause(ctx context.Context, n int) bool {
	d := 25 * time.Millisecond << min(n-1, 4)
	d -= rand.N(d / 2)
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// meaning is what an error says about the request and what can be done.
type meaning int

const (
	lost            meaning = iota // it may have been applied: ask again, the same
	busy                           // certainly not applied, and the same request can succeed: ask again
	conditionFailed                // not applied: read again and decide again
	permanent                      // not applied, and asking again cannot help
)

// meaningOf is the one place that judges DynamoDB's errors. What it does not know is taken for lost, the only meaning
// that is always safe.
func meaningOf(err error) meaning {
	if errors.Is(err, errUnprocessed) {
		return busy
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return meaningOfReasons(cancelled.CancellationReasons)
	}
	if m, known := meaningOfCode(codeOf(err)); known {
		return m
	}
	var unwritable *smithy.SerializationError
	if errors.As(err, &unwritable) {
		return permanent // the SDK could not even write it
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return busy // no connection, so nothing was sent
	}
	var answer *smithyhttp.ResponseError // the SDK makes one, of status 0, where there was no answer too
	if errors.As(err, &answer) {
		return meaningOfStatus(answer.HTTPStatusCode())
	}
	return lost
}

// errUnprocessed says that DynamoDB has answered, and left a part for later.
var errUnprocessed = errors.New("keys were left unprocessed, as happens when the table is throttled")

func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	_, code, found := strings.Cut(api.ErrorCode(), "#") // some engines leave the namespace on
	if !found {
		code = api.ErrorCode()
	}
	return code
}

// meaningOfCode judges the codes that mean more than their status does: most of these come with 400.
func meaningOfCode(code string) (m meaning, known bool) {
	switch code {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "Throttling",
		"TransactionConflictException":
		return busy, true
	case "TransactionInProgressException": // our own earlier attempt, whose answer was lost, is being worked on
		return lost, true
	case "ConditionalCheckFailedException":
		return conditionFailed, true
	case "IdempotentParameterMismatchException":
		return permanent, true
	}
	return lost, false
}

func meaningOfStatus(status int) meaning {
	switch {
	case status == http.StatusTooManyRequests:
		return busy
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		return permanent
	}
	return lost // 5xx, no answer, or a 2xx that nobody can read
}

// meaningOfReasons judges a cancelled transaction: nothing of it was applied. A failed condition comes first, whatever
// else is said: the decision is stale, and asking for it again would be in vain. A conflict or a throttled item says
// nothing about the decision. A cancellation that gives no reason is read again, which is always right.
func meaningOfReasons(reasons []types.CancellationReason) meaning {
	m := conditionFailed
	for _, r := range reasons {
		switch aws.ToString(r.Code) {
		case "", "None":
		case "ConditionalCheckFailed":
			return conditionFailed
		case "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded":
			if m != permanent {
				m = busy
			}
		default:
			m = permanent
		}
	}
	return m
}

// conditionError is an ErrConflict that knows which conditions failed.
type conditionError struct {
	words string
	items []item // what is stored, by action, where that is known; nil for an action whose condition held
}

func (e *conditionError) Error() string { return ledger.ErrConflict.Error() + ": " + e.words }
func (e *conditionError) Unwrap() error { return ledger.ErrConflict }

func conditionErrorOf(err error, subjects []string) error {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return &conditionError{words: "a condition failed"}
	}
	e := &conditionError{items: make([]item, len(subjects))}
	var about []string
	for i, r := range cancelled.CancellationReasons {
		if aws.ToString(r.Code) != "ConditionalCheckFailed" || i >= len(subjects) {
			continue
		}
		about = append(about, subjects[i])
		e.items[i] = r.Item
		if e.items[i] == nil {
			e.items[i] = item{}
		}
	}
	e.words = strings.Join(about, ", ")
	if e.words == "" {
		e.words = "the store gave no reason"
	}
	return e
}

// explain says what an operator can do about an error that will not go away.
func (l *Ledger) explain(what string, err error) error {
	do := "DynamoDB does not take the request, and would not take it again"
	switch codeOf(err) {
	case "IdempotentParameterMismatchException":
		do = "DynamoDB has seen another request under the same token: this is a bug of alertbridge"
	case "ValidationException", "SerializationException", "TransactionCanceledException":
		do = "DynamoDB does not understand the request: this is a bug of alertbridge, or the table has another schema"
	case "ResourceNotFoundException":
		do = "the table or its index does not exist in this account and region: compare the function's TABLE_NAME with " +
			"the stack"
	case "AccessDeniedException":
		do = "the role may not do this: it needs BatchGetItem, ConditionCheckItem, PutItem and UpdateItem on the table, and " +
			"Query on its index"
	case "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "MissingAuthenticationTokenException",
		"IncompleteSignatureException", "InvalidSignatureException":
		do = "the credentials are not valid, or the clock is wrong"
	case "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException":
		do = "the key that encrypts the table cannot be used: look at the key and at its policy"
	}
	return fmt.Errorf("ledger: %s on table %s: %s: %w", what, l.table, do, brief(err))
}

// brief is what may travel of an SDK's error. The message of an answer can quote the request that was signed, and with
// it the session token; it is told only where it names what is missing or wrong, and nothing that is secret.
func brief(err error) error {
	switch {
	case errors.Is(err, errUnprocessed):
		return errUnprocessed
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("nobody waited for the answer: %w", context.Canceled)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		words := "DynamoDB answered " + codeOf(err)
		var answer *smithyhttp.ResponseError
		if errors.As(err, &answer) {
			words += " (" + strconv.Itoa(answer.HTTPStatusCode()) + ")"
		}
		switch codeOf(err) {
		case "AccessDeniedException", "ResourceNotFoundException", "ValidationException", "TransactionCanceledException":
			words += ": " + line(api.ErrorMessage())
		}
		return errors.New(words)
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return errors.New("no connection: " + line(network.Op+": "+network.Err.Error()))
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return fmt.Errorf("DynamoDB answered %d with nothing that can be read", answer.HTTPStatusCode())
	}
	var op *smithy.OperationError
	if errors.As(err, &op) {
		err = op.Err
	}
	return errors.New("no usable answer: " + line(err.Error()))
}

// line makes one bounded line of text that another program wrote.
func line(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	return strings.ToValidUTF8(text[:min(len(text), 300)], "")
}

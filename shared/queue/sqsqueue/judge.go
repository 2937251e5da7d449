package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/alertbridge/alertbridge/shared/queue"
)

// judgement is what one failed attempt means.
type judgement struct {
	fault          queue.Fault
	mayHaveArrived bool
	words, mend    string
	err            error // what may travel on; nil when the SDK's error may quote a secret
}

// judge says what a failed attempt means. sent says that the request had begun to leave.
func judge(err error, sent bool) judgement {
	var network net.Error
	var transport *smithyhttp.RequestSendError
	switch {
	case answered(err):
		return judgeAnswer(err)
	case errors.Is(err, context.DeadlineExceeded):
		return judgement{queue.Unavailable, sent, "no answer in time", "", err}
	case errors.Is(err, context.Canceled):
		return judgement{queue.Unavailable, sent, "the caller gave up waiting", "", err}
	case sent:
		return judgement{queue.Unavailable, true, "no usable answer: " + brief(err), "", err}
	case errors.As(err, &network), errors.As(err, &transport):
		return judgement{
			queue.Unavailable, false, "no connection: " + brief(err),
			"if it stays so, check the queue's URL and the function's way out of its network", err,
		}
	}
	return judgement{
		queue.Misconfigured, false, "the request could not be made: " + brief(err),
		"check the region and the credentials that the program runs with", err,
	}
}

// answered says that the error is an answer, of SQS or of something before it, and not the lack of one. An answer of
// success that cannot be read is none.
func answered(err error) bool { return status(err) >= 300 }

// status is the HTTP status of the answer that the error stands for, 0 when there was none.
func status(err error) int {
	var r *smithyhttp.ResponseError
	if errors.As(err, &r) && r.Response != nil && r.Response.Response != nil {
		return r.HTTPStatusCode()
	}
	return 0
}

// What an operator can do, by what went wrong.
const (
	mendAddress     = "check the queue's URL and region in the configuration, and that the stack still has this queue"
	mendPermission  = "give the program's role sqs:SendMessage on the queue, and check the queue's own policy"
	mendKey         = "check the KMS key of the queue, and that the program's role has kms:GenerateDataKey and kms:Decrypt on it"
	mendCredentials = "check the credentials, the region and the clock of the program"
	mendStandard    = "use a standard queue: a FIFO queue asks for more than is sent"
	mendReport      = "this is a mistake in the program: please report it with these words"
)

// judgeAnswer goes by the error's code, and by the status where the code says nothing or something other than SQS, a
// proxy or a load balancer, has answered.
func judgeAnswer(err error) judgement {
	var api smithy.APIError
	var code string
	if errors.As(err, &api) {
		code = plain(api.ErrorCode())
	}
	status := status(err)
	words := strings.TrimRight(fmt.Sprintf("SQS answered %d %s", status, code), " ")
	switch code {
	case "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "ResourceNotFound", "InvalidAddress", "QueueDeletedRecently":
		return judgement{queue.Misconfigured, false, words, mendAddress, err}
	case "AccessDenied", "AuthorizationError", "InvalidSecurity":
		// The only message worth quoting: it names the role and the permission that is missing.
		return judgement{queue.Misconfigured, false, words + ": " + line(api.ErrorMessage()), mendPermission, err}
	case "KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired":
		return judgement{queue.Misconfigured, false, words, mendKey, err}
	case "MissingParameter":
		return judgement{queue.Misconfigured, false, words, mendStandard, err}
	case "InvalidMessageContents", "InvalidAttributeName", "InvalidAttributeValue", "InvalidParameterValue", "UnsupportedOperation":
		return judgement{queue.Refused, false, words, mendReport, err}
	}
	switch {
	case throttled(code), status == 429:
		return judgement{queue.Unavailable, false, words, "", err}
	case status >= 500, status == 408:
		return judgement{queue.Unavailable, true, words, "", err}
	case status == 413:
		return judgement{queue.Refused, false, words, mendReport, err}
	case status == 404:
		return judgement{queue.Misconfigured, false, words, mendAddress, err}
	}
	// What is left are wrong credentials, signatures and clocks. Their messages may quote the signed request, and with
	// it the session token, so neither message nor error travels on.
	return judgement{queue.Misconfigured, false, words, mendCredentials, nil}
}

func throttled(code string) bool {
	if code == "KmsThrottled" || code == "OverLimit" {
		return true
	}
	_, short := retry.DefaultThrottleErrorCodes[code]
	_, long := retry.DefaultThrottleErrorCodes[code+"Exception"]
	return short || long
}

// plain is a code without what differs between engines and protocols: com.amazonaws.sqs#AccessDeniedException is
// AccessDenied, and UnknownError, the SDK's word for an answer without a code, is none.
func plain(code string) string {
	code = strings.TrimSuffix(code[strings.LastIndexByte(code, '#')+1:], "Exception")
	if code == "UnknownError" {
		return ""
	}
	return line(code)
}

// brief is the innermost text of a network error: the outer ones repeat the address and the name of the operation.
func brief(err error) string {
	var op *smithy.OperationError
	if errors.As(err, &op) {
		err = op.Err
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return line(err.Error())
}

// line makes one bounded line of text that another program wrote.
func line(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

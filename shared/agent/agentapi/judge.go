package agentapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/alertbridge/alertbridge/shared/delivery"
)

// What an operator can do, by what went wrong.
const (
	mendPermission  = "give the function's role aidevops:GetBacklogTask, ListBacklogTasks, ListExecutions, ListJournalRecords and GetAccountUsage on the agent space"
	mendCredentials = "check the credentials, the region and the clock of the program"
	mendSpace       = "if it should be there, check the agent space's id and the region"
	mendReport      = "this is a mistake in the program: please report it with these words"
	mendNetwork     = "if it stays so, check the function's way to the Agent's API"
	mendLater       = "it is asked again later"
)

// judge says what the SDK's error means. It is the only place that looks at a code or a status. Neither the error nor the
// API's message travels on: they may hold addresses, and the signed request with its session token.
//
//	answer                                                       fault
//	a throttling code, 429, ServiceQuotaExceeded                 throttled
//	AccessDenied, 401, 403, codes of credentials and signatures  denied
//	ResourceNotFound                                             gone
//	408, 5xx                                                     unavailable
//	every other 3xx and 4xx, a 404 of something else included    invalid
//	2xx that cannot be read or is too large                      unreadable
//	none before the deadline                                     timed out
//	none                                                         unavailable
//	a request that could not be made                             denied: the region or the credentials are missing
func judge(ctx context.Context, call string, err error) *delivery.APIError {
	e := &delivery.APIError{Call: call, Status: status(err)}
	switch {
	case e.Status >= 300:
		e.Fault, e.Words = judgeAnswer(e.Status, code(err))
	case errors.Is(err, errTooLarge):
		e.Fault, e.Words = delivery.APIUnreadable, fmt.Sprintf("the answer has more than %d bytes", maxAnswer)
	case errors.Is(err, context.Canceled):
		e.Fault, e.Words = delivery.APITimedOut, "the caller gave up waiting"
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		e.Fault, e.Words = delivery.APITimedOut, "no answer in time; "+mendNetwork
	case disconnected(err):
		e.Fault, e.Words = delivery.APIUnavailable, "no connection, or it ended before the answer did; "+mendNetwork
	case e.Status > 0:
		e.Fault, e.Words = delivery.APIUnreadable, fmt.Sprintf("the Agent's API answered %d with what is no answer to this", e.Status)
	default:
		e.Fault, e.Words = delivery.APIDenied, "the request could not be made; "+mendCredentials
	}
	return e
}

func judgeAnswer(status int, code string) (delivery.Fault, string) {
	words := strings.TrimRight(fmt.Sprintf("the Agent's API answered %d %s", status, code), " ")
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	switch {
	case throttled, status == 429, code == "ServiceQuotaExceededException":
		return delivery.APIThrottled, words + "; " + mendLater
	case code == "AccessDeniedException":
		return delivery.APIDenied, words + "; " + mendPermission
	case code == "ResourceNotFoundException":
		return delivery.APIGone, words + "; " + mendSpace
	case status == 401, status == 403, strings.Contains(code, "Signature"), strings.Contains(code, "Token"), strings.Contains(code, "Credential"):
		return delivery.APIDenied, words + "; " + mendCredentials
	case status >= 500, status == 408:
		return delivery.APIUnavailable, words + "; " + mendLater
	case status == 404, status < 400:
		return delivery.APIInvalid, words + "; check whether the region has the Agent's API"
	}
	return delivery.APIInvalid, words + "; " + mendReport
}

// status is the HTTP status of the answer that the error stands for, 0 when there was none.
func status(err error) int {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && r.Response != nil && r.Response.Response != nil {
		return r.HTTPStatusCode()
	}
	return 0
}

// code is the API's error code, which is of letters and at most 60 of them; "" when it gave none.
func code(err error) string {
	const longest = 60
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() == "UnknownError" || len(e.ErrorCode()) > longest {
		return ""
	}
	for _, r := range e.ErrorCode() {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return ""
		}
	}
	return e.ErrorCode()
}

func disconnected(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[*smithyhttp.RequestSendError](err)
	return ok || strings.Contains(err.Error(), "unexpected EOF")
}

// refuse is a question that is not asked.
func refuse(call, format string, args ...any) *delivery.APIError {
	return &delivery.APIError{Fault: delivery.APIInvalid, Call: call, Words: fmt.Sprintf(format, args...)}
}

// unreadable is an answer without what it must have.
func unreadable(call, format string, args ...any) *delivery.APIError {
	return &delivery.APIError{Fault: delivery.APIUnreadable, Call: call, Status: 200, Words: fmt.Sprintf("the answer has "+format, args...)}
}

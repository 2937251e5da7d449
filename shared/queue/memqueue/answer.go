package memqueue

import (
	"encoding/json"
	"slices"
)

// Failed reads a function's answer to a batch as the event source mapping does with ReportBatchItemFailures: which of
// the messages failed, and, when all did whatever the answer names, why.
//
//   - No answer, null, and an answer without batchItemFailures, or with an empty list or null there: none failed.
//   - A list of items, each with the id of a message as itemIdentifier: these failed.
//   - Anything that is not JSON or not of this form, an itemIdentifier that is missing, null, empty or no text: all.
//   - An id that is not in the batch: all, for nobody knows which message was meant.
//
// Source: AWS documentation, Lambda, "Handling errors for an SQS event source", success and failure conditions.
func Failed(ids []string, answer []byte) (failed []string, whole string) {
	if len(answer) == 0 {
		return nil, ""
	}
	// Into maps: they keep names as they are written, where a struct would also take batchitemfailures.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(answer, &fields); err != nil {
		return ids, "the answer is not a JSON object"
	}
	list, ok := fields["batchItemFailures"]
	if !ok {
		return nil, ""
	}
	var items []map[string]json.RawMessage
	if err := json.Unmarshal(list, &items); err != nil {
		return ids, "batchItemFailures is not a list of objects"
	}
	for _, item := range items {
		var id *string
		if err := json.Unmarshal(item["itemIdentifier"], &id); err != nil || id == nil || *id == "" {
			return ids, "an item of batchItemFailures has no itemIdentifier"
		}
		if !slices.Contains(ids, *id) {
			return ids, "an itemIdentifier is not of this batch"
		}
		failed = append(failed, *id)
	}
	return failed, ""
}

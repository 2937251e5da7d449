package memqueue

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Receive hands out up to most visible messages, as the records of an event, and hides them for the visibility
// time-out. Messages that have been received too often are not handed out but become dead letters.
func (q *Queue) Receive(most int) []events.SQSMessage {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.o.Now()
	q.bury(now)
	visible := q.visible(now)
	var records []events.SQSMessage
	for len(visible) > 0 && len(records) < most {
		i := 0
		if q.o.Pick != nil {
			i = q.o.Pick(len(visible))
		}
		m := visible[i]
		visible = slices.Delete(visible, i, i+1)
		if m.receives == 0 {
			m.first = now
		}
		m.receives++
		m.receipt = fmt.Sprintf("%s#%d", m.id, m.receives)
		m.visible = now.Add(q.o.VisibilityTimeout)
		records = append(records, q.record(m))
	}
	return records
}

// bury moves what is visible again after its last receive to the dead letters. It keeps its id and time there.
func (q *Queue) bury(now time.Time) {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool {
		over := m.receives >= q.o.MaxReceiveCount && !m.visible.After(now)
		if over {
			q.dead = append(q.dead, m)
		}
		return over
	})
}

func (q *Queue) visible(now time.Time) []*message {
	var out []*message
	for _, m := range q.messages {
		if !m.visible.After(now) {
			out = append(out, m)
		}
	}
	return out
}

// Delete removes the message that was received with this receipt handle, and says whether it did. It does not when the
// message has been received again since, or is gone already.
func (q *Queue) Delete(receipt string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lostDeletes > 0 {
		q.lostDeletes--
		return false
	}
	before := len(q.messages)
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.receipt == receipt })
	return len(q.messages) < before
}

// DeadLetters shows what is in the dead-letter queue, oldest first, without receiving it.
func (q *Queue) DeadLetters() []events.SQSMessage {
	q.mu.Lock()
	defer q.mu.Unlock()
	var records []events.SQSMessage
	for _, m := range q.dead {
		records = append(records, q.record(m))
	}
	return records
}

// Redrive puts all dead letters back into the queue, as new messages, and says how many there were.
func (q *Queue) Redrive() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.dead)
	for _, m := range q.dead {
		q.add(m)
	}
	q.dead = nil
	return n
}

// Counts says how many messages can be received, how many are hidden, and how many are dead letters.
func (q *Queue) Counts() (visible, hidden, dead int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	visible = len(q.visible(q.o.Now()))
	return visible, len(q.messages) - visible, len(q.dead)
}

// record is the message as Lambda shows it to the handler.
func (q *Queue) record(m *message) events.SQSMessage {
	sum := md5.Sum([]byte(m.body)) // not for security: SQS describes a body so
	r := events.SQSMessage{
		MessageId:      m.id,
		ReceiptHandle:  m.receipt,
		Body:           m.body,
		Md5OfBody:      hex.EncodeToString(sum[:]),
		EventSource:    "aws:sqs",
		EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:" + q.o.Name,
		AWSRegion:      "us-east-1",
		Attributes: map[string]string{
			"ApproximateReceiveCount":          strconv.Itoa(m.receives),
			"ApproximateFirstReceiveTimestamp": millis(m.first),
			"SentTimestamp":                    millis(m.sent),
			"SenderId":                         "memqueue",
		},
		MessageAttributes: make(map[string]events.SQSMessageAttribute, len(m.attributes)),
	}
	for name, value := range m.attributes {
		r.MessageAttributes[name] = events.SQSMessageAttribute{
			StringValue: &value, DataType: "String", StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	return r
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

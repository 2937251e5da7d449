// Package queue says what travels between ingest and the dispatcher, and what it means when it does not.
//
// Ingest wraps each authenticated delivery in an Envelope, Encode makes a message of it, and a Sender puts it into the
// queue. The dispatcher gets the message from Lambda's event source mapping and reads it with Decode. The queue is a
// standard one: a message may come twice, late, or before an earlier one, and the ledger makes that harmless.
//
// Senders are sqsqueue (Amazon SQS) and memqueue (in memory, with a consumer that behaves as the event source mapping
// does). Both pass the suite in queuetest, sqsqueue on a real engine.
//
// # Versions of the envelope
//
// A message may be read by an older or a newer program than wrote it: while a deployment is under way, and when a
// message is redriven from the dead-letter queue after up to 14 days. So Version says what a reader must know:
//
//   - A field may be added at any time, here and in alert.Alert. A reader that does not know it ignores it, and a
//     reader that misses it works with its zero value. Version stays.
//   - A new Kind or Transition, a field that changes what another one means, a field that is renamed or no longer filled: Version
//     goes up, and Decode keeps reading every earlier version whose messages may still exist.
//   - Decode answers a newer version than its own with a *VersionError. The message is good and a newer dispatcher can
//     read it, so this one gives it back, as a failed item of its batch. It waits in the queue until that dispatcher
//     is deployed, else in the dead-letter queue, from where it can be redriven. Deploy readers before writers.
//   - Anything else that is not an envelope is a *FormatError. No later program will do better, yet the message is
//     given back all the same: the dead-letter queue is where what could not be decided is kept, seen and counted.
package queue

import "context"

// Sender puts one envelope into the queue.
//
// Send returns nil only when the queue has durably taken the message: that is what a 2xx to the sender of an alert
// stands on. Otherwise the error is a *SendError, and the message may have been taken all the same, see there. Send
// ends by itself within a time that the implementation states, whatever the context allows.
//
// The attributes become message attributes of type String beside the body; the trace context `_datadog` travels so.
// What they may be is said at Fits. Send neither keeps nor changes the map.
//
// A Sender is safe for concurrent use.
type Sender interface {
	Send(ctx context.Context, e Envelope, attributes map[string]string) error
}

// Package agent is the bridge's side of AWS DevOps Agent's webhook: what is said to it, how it is signed, one call, and
// what the answer means. What the Agent says later by EventBridge, DecodeEvent reads; what its API says, package agentapi
// asks.
//
// A Report becomes a Message, and Client.Call sends it once. A call has no error: it ends in a delivery.Answer, whose
// reason is of a closed list and says whether the Agent has the event, has it not, or may have it.
//
//   - One call, one deadline: CallDeadline covers reading the secret, one request, and a second one with a newer secret
//     after a 401, 403, 404 or 3xx. Nothing else is ever sent a second time, not by this package and not by the transport below.
//   - The body decides. The Agent answers 200 to invalid events as well, see judge.
//   - "Not delivered" is said only where it is certain that no complete request has left, see trace. Whatever is not
//     certain is in doubt, for a second request can be a second paid investigation.
//   - The address comes from the secret and must be https at the host that the configuration names. Redirects are not
//     followed. CredentialOptions.AllowLocal is the one way around, and says so in the log.
//   - Address, token and signature are in no error, no answer and no log. The alert's text is data: it is bounded,
//     cleaned, and marked as data for the model that will read it.
//
// The description keeps our words and those of others apart. It is lines in this order, any but the first two may be
// missing, and no value has a line break in it:
//
//	An alert, sent by alertbridge. …       the opening, always the same
//	case: ID
//	event: V, monitor id: V, organisation id: V, each a line
//	id NAME: V                             a line each
//	link NAME[ (TIME to TIME)]: ADDRESS    a line each
//	fired: V{, V}
//	monitor: V, title: V                   each a line
//	where: V{, V}
//	since: TIME
//	value: V, threshold: V, status: V, metric: V, query: V, each a line
//	tags: V{, V}
//	joined, most severe first:             then "- SEVERITY since TIME: TITLE[ (SCOPE)]", a line each, "and N more"
//	note: WORDS OF OURS                    a line each
//	message as its author wrote it, …      then "| " and a line of the message, a line each, "end of message"
//	cut: WORDS OF OURS
//
// Each line begins with words of ours, and a V reaches to the end of its line. Where something follows it on the line, a
// V of a list, a NAME and a TITLE that hold the mark behind which that follows are JSON strings. So a value may say what
// it likes, it is never a line, a mark or a second value. Only its end may be missing, and then it ends in "...".
//
// The contract is documented at docs.aws.amazon.com/devopsagent, "Invoking DevOps Agent through a webhook". Package
// agenttest stands in for the other side.
package agent

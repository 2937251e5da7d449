// Package agent is the bridge's side of AWS DevOps Agent's webhook: what is said to it, how it is signed, one call, and
// what the answer means.
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
// The contract is documented at docs.aws.amazon.com/devopsagent, "Invoking DevOps Agent through a webhook". Package
// agenttest stands in for the other side.
package agent

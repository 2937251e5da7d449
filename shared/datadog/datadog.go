// Package datadog is Datadog's side: the payload that users paste into its webhook, who may call, and what a delivery
// says.
//
// Datadog has no schema. It fills $VARIABLES into a JSON text that somebody wrote, and posts it. So the package does
// three things:
//
//   - Template is the payload we ask for. Every variable in it stands between quotes and is text: a variable that is
//     an object would make the whole body unreadable when there is nothing to fill in.
//   - Authorized tells whether the caller knows the secret. Datadog cannot sign, so a header is what there is; in the
//     webhook, custom_headers is {"X-Alertbridge-Token": "$ALERTBRIDGE_TOKEN"}, and $ALERTBRIDGE_TOKEN a custom
//     variable that is hidden.
//   - Decode makes an alert.Alert of a body. It knows no senders, only names: each thing an alert can carry is looked
//     up under the names that templates give it (field.go), wherever in the body it stands. So our template, Datadog's
//     default payload, the one in the user guide of AWS DevOps Agent and those of other receivers are all read, each
//     as far as it carries.
//
// What a body leaves out is read from the brackets of the title and the links of the text, as Datadog writes them, and
// never guessed: an alert with an unknown transition starts nothing by accident, and one without a priority gets its
// severity from what Datadog says of the alert, never from the $PRIORITY of the event.
//
// A text is cleaned before anything is read out of it, so nothing hides in an entity or an invisible character.
package datadog

import _ "embed"

//go:embed template.json
var template string

// Template is the payload to paste into the Datadog webhook or to give to Terraform's datadog_webhook.
func Template() string { return template }

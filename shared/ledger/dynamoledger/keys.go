package dynamoledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/gate"
)

// The table's key attributes, its index, and the attribute by which DynamoDB removes old items.
const (
	attrPK      = "pk"
	attrSK      = "sk"
	attrBucket  = "bucket"
	attrOrder   = "order"
	attrExpires = "expires"
	indexState  = "state"
)

// key is an item's primary key.
type key struct{ pk, sk string }

func deliveryKey(id string) key   { return key{"D#" + part(id), "D"} }
func pointerKey(k string) key     { return key{"K#" + part(k), "K"} }
func caseKey(id string) key       { return key{"C#" + part(id), "C"} }
func leadKey(id string) key       { return key{"C#" + part(id), "L"} }
func accountKey(agent string) key { return key{"A#" + part(agent), "A"} }
func groupKey(name string) key    { return key{"G#" + part(name), "G"} }
func surgeKey(name string) key    { return key{"S#" + part(name), "S"} }

// handKey is where everything lies that is set by hand: one item, which every decision reads.
func handKey() key { return key{"H", "H"} }

// incidentKey keeps a monitor's incidents under one partition key, so that they can be listed.
func incidentKey(i alert.Incident) key {
	return key{monitorPK(i.Org, i.Monitor), part(i.Key)}
}

func monitorPK(org, monitor string) string { return "I#" + part(org) + "#" + part(monitor) }

// bucket is the index's partition for the cases of one Agent that are looked for together.
func bucket(agent string, b gate.Bucket) string { return part(agent) + "#" + string(b) }

// maxPart keeps every key far below DynamoDB's limits of 2,048 bytes for pk and 1,024 for sk.
const maxPart = 256

// part makes any text a part of a key that stays distinct from every other text: itself where that is possible, and a
// hash where it is empty, too long, or could be mistaken for two parts or for a hash.
func part(s string) string {
	if s != "" && len(s) <= maxPart && s[0] != '~' && !strings.Contains(s, "#") {
		return s
	}
	return "~" + digest(s, 16)
}

// digest is the first bytes of a text's SHA-256 in hexadecimal.
func digest(s string, bytes int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:bytes])
}

func (k key) attributes() item { return item{attrPK: text(k.pk), attrSK: text(k.sk)} }

func keyOf(attrs map[string]types.AttributeValue) key {
	r := reader{attrs: attrs}
	return key{r.text(attrPK), r.text(attrSK)}
}

func (k key) String() string { return k.pk + "/" + k.sk }

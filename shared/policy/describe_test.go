package policy

import (
	"encoding/json"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// describe is rules as text that can be compared.
func describe(r gate.Rules) string {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

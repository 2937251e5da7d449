package alert_test

import (
	"fmt"

	"github.com/alertbridge/alertbridge/shared/alert"
)

func ExampleClean() {
	fmt.Println(alert.Clean("%%%\nunexpected &#x27;&amp;lt;&#x27; at @timestamp\n\n\n@slack-ops @jane@example.com mail ops@example.com\n%%%"))
	// Output:
	// unexpected '<' at @timestamp
	//
	// mail ops@example.com
}

func ExampleCut() {
	fmt.Println(alert.Cut("決済サービス", 2))
	fmt.Println(alert.CutEncoded("決済サービス", 8))
	// Output:
	// 決済 true
	// 決済 true
}

func ExampleAlert_Bound() {
	a := alert.Alert{Scope: make([]string, 14), Hostname: "web-1"}
	a.Bound()
	fmt.Println(a.Cut)
	// Output: [scope cut from 14 to 12]
}

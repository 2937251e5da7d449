package alertbridge_test

// These tests hold docs/privacy.md to the code.

import (
	"slices"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/docs/docstest"
	"github.com/alertbridge/alertbridge/shared/redact"
)

const privacyPage = "docs/privacy.md"

func TestExamplesAreReplacedAsThePageSays(t *testing.T) {
	missing := redact.Kinds()
	for _, r := range docstest.Table(t, privacyPage, "replaced") {
		kind := redact.Kind(r["kind"])
		missing = slices.DeleteFunc(missing, func(k redact.Kind) bool { return k == kind })
		redactor := redact.New("")
		want := strings.ReplaceAll(r["becomes"], ":…]", ":hidden]")
		if got := redactor.Text(r["so"]); got != want || redactor.Count(kind) != 1 {
			t.Errorf("%s becomes %s, want %s", r["so"], got, want)
		}
	}
	if len(missing) > 0 {
		t.Errorf("the page tells nothing of %v", missing)
	}
}

func TestExamplesStayAsThePageSays(t *testing.T) {
	for _, r := range docstest.Table(t, privacyPage, "kept") {
		if got := redact.New("").Text(r["stays"]); got != r["stays"] {
			t.Errorf("%s becomes %s", r["stays"], got)
		}
	}
}

package main

import (
	"testing"

	"github.com/alertbridge/alertbridge/shared/setting/settingtest"
)

func TestSettingsAreThoseOfTheDocumentation(t *testing.T) {
	settingtest.Hold(t, "outcome", configFrom)
}

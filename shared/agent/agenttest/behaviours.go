package agenttest

import "time"

// Behaviours are all the ways to meet a request, by name, for tests that meet each of them. A name begins with that of
// the Behaviour in this package, or of the function that makes it. Those with Hang in their name end when the sender
// gives up.
func Behaviours() map[string]Behaviour {
	const moment = 20 * time.Millisecond
	return map[string]Behaviour{
		"Honest":                        Honest,
		"Taken, then a reset":           Taken(ResetBeforeReading),
		"Taken, then 500":               Taken(Status(500, `{"message":"Internal server error"}`)),
		"Taken, then Hang":              Taken(Hang),
		"SlowBeforeReading":             SlowBeforeReading(moment),
		"SlowAfterReading":              SlowAfterReading(moment),
		"Hang":                          Hang,
		"HangInAnswer":                  HangInAnswer,
		"ResetBeforeReading":            ResetBeforeReading,
		"ResetAfterReading":             ResetAfterReading,
		"ResetInAnswer":                 ResetInAnswer,
		"Status 400":                    Status(400, `{"message":"bad"}`),
		"Status 401":                    Status(401, `{}`),
		"Status 403":                    Status(403, `{}`),
		"Status 404":                    Status(404, `{}`),
		"Status 408":                    Status(408, `{}`),
		"Status 413":                    Status(413, `{}`),
		"Status 422":                    Status(422, `{}`),
		"Status 500":                    Status(500, `{"message":"Internal server error"}`),
		"Status 503":                    Status(503, ``),
		"Answer of 200 in another form": Answer(200, "text/plain", "ok"),
		"Throttled for two minutes":     Throttled("120"),
		"Throttled for who knows":       Throttled(""),
		"Redirected":                    Redirected("https://example.com/"),
		"Errors":                        Errors("priority must be one of CRITICAL, HIGH"),
		"Empty":                         Empty,
		"Garbage":                       Garbage,
		"Page":                          Page,
		"Huge":                          Huge,
		"Endless":                       Endless,
		"WrongContentType":              WrongContentType,
	}
}

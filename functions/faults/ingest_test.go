package faults_test

// What becomes of an alert when ingest is struck. Datadog repeats what was answered with a 5xx.
var ingestRows = []row{
	{down, readToken, accepted, "the reading that the unknown token forces succeeds"},
	{slow, readToken, accepted, "1.5 s of its own 2 s"},
	{throttled, readToken, accepted, "the reading that the unknown token forces succeeds"},
	{hangs, readToken, accepted, "4 s are lost of 8, and the next reading succeeds"},
	{killed, readToken, crashed, "the API answers for the function"},
	{cancelled, readToken, sentAgain, "nothing can be read any more, and nobody is refused for it"},
	{panics, readToken, crashed, "the guard makes it an error"},
	{missing, readToken, accepted, "it was filled in a moment later, and is read again at once"},
	{lastGood, readToken, accepted, "the token that was known before the outage is good"},
	{rotated, readToken, accepted, "the new token is read at once"},

	{down, refreshToken, sentAgain, "an unknown token is refused only by values read after it came"},
	{slow, refreshToken, accepted, "1.5 s of its own 2 s"},
	{throttled, refreshToken, sentAgain, "as down"},
	{hangs, refreshToken, sentAgain, "after 4 s, in time to answer"},
	{killed, refreshToken, crashed, "the API answers for the function"},
	{cancelled, refreshToken, sentAgain, "as down"},
	{panics, refreshToken, crashed, "the guard makes it an error"},
	{missing, refreshToken, sentAgain, "a bridge without a token cannot tell who is a stranger"},
	{lastGood, refreshToken, sentAgain, "the last good value does not match, and may be old"},
	{rotated, refreshToken, accepted, "the token that came is now the one before"},

	{down, send, sentAgain, "no 2xx before the queue has it"},
	{slow, send, accepted, "within 8 s"},
	{throttled, send, sentAgain, "asked again in vain"},
	{lost, send, queueTwice, "it is in the queue, and the second one finds its verdict"},
	{hangs, send, sentAgain, "after 6 s, in time to answer"},
	{killed, send, crashed, "the API answers for the function"},
	{cancelled, send, sentAgain, "no 2xx before the queue has it"},
	{panics, send, crashed, "the guard makes it an error"},
}

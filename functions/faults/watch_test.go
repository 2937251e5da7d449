package faults_test

// What becomes of an open incident of the pager when what it is about has recovered, and the tick is struck that looks after
// it. The case was started, and counts no recoveries: only this look finds that. Datadog is not told, for it has the alert's
// own recovery.
//
// That it has recovered is on record with the claim, before PagerDuty is told. To close twice is to close once.
var watchRows = []row{
	{down, watchIncident, unresolved, "it may fire; looked at again with the next tick"},
	{slow, watchIncident, resolved, "within its 2 s"},
	{throttled, watchIncident, unresolved, "its 2 s are over"},
	{hangs, watchIncident, unresolved, "its 2 s are over"},
	{killed, watchIncident, unresolved, "nothing was done"},
	{cancelled, watchIncident, unresolved, "nothing was done"},
	{panics, watchIncident, unresolved, "a panic over one post is its failure"},
	{overlaps, watchIncident, resolved, "the other one finds it too, and this one loses the race for the post"},

	{down, watchClaim, unresolved, "certainly not claimed, so nothing is told"},
	{slow, watchClaim, resolved, "within its 3 s"},
	{throttled, watchClaim, unresolved, "certainly not claimed"},
	{conflict, watchClaim, resolvedBy(10, 1), "somebody else was first, ten times: one try a tick"},
	{lost, watchClaim, unresolved, "on record, and who does not know that he has claimed does not tell"},
	{hangs, watchClaim, unresolved, "nobody knows, and nothing is told"},
	{killed, watchClaim, unresolved, "nothing was told"},
	{cancelled, watchClaim, unresolved, "nothing was told"},
	{panics, watchClaim, unresolved, "nothing was told"},
	{overlaps, watchClaim, resolved, "the other one finds it too, and this one loses the race for the post"},

	{down, toResolve, unresolved, "nothing has left"},
	{slow, toResolve, resolved, "3 s of 5"},
	{throttled, toResolve, resolvedBy(2, 1), "left alone for the two minutes that it asks for"},
	{hangs, toResolve, unresolved, "no connection in 5 s: nothing has left"},
	{killed, toResolve, unresolved, "nothing has left"},
	{cancelled, toResolve, unresolved, "nothing has left"},
	{panics, toResolve, unresolved, "nothing has left"},
	{overlaps, toResolve, resolved, "the other one finds the post claimed"},
	{rotated, toResolve, resolved, "denied once, read again, sent again; what the old key has opened is closed by hand"},
	{rotatedThere, toResolve, unresolved, "until the new key is stored here; what the old one has opened is closed by hand"},

	{down, fromResolve, resolvedBy(1, 2), "a 503 does not say what became of it"},
	{slow, fromResolve, resolved, "3 s of 5"},
	{lost, fromResolve, resolvedBy(1, 2), "it may have it, and must not lose it"},
	{hangs, fromResolve, resolvedBy(1, 2), "as lost"},
	{killed, fromResolve, resolvedBy(1, 2), "told, and not noted"},
	{cancelled, fromResolve, resolvedBy(1, 2), "told, and it can no longer be noted"},
	{panics, fromResolve, resolvedBy(1, 2), "told, and not noted"},
	{overlaps, fromResolve, resolved, "the other one finds the post claimed"},
	{garbage, fromResolve, resolvedBy(1, 2), "a 202 that does not say that it has the event"},
	{hollow, fromResolve, resolvedBy(1, 2), "a 202 that does not say that it has the event"},

	{down, watchNote, resolvedBy(1, 2), "told, and it is not noted"},
	{slow, watchNote, resolved, "within its 3 s"},
	{throttled, watchNote, resolvedBy(1, 2), "told, and it is not noted"},
	{conflict, watchNote, resolved, "noted again, up to sixteen times"},
	{lost, watchNote, resolved, "read again: it is there"},
	{hangs, watchNote, resolvedBy(1, 2), "nobody knows, and it is not noted"},
	{killed, watchNote, resolvedBy(1, 2), "told, and it is not noted"},
	{cancelled, watchNote, resolvedBy(1, 2), "told, and it can no longer be noted"},
	{panics, watchNote, resolvedBy(1, 2), "told, and it is not noted"},
	{overlaps, watchNote, resolved, "the other one finds the post claimed"},
}

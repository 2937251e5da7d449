package faults_test

// What becomes of a start that the Agent has, and of which no event comes, when the tick is struck that asks about it. Until
// it is known nothing is sent again, whatever the policy says of doubts.
var askRows = []row{
	{down, find, unknown(1), "no answer is no word that the Agent has nothing"},
	{slow, find, found, "3 s of 5"},
	{throttled, find, unknown(1), "asked twice in vain, and half a minute later at the earliest"},
	{hangs, find, unknown(1), "its 5 s are over"},
	{killed, find, unknown(1), "nothing was written"},
	{cancelled, find, unknown(1), "that it was asked in vain can no longer be written"},
	{panics, find, unknown(1), "a panic is no answer"},
	{overlaps, find, found, "the other one learns it, and this one nothing new"},
	{denied, find, unknown(1), "until the role has the permission"},
	{garbage, find, unknown(1), "an answer that nobody can read says nothing"},
	{hollow, find, unknown(1), "an answer without a list is none"},
	{gone, find, unknown(1), "the API does not know the agent space: that says nothing of the case"},
	{nothing, find, unknown(1), "too early to be certain that the Agent has nothing"},

	{down, lookFound, unknown(1), "left for the next tick, which asks again"},
	{slow, lookFound, found, "within its second"},
	{throttled, lookFound, unknown(1), "its second is over"},
	{hangs, lookFound, unknown(1), "its second is over"},
	{killed, lookFound, unknown(1), "nothing was written"},
	{cancelled, lookFound, unknown(1), "nothing was written"},
	{panics, lookFound, unknown(1), "a panic over one case is its failure"},
	{overlaps, lookFound, found, "the other one learns it, and this one nothing new"},

	{down, commitFound, unknown(1), "certainly not applied"},
	{slow, commitFound, found, "within its 3 s"},
	{throttled, commitFound, unknown(1), "certainly not applied"},
	{conflict, commitFound, unknown(10), "somebody else moved it, ten times: one try a tick"},
	{lost, commitFound, found, "it is there, and the next tick sees it"},
	{hangs, commitFound, unknown(1), "nobody knows, and the next tick asks again"},
	{killed, commitFound, unknown(1), "not applied"},
	{cancelled, commitFound, unknown(1), "not applied"},
	{panics, commitFound, unknown(1), "not applied"},
	{overlaps, commitFound, found, "the other one is first, and this one loses the race"},
}

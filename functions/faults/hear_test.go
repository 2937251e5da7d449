package faults_test

// What becomes of what the Agent says when outcome is struck over its event: the first, which confirms the start, and the
// last, which ends the case, frees its slot and books its price.
var hearRows = []row{
	{twice, takeEvent, heard, "the second one says nothing new, and nothing is booked twice"},
	{reordered, takeEvent, heard, "the later one says all that matters, and the earlier ones since when it ran"},
	{early, takeEvent, heard, "it settles the start, and our own settle finds that done"},
	{foreign, takeEvent, heardNext, "acknowledged, for its task refers to nothing of ours; our own comes behind it"},
	{elsewhere, takeEvent, notHeard, "acknowledged, and told as a mistake in the settings; the next event, or the tick, makes up for it"},
	{batched, takeEvent, heardUp, "the other one alone comes back"},

	{down, askTask, heardNext, "asked twice in vain: it is not known what it is about"},
	{slow, askTask, heard, "3 s of 5"},
	{throttled, askTask, heardNext, "asked twice in vain"},
	{hangs, askTask, heardNext, "its 5 s are over"},
	{killed, askTask, heardNext, "visible again after 90 s"},
	{cancelled, askTask, heardNext, "nothing can be asked any more"},
	{panics, askTask, heardNext, "a panic of one event is its error"},
	{overlaps, askTask, heard, "the tick has nothing to ask about it"},
	{denied, askTask, heardNext, "until the role has the permission"},
	{garbage, askTask, heardNext, "an answer that nobody can read says nothing"},
	{hollow, askTask, heardNext, "as garbage"},
	{gone, askTask, notHeard, "acknowledged, for nobody will ever know; the next event, or the tick, makes up for it"},

	{down, lookHeard, heardNext, "nothing is decided"},
	{slow, lookHeard, heard, "within the time to decide"},
	{throttled, lookHeard, heardNext, "the time to decide is over"},
	{hangs, lookHeard, heardNext, "the time to decide is over"},
	{killed, lookHeard, heardNext, "visible again after 90 s"},
	{cancelled, lookHeard, heardNext, "nothing is decided"},
	{panics, lookHeard, heardNext, "a panic of one event is its error"},
	{overlaps, lookHeard, heard, "the tick finds nothing that is due"},

	{down, commitHeard, heardNext, "certainly not applied"},
	{slow, commitHeard, heard, "within its 3 s"},
	{throttled, commitHeard, heardNext, "certainly not applied"},
	{conflict, commitHeard, heard, "read and decided anew ten times, in less than a second"},
	{lost, commitHeard, heard, "read again: it says nothing new"},
	{hangs, commitHeard, heardNext, "nobody knows, twice; then the time to decide is over"},
	{killed, commitHeard, heardNext, "visible again after 90 s"},
	{cancelled, commitHeard, heardNext, "certainly not applied"},
	{panics, commitHeard, heardNext, "certainly not applied"},
	{overlaps, commitHeard, heard, "the tick finds nothing that is due"},

	{down, forget, heardUp, "the queue hands it out again, and it says nothing new"},
	{slow, forget, heard, "only Lambda waits"},
	{throttled, forget, heardUp, "as down"},
	{lost, forget, heardUp, "as down"},
	{hangs, forget, heardUp, "as down"},
	{killed, forget, heardUp, "Lambda takes no answer from a function that was killed"},
	{overlaps, forget, heard, "the tick finds nothing that is due"},
}

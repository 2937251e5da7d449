package faults_test

// What becomes of a plan to mitigate what was found when the tick is struck that asks for it. It is told at Datadog alone, in
// the same steps as an end.
var planRows = []row{
	{down, askPlan, planUntold, "what it says may still be read"},
	{slow, askPlan, planTold, "3 s of 4"},
	{throttled, askPlan, planUntold, "as down"},
	{hangs, askPlan, planUntold, "as down, after 4 s"},
	{killed, askPlan, planUntold, "nothing was told"},
	{cancelled, askPlan, planUntold, "nothing can be told any more"},
	{panics, askPlan, planUntold, "a panic over one post is its failure"},
	{overlaps, askPlan, planTold, "the other one tells, and this one loses the race for the post"},
	{denied, askPlan, planUntold, "until the role has the permission, ten minutes at most"},
	{garbage, askPlan, planTold, "what nobody can read nobody waits for"},
	{hollow, askPlan, planTold, "as garbage"},
	{gone, askPlan, planUntold, "the journal comes behind the event"},
	{nothing, askPlan, planTold, "it says nothing, and that is said"},
	{huge, askPlan, planTold, "cut to what Datadog takes"},
	{hostile, askPlan, planTold, "told as what somebody else wrote"},
}

package datadog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/alertbridge/alertbridge/shared/alert"
)

// readScope is the group that triggered: the field, else the braces of the title, else the group that the link to the
// monitor names. It is empty for a simple alert, whose scope Datadog writes as "" or "*".
func (b *body) readScope(h heading, found []pageLink) []string {
	if scope := splitTags(b.list(alertScope)); len(scope) > 0 {
		return scope
	}
	if scope := splitTags(strings.Split(h.scope, ",")); len(scope) > 0 {
		return scope
	}
	return splitTags(strings.Split(lastGroup(found), ","))
}

// readTags keeps the tags in the order in which they came. A template's own fields for service and environment count
// as tags where there is none; the constant "datadog" names no service.
func (b *body) readTags(scope []string) []string {
	list := splitTags(b.list(tags))
	tagged := alert.Alert{Tags: list, Scope: scope}
	if v := alert.Value(b.get(env)); v != "" && tagged.Tag("env") == "" {
		list = slices.Insert(list, 0, "env:"+v)
	}
	if v := alert.Value(b.get(service)); v != "" && !strings.EqualFold(v, "datadog") && tagged.Tag("service") == "" {
		list = slices.Insert(list, 0, "service:"+v)
	}
	if len(list) > alert.MaxTags {
		// Only the first ones will be kept, and Datadog sorts tags by name: bring forward what an investigation needs.
		slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(tagRank(a), tagRank(b)) })
	}
	return list
}

// splitTags trims tags, and drops the empty, the unfilled and the repeated ones.
func splitTags(list []string) []string {
	var out []string
	seen := make(map[string]struct{}, len(list))
	for _, t := range list {
		t = alert.Value(t)
		if _, again := seen[t]; again || t == "*" || absent(t) {
			continue
		}
		seen[t] = struct{}{}
		out = append(out, t)
	}
	return out
}

func tagRank(tag string) int {
	key, _, keyed := strings.Cut(strings.ToLower(tag), ":")
	switch {
	case !keyed:
		return 2
	case refName(key) != "", strings.HasPrefix(key, "kube_"), strings.HasPrefix(key, "aws_"):
		return 0
	}
	switch key {
	case "service", "env", "environment", "version", "host", "team", "pod_name", "container_name", "region",
		"availability-zone", "account", "functionname", "autoscalinggroupname", "cluster_name", "dbinstanceidentifier":
		return 0
	}
	return 1
}

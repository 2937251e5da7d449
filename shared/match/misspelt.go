package match

import (
	"maps"
	"slices"
)

// usualTags are keys that tags commonly have, Datadog's own and those by which teams name what they run.
var usualTags = []string{
	"service", "env", "version", "team", "severity", "region", "availability-zone", "availability_zone", "cluster", "namespace",
	"kube_cluster_name", "kube_namespace", "kube_deployment", "pod_name", "container_name",
}

// Misspelt gives the field or the usual tag that was probably meant by a name that is neither: one that is a single letter
// off, too many, missing or another, or has two neighbours the wrong way round. "" where there is none. Whoever writes the
// name with "tag:" means it.
func Misspelt(name string) string {
	f, tag := meaning(name)
	if f != aTag || withoutPrefix(name) != name || slices.Contains(usualTags, tag) {
		return ""
	}
	for _, n := range slices.Concat(slices.Sorted(maps.Keys(fields)), usualTags) {
		if slipped(tag, n) {
			return n
		}
	}
	return ""
}

// slipped tells whether two words that are not the same differ by one slip of the hand.
func slipped(a, b string) bool {
	x, y := []rune(a), []rune(b)
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x) == 2 && len(y) == 2 {
		return x[0] == y[1] && x[1] == y[0]
	}
	return max(len(x), len(y)) == 1
}

package telemetrytest

import (
	"cmp"
	"slices"
	"strings"
)

// Tree draws spans, a line each, below their parents and in alphabetical order:
//
//	service name [type kind] resource, peer P, failed, link KIND to SERVICE NAME
//
// A word that does not apply is left out. What is not as it must be is said as well: a parent that is not there or in
// another trace, and a link that leads to no span of the trace it names.
func Tree(all []ServiceSpan) string {
	d := drawing{spans: map[uint64]ServiceSpan{}, children: map[uint64][]ServiceSpan{}, upper: Upper(all)}
	for _, s := range all {
		d.spans[s.SpanID] = s
	}
	const top = 0
	for _, s := range all {
		parent := s.ParentID
		if _, ok := d.spans[parent]; !ok {
			parent = top
		}
		d.children[parent] = append(d.children[parent], s)
	}
	return d.below(top, "")
}

// Upper is the upper half of each trace, 16 hexadecimal digits, by the lower. The tracer writes it into the first span
// of what it sends at once. Two for one trace are both there, and match nothing.
func Upper(all []ServiceSpan) map[uint64]string {
	upper := map[uint64]string{}
	for _, s := range all {
		if half := s.Meta["_dd.p.tid"]; half != "" && !strings.Contains(upper[s.TraceID], half) {
			upper[s.TraceID] += half
		}
	}
	return upper
}

type drawing struct {
	spans    map[uint64]ServiceSpan
	children map[uint64][]ServiceSpan
	upper    map[uint64]string
}

func (d drawing) below(parent uint64, indent string) string {
	var drawn []string
	for _, s := range d.children[parent] {
		drawn = append(drawn, indent+d.line(s)+"\n"+d.below(s.SpanID, indent+"\t"))
	}
	slices.Sort(drawn)
	return strings.Join(drawn, "")
}

func (d drawing) line(s ServiceSpan) string {
	line := s.Service + " " + s.Name + " [" + strings.TrimSpace(s.Type+" "+s.Meta["span.kind"]) + "] " + s.Resource
	if peer := s.Meta["peer.service"]; peer != "" {
		line += ", peer " + peer
	}
	if s.Error != 0 {
		line += ", failed"
	}
	if parent, ok := d.spans[s.ParentID]; s.ParentID != 0 && !ok {
		line += ", parent not there"
	} else if ok && parent.TraceID != s.TraceID {
		line += ", parent in another trace"
	}
	for _, l := range s.SpanLinks {
		to := "nothing"
		if t, ok := d.spans[l.SpanID]; ok && l.FullTraceID() == full(d.upper[t.TraceID], t.TraceID) {
			to = t.Service + " " + t.Name
		}
		line += ", link " + cmp.Or(l.Attributes["link.kind"], "of no kind") + " to " + to
	}
	return line
}

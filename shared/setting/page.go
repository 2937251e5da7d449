package setting

import (
	"fmt"
	"strings"
)

// Page is how the Agent's own page of an investigation is addressed, as the operator has seen it in his browser: with
// {task} where the task's id stands, and {space}, if it is there, where the agent space's does. "" is for none. AWS documents
// no such address, so none is known here.
type Page string

// maxPage bounds a Page, in bytes.
const maxPage = 500

// Page reads one. It may be left out.
func (r *Reader) Page(name string) Page {
	p := Page(r.Optional(name, ""))
	if p != "" && !p.fits() {
		r.Add(fmt.Errorf("%s must be an address that begins with https:// and has {task} behind the host, and {space} where the agent space is named", name))
		return ""
	}
	return p
}

func (p Page) fits() bool {
	rest, secure := strings.CutPrefix(string(p), "https://")
	host, path, _ := strings.Cut(rest, "/")
	plain := strings.NewReplacer("{space}", "s", "{task}", "t")
	only := func(text, others string) bool {
		return !strings.ContainsFunc(plain.Replace(text), func(c rune) bool { return !isPlain(c) && !strings.ContainsRune(others, c) })
	}
	return secure && len(p) <= maxPage && host != "" && !strings.Contains(host, "{task}") && strings.Contains(path, "{task}") &&
		only(host, ".-") && only(path, "._~-/?=&#:+")
}

// Of is the page of a task in an agent space, "" where there is none. Ids are put in only where they can change nothing else
// in the address.
func (p Page) Of(space, task string) string {
	if p == "" || !isSpace(task) || strings.Contains(string(p), "{space}") && !isSpace(space) {
		return ""
	}
	return strings.NewReplacer("{space}", space, "{task}", task).Replace(string(p))
}

func isPlain(c rune) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

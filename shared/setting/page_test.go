package setting_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/setting"
)

func TestPage(t *testing.T) {
	const space, task = "5b0f7d62-93a4-4e1c-8f25-7c6d1e9a0b34", "815ff8b3-9809-4f61-8fe2-b80bf8fa5d0f"
	for form, want := range map[string]string{
		"": "",
		"https://{space}.agent.example/investigation/{task}": "https://" + space + ".agent.example/investigation/" + task,
		"https://agent.example/#/{space}/a?task={task}&x=1":  "https://agent.example/#/" + space + "/a?task=" + task + "&x=1",
		" https://agent.example/{task}/{task} ":              "https://agent.example/" + task + "/" + task,
	} {
		r := from(map[string]string{"AGENT_PAGE": form})
		if got := r.Page("AGENT_PAGE").Of(space, task); got != want || r.Err() != nil {
			t.Errorf("%q is %q, %v; want %q", form, got, r.Err(), want)
		}
	}
	for _, form := range []string{
		"http://agent.example/{task}", "https://agent.example/", "https:///{task}", "https://{task}.example/", "https://{task}",
		"https://agent.example/{execution}/{task}", "https://me@agent.example/{task}", "https://agent.example:80\\/{task}",
		"https://agent.example/{task} x", "https://agent.example/%zz{task}", "https://agent.example/(a)/{task}", "javascript:{task}",
		"https://agent.example/{task}" + strings.Repeat("a", 500),
	} {
		r := from(map[string]string{"AGENT_PAGE": form})
		if got := r.Page("AGENT_PAGE"); got != "" || r.Err() == nil || !strings.Contains(r.Err().Error(), "AGENT_PAGE must be an address") {
			t.Errorf("%q is taken: %q, %v", form, got, r.Err())
		}
	}
}

// An id that could lead elsewhere leads nowhere.
func TestPageOfStrangeIDs(t *testing.T) {
	for _, id := range []string{"", "../a", "a/b", "a b", "a?b", "a#b", "a.evil.example/", "{task}", "a@b", strings.Repeat("a", 129)} {
		if got := setting.Page("https://{space}.example/{task}").Of("space", id); got != "" {
			t.Errorf("the task %q leads to %q", id, got)
		}
		if got := setting.Page("https://{space}.example/{task}").Of(id, "task"); got != "" {
			t.Errorf("the space %q leads to %q", id, got)
		}
	}
	if got := setting.Page("https://agent.example/{task}").Of("", "task"); got != "https://agent.example/task" {
		t.Errorf("where no space is named it leads to %q", got)
	}
}

// Whatever is set and whatever the Agent calls its tasks, the address is of the host that was set, or there is none.
func FuzzPage(f *testing.F) {
	f.Add("https://{space}.agent.example/investigation/{task}", "space-1", "task-1")
	f.Add("https://agent.example/?t={task}", "", "../x")
	f.Fuzz(func(t *testing.T, form, space, task string) {
		r := from(map[string]string{"AGENT_PAGE": form})
		p := r.Page("AGENT_PAGE")
		address := p.Of(space, task)
		if address == "" {
			return
		}
		u, err := url.Parse(address)
		host, _, _ := strings.Cut(strings.TrimPrefix(strings.ReplaceAll(string(p), "{space}", space), "https://"), "/")
		if err != nil || u.Scheme != "https" || u.User != nil || u.Host != host || !strings.Contains(address, task) {
			t.Errorf("%q of %q and %q is %q, %v", form, space, task, address, err)
		}
	})
}

package events

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFilesAndEntriesBelongTogether(t *testing.T) {
	for _, row := range []struct {
		why    string
		change func(fstest.MapFS)
		says   string
	}{
		{"as it is", func(fstest.MapFS) {}, ""},
		{"a file without an entry", func(m fstest.MapFS) {
			m["http/more.json"] = &fstest.MapFile{Data: []byte("{}")}
		}, "http/more.json has no entry in manifest.json"},
		{"an entry without a file", func(m fstest.MapFS) {
			delete(m, "sqs/garbage.json")
		}, "manifest.json names sqs/garbage.json, which is not there"},
		{"an entry twice", func(m fstest.MapFS) {
			edit(m, "manifest.json", `"case": "recovered"`, `"case": "triggered-p1"`)
		}, "manifest.json has http/triggered-p1.json twice"},
		{"a field that nobody knows", func(m fstest.MapFS) {
			edit(m, "manifest.json", `"about"`, `"abuot"`)
		}, `manifest.json: json: unknown field "abuot"`},
		{"a file that is no event", func(m fstest.MapFS) {
			edit(m, "http/triggered-p1.json", "{", "[")
		}, "http/triggered-p1.json: "},
		{"a field that no event has", func(m fstest.MapFS) {
			edit(m, "http/triggered-p1.json", `"rawPath"`, `"rawpfad"`)
		}, `http/triggered-p1.json: json: unknown field "rawpfad"`},
		{"something to generate that nobody knows", func(m fstest.MapFS) {
			edit(m, "manifest.json", `"too-large"`, `"too-small"`)
		}, "wants too-small to be generated"},
	} {
		m := stored(t)
		row.change(m)
		_, err := load(m)
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%s: Load says %v, want %q", row.why, err, row.says)
		}
	}
}

// stored is a copy of the corpus that can be changed.
func stored(t *testing.T) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	err := fs.WalkDir(files, ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := files.ReadFile(file)
		m[file] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func edit(m fstest.MapFS, file, from, to string) {
	m[file] = &fstest.MapFile{Data: []byte(strings.Replace(string(m[file].Data), from, to, 1))}
}

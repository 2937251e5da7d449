package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

const versionLong = `Prints which version of the command this is and what it was built with. Between releases the version of a build from a
checkout is made by Go, of the time and the id of its commit; a build that did not look at the checkout is (devel).`

// version is what is known of this build.
type version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"` // of the commit
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Say which version this is",
		Long:    versionLong,
		Example: "  alertbridge version\n  alertbridge version -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				info = &debug.BuildInfo{}
			}
			v := versionOf(info)
			return printData(cmd.OutOrStdout(), output, v, func(w io.Writer) error { return v.write(w) })
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func versionOf(info *debug.BuildInfo) version {
	v := version{Version: info.Main.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if v.Version == "" {
		v.Version = "(unknown)"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v version) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "alertbridge %s (%s, %s/%s)\n", v.Version, v.Go, v.OS, v.Arch)
	if v.Commit != "" && err == nil {
		changed := ""
		if v.Modified {
			changed = ", with changes that are not committed"
		}
		_, err = fmt.Fprintf(w, "commit %s of %s%s\n", v.Commit, v.Time, changed)
	}
	return err
}

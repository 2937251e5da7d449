package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/archive"
)

const archiveLong = `Makes an archive of a deployed bridge's own log, for "alertbridge play". It takes the records "alert decided" of
dispatcher, in the forms in which CloudWatch gives them out: lines of "aws logs tail", the answer of
"aws logs filter-log-events", an export to S3 (compressed or not), results of Logs Insights, or plain lines of JSON.
Without a file it reads standard input. The archive is printed.

A record has what a decision reads, and no text of an alert beyond its title (docs/privacy.md). Records of something
else are passed over; broken lines are skipped. What was left out is said on standard error.

Exit status: 0 when there was something to keep, 1 when there was nothing or a file could not be read.`

const archiveExample = `  alertbridge archive dispatcher.log > archive.jsonl
  alertbridge archive export/*.gz > archive.jsonl
  aws logs filter-log-events --log-group-name GROUP | alertbridge archive`

func archiveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "archive [FILE...]",
		Short:   "Keep a bridge's alerts, to be played again",
		Long:    archiveLong,
		Example: archiveExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"-"}
			}
			return makeArchive(args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

func makeArchive(args []string, in io.Reader, out, errs io.Writer) error {
	var all []archive.Entry
	for _, arg := range args {
		list, told, err := collect(arg, in)
		if err != nil {
			return err
		}
		if words := told.Skipped(); words != "" {
			fmt.Fprintf(errs, "alertbridge: %s: %s\n", arg, words)
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return errNoAlerts
	}
	return archive.Write(out, all)
}

func collect(arg string, in io.Reader) ([]archive.Entry, archive.Told, error) {
	if arg != "-" {
		f, err := os.Open(arg)
		if err != nil {
			return nil, archive.Told{}, err
		}
		defer f.Close()
		if at, err := f.Stat(); err == nil && at.IsDir() {
			return nil, archive.Told{}, fmt.Errorf("%s is a directory; name the files in it", arg)
		}
		in = f
	}
	list, told, err := archive.Collect(in)
	if err != nil {
		err = fmt.Errorf("%s: %w", arg, err)
	}
	return list, told, err
}

// errNoAlerts ends archive when there was nothing to keep.
var errNoAlerts = errors.New("there is no record of a decision in it; give it the log of dispatcher, with the level info")

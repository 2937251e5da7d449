package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/archive"
)

const archiveLong = `Makes an archive of a deployed bridge's own log, for "alertbridge play". It takes the records "alert decided" of
dispatcher, in the forms in which CloudWatch gives them out: lines of "aws logs tail", the answer of
"aws logs filter-log-events", an export to S3 (compressed or not), "aws logs get-query-results", or plain lines of JSON.
Without a file it reads standard input. The archive is printed.

A record has what a decision reads, and no text of an alert beyond its title (docs/privacy.md). Records of something
else are passed over; broken lines are skipped. What was left out is said on standard error.

A file that cannot be read, or not to its end, is said there too, and what can be read of all files is kept.

Exit status: 0 when there was something to keep, 1 when there was nothing or a file could not be read to its end.`

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
			return makeArchive(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

// makeArchive keeps what can be read of all files. One that cannot be read to its end is told, and takes nothing from the
// others.
func makeArchive(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	var all []archive.Entry
	failed := false
	for _, arg := range args {
		list, told, err := collect(ctx, arg, in)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", arg, errToldToEnd)
		}
		if err != nil {
			failed = true
			fmt.Fprintf(errs, "alertbridge: %s\n", err)
		}
		if words := told.Skipped(); words != "" {
			fmt.Fprintf(errs, "alertbridge: %s: %s\n", arg, words)
		}
		all = append(all, list...)
	}
	switch {
	case len(all) == 0 && failed:
		return errSaid
	case len(all) == 0:
		return errNoAlerts
	}
	if err := archive.Write(out, all); err != nil {
		return err
	}
	if failed {
		return errSaid
	}
	return nil
}

func collect(ctx context.Context, arg string, in io.Reader) ([]archive.Entry, archive.Told, error) {
	if arg != "-" {
		f, err := openFile(arg)
		if err != nil {
			return nil, archive.Told{}, err
		}
		defer f.Close()
		in = input{ctx, f}
	}
	list, told, err := archive.Collect(in)
	if err != nil {
		err = fmt.Errorf("%s: %w", arg, err)
	}
	return list, told, err
}

// openFile opens a file that is no directory.
func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if at, err := f.Stat(); err == nil && at.IsDir() {
		f.Close()
		return nil, fmt.Errorf("%s is a directory; name the files in it", name)
	}
	return f, nil
}

// errNoAlerts ends archive when there was nothing to keep.
var errNoAlerts = errors.New("there is no record of a decision in it; give it the log of dispatcher, with the level info")

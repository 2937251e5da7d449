// Command alertbridge is what the operator of a bridge has in hand: it runs the whole bridge on one computer, sends
// deliveries to any bridge, and shows what became of them. This file wires; each command has a file of its own.
//
// Exit status: 0 when all went well, 1 when something did not, 2 when the command was called in a way it does not have.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks twice is not made to wait
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs a command line and returns its exit status.
func execute(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := rootCommand()
	root.SetArgs(append([]string{}, args...)) // cobra takes nil for "look yourself"
	root.SetIn(input{ctx, in})
	printed := &output{Writer: out}
	root.SetOut(printed)
	root.SetErr(errs)
	called, err := root.ExecuteContextC(ctx)
	if lost := printed.lost(); lost != nil && (err == nil || errors.Is(err, errSaid)) {
		err = lost // what was to be said was not
	}
	switch usage := (*usageError)(nil); {
	case err == nil:
		return 0
	case errors.Is(err, errSaid):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(errs, "alertbridge: %s\n\nHow it is called: %s --help\n", err, called.CommandPath())
		return 2
	default:
		fmt.Fprintf(errs, "alertbridge: %s\n", err)
		return 1
	}
}

// input is standard input, or a file, until the command is told to end: a command that waits for a terminal or a pipe, or
// that has much to read, must end too.
type input struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader. What is read while the command is told to end is lost.
func (i input) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, errToldToEnd
	}
	type answer struct {
		n   int
		err error
	}
	buf, done := make([]byte, len(p)), make(chan answer, 1)
	go func() {
		n, err := i.Reader.Read(buf)
		done <- answer{n, err}
	}()
	select {
	case a := <-done:
		return copy(p, buf[:a.n]), a.err
	case <-i.ctx.Done():
		return 0, errToldToEnd
	}
}

// errToldToEnd ends what reads when the command is told to end.
var errToldToEnd = errors.New("it was told to end before all was read")

// output is standard output, and remembers that something could not be written: not every command asks line by line, and
// none may end as if it had said what it has not.
type output struct {
	io.Writer
	mu  sync.Mutex
	err error // the first
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *output) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// errSaid ends a command with status 1 when all has been said already.
var errSaid = errors.New("said already")

// usageError is a command line that the command does not have.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

const rootLong = `alertbridge takes Datadog's alerts, decides once what each is worth, and starts at most one investigation of
AWS DevOps Agent for one problem. The bridge itself runs in AWS Lambda; this command is for those who operate it.

Exit status: 0 all went well, 1 something did not, 2 the command line was wrong.`

const rootExample = `  alertbridge run                             the whole bridge here, with stand-ins for all others
  alertbridge send alert.json                 send it a delivery
  alertbridge cases list                      what it makes of them
  alertbridge cases list --table TABLE        the same of a deployed bridge
  alertbridge explain EVENT                   why an alert was started or not
  alertbridge verify                          whether a bridge works that was set up
  alertbridge status                          what is set by hand, what runs, what waits
  alertbridge play docs/scenarios/*.yaml      what a policy makes of incidents, and what that costs`

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "alertbridge",
		Short:         "From a Datadog alert to one investigation of AWS DevOps Agent",
		Long:          rootLong,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,

		DisableFlagsInUseLine:      true,
		SuggestionsMinimumDistance: 2,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return noneEmpty(cmd.Flags()) },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrongValue(err) })
	root.AddCommand(runCommand(), sendCommand(), casesCommand(), policyCommand(), versionCommand())
	root.AddCommand(statusCommand(), explainCommand())
	root.AddCommand(modeCommand(), silenceCommand(), startCommand(), retryCommand(), stopCommand())
	root.AddCommand(playCommand(), archiveCommand(), simulateCommand())
	root.AddCommand(verifyCommand())
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"}) // cobra's, which takes any words and then explains the whole
	help.Args = func(_ *cobra.Command, args []string) error {
		if cmd, rest, _ := root.Find(args); len(rest) > 0 {
			return unknown(cmd, rest[0])
		}
		return nil
	}
	return root
}

// groupCommand is a command that only holds others: alone it explains them, and for one that there is not it says what was
// probably meant.
func groupCommand(cmd cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown(cmd, args[0])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.DisableFlagsInUseLine, cmd.SuggestionsMinimumDistance = true, 2
	return &cmd
}

// unknown is the error for a command that there is not, with what was probably meant.
func unknown(cmd *cobra.Command, name string) error {
	if like := cmd.SuggestionsFor(name); len(like) > 0 {
		return usage("there is no command %q; did you mean %q?", name, like[0])
	}
	return usage("there is no command %q", name)
}

// noArgs is for commands that take flags only.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("it takes no arguments, and got %q", args[0])
	}
	return nil
}

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/local"
)

const runLong = `Runs the whole bridge in one process: the same handlers that run in AWS Lambda, with queue and ledger in memory, a
tick every second, and stand-ins for AWS DevOps Agent, Datadog's events and PagerDuty on sockets of this computer. It
needs no account, sends nothing anywhere else, and forgets everything when it ends.

First it sends the deliveries of the folder events/ through its own front door. Each line that it prints is a delivery
with the status that Datadog would get, the verdict and its reason, the transition, the delivery's id and the title.
Below a start stands the request that the Agent received. Then it stays up for more: it prints a curl command that
sends one, "alertbridge send" sends files, "alertbridge cases" shows the cases. Ctrl-C ends it.

What the Agent tells of its work is a line that begins with "event". What people are told, in Datadog or by PagerDuty, is
one that begins with "told": what it does there, and which moment of the case it tells of.

A 200 of the Agent is not a start. To see what becomes of one that nothing confirms, let it be silent: with
"--speed 60 --withhold-events" a critical alert is "unconfirmed" after ten seconds, which are ten of the run's minutes,
and somebody is paged.

It decides by your policy, in true time: a case that is held for two minutes starts in two minutes, as a line that
begins with "tick" then tells. To see the end of a story at once, play it: "alertbridge play".

The token of its front door is no secret, so let nobody reach the address whom you would not let play with it.

Exit status: 0 when it was told to end, 1 when it could not start, for instance because the port is taken.`

const runExample = `  alertbridge run
  alertbridge run --quiet-events --listen 127.0.0.1:9000   wait for deliveries of your own, on another port
  alertbridge run --policy new.yaml                        decide by another policy than policy.yaml
  alertbridge run --speed 60 --api-only                    the Agent's events do not arrive; its API is asked
  alertbridge run --speed 60 --withhold-events             its API shows nothing either: somebody is paged
  alertbridge run --speed 60 --lose-starts                 the Agent answers 200 and starts nothing: the same
  alertbridge run --verbose 2>log.json                     keep the functions' log records`

func runCommand() *cobra.Command {
	o := local.Options{Name: commandName(os.Args[0])}
	file, verbose := "", false
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run the whole bridge on this computer",
		Long:    runLong,
		Example: runExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Tick <= 0 {
				return usage("--tick is %s and must be above 0", o.Tick)
			}
			if o.Speed < 1 || o.Speed > local.MaxSpeed {
				return usage("--speed is %d and must be from 1 to %d", o.Speed, local.MaxSpeed)
			}
			p, err := policyOf(cmd.ErrOrStderr(), file)
			if err != nil {
				return err
			}
			o.Policy, o.Called = p.Policy, p.called()
			if verbose {
				o.Logs = cmd.ErrOrStderr()
			}
			o.Out, o.Color = cmd.OutOrStdout(), colorful(cmd.OutOrStdout(), os.Getenv)
			return local.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", local.DefaultListen, "address and port of the front door; port 0 is a free one")
	cmd.Flags().DurationVar(&o.Tick, "tick", time.Second, "how often the scheduler runs; in AWS it is once a minute")
	cmd.Flags().StringVar(&file, "policy", "", "the policy that it decides by (default: policy.yaml of this folder; where there is none, the defaults)")
	cmd.Flags().BoolVar(&o.Quiet, "quiet-events", false, "do not send the deliveries of events/ first")
	cmd.Flags().IntVar(&o.Speed, "speed", 1, "how many times as fast as yours its clock goes, up to 60")
	cmd.Flags().BoolVar(&o.APIOnly, "api-only", false, "the Agent's events do not arrive; only its API tells what comes of a start")
	cmd.Flags().BoolVar(&o.WithholdEvents, "withhold-events", false, "the Agent's events do not arrive, and its API shows no task: starts stay unconfirmed")
	cmd.Flags().BoolVar(&o.LoseStarts, "lose-starts", false, "the Agent answers every start with 200 and makes nothing of it")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "the functions' log records on standard error")
	return cmd
}

// colorful tells whether colours are wanted: on a terminal, unless NO_COLOR (no-color.org) or TERM forbid it.
func colorful(out io.Writer, getenv func(string) string) bool {
	if o, ok := out.(*output); ok {
		out = o.Writer
	}
	f, ok := out.(*os.File)
	if !ok || getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// commandName is how this command was called, for hints that can be copied. What `go run` has built lies in a folder
// that is soon gone.
func commandName(arg0 string) string {
	if strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		return "go run ./cmd/alertbridge"
	}
	return arg0
}

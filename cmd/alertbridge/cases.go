package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/caseview"
	"github.com/alertbridge/alertbridge/shared/alert"
)

const casesLong = `A case is what the Agent is asked to investigate, once: one incident, or several joined. These commands show the cases of
a local run, or with --table those of a deployed bridge.

With --table the ledger's table is read directly, with the credentials, region and profile that the AWS CLI would use. The
stack's output LedgerName is its name. Reading needs dynamodb:BatchGetItem and dynamodb:Query on the table and its
index, and changes nothing.`

const listLong = `Lists cases: first those that need somebody's hand (in doubt, refused), then those that wait, the most severe first, then
those under way. Those that ended are listed, the latest first, when they are asked for; to find these, all that the
ledger still has of them is read.

What the states mean:
  waiting    the start comes later; in brackets why: hold, slots, budget, storm, agent_down, agent_shut
  starting   the Agent is being called
  in_doubt   the call may or may not have reached the Agent; it is repeated with the same id, or rests
  started    the Agent has taken it; in brackets how its task stands, where the Agent's work is followed
  refused    the Agent will not take it; "cases show" has its words
  ended      in brackets how: recovered, expired, silenced, observed (none of these was started), completed, failed,
             timed_out, cancelled, linked, skipped (the Agent's own word), assumed (started, and nobody has told its end)

UNTIL is when something happens next: the start, the end of the call's lease, the next try, the estimated end or, where the
Agent's work is followed, when its API is asked about it next. A start that nothing has confirmed for ten minutes says so
beside the title.`

const listExample = `  alertbridge cases list
  alertbridge cases list --state waiting
  alertbridge cases list --state ended --limit 10
  alertbridge cases list --table alertbridge-Ledger-1ABC2DEF3GHI --region eu-central-1
  alertbridge cases list -o json | jq -r '.cases[] | select(.doubts > 0) | .id'`

const showLong = `Shows all that is known of one case: its state and why, until when, how many of its incidents fire and which joined, how
often the Agent was called and what it said last, by which of its tasks the start is confirmed, how that stands, how long it
ran and for how much, who wants it started by hand, the trace of the first alert, each step that led to where it is, and who
was told what of it. "alertbridge explain" tells the story with the alerts in it.

Exit status: 1 when there is no such case.`

const showExample = `  alertbridge cases show ab-k5w2q7n3xj4mzyta
  alertbridge cases show ab-k5w2q7n3xj4mzyta -o json
  alertbridge cases show ab-k5w2q7n3xj4mzyta --table alertbridge-Ledger-1ABC2DEF3GHI`

func casesCommand() *cobra.Command {
	var from origin
	cmd := groupCommand(cobra.Command{
		Use:     "cases",
		Short:   "Show what the bridge makes of its alerts",
		Long:    casesLong,
		Example: "  alertbridge cases list\n  alertbridge cases show ab-k5w2q7n3xj4mzyta",
	})
	from.flags(cmd.PersistentFlags())
	cmd.AddCommand(listCommand(&from), showCommand(&from))
	return cmd
}

func listCommand(from *origin) *cobra.Command {
	var (
		state, output string
		limit         int
	)
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List cases",
		Long:    listLong,
		Example: listExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(caseview.States(), state) {
				return usage("--state is %q and must be one of %s", state, strings.Join(caseview.States(), ", "))
			}
			if limit < 1 {
				return usage("--limit is %d and must be above 0", limit)
			}
			source, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			list, err := source.list(cmd.Context(), state, limit)
			if err != nil {
				return err
			}
			return printData(cmd.OutOrStdout(), output, list, func(w io.Writer) error {
				return caseview.WriteList(w, list, source.now())
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", caseview.Open, "which cases: "+strings.Join(caseview.States(), ", "))
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most")
	outputFlag(cmd, &output)
	return cmd
}

func showCommand(from *origin) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one case",
		Long:    showLong,
		Example: showExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(`name one case by its id; "alertbridge cases list" shows them`)
			}
			if !alert.SafeID(args[0]) {
				return usage("%q is no id of a case; they look like ab-k5w2q7n3xj4mzyta", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			c, err := source.show(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printData(cmd.OutOrStdout(), output, c, func(w io.Writer) error {
				return caseview.Write(w, c, source.now())
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

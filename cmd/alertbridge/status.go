package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/explain"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/shared/setting"
)

const statusLong = `Shows how a bridge stands: the mode and the silences that are set by hand, with author, reason and end; and for each Agent
whether it is open, shut or left alone, what runs, what was spent this month and how many critical cases started today,
which starts should be confirmed by the Agent's own word and are not, what waits for what and until when, what needs a
hand, and what people are still to be told or were not: since when, by which place, and why.

Money is reckoned by the policy's estimate, for what runs too. Where the Agent's work is followed, an investigation that has
ended counts with its running time; elsewhere only the Agent's own bill has the true price.

With --table the ledger's table is read directly, which needs dynamodb:BatchGetItem and dynamodb:Query on the table and its
index, and changes nothing.`

func statusCommand() *cobra.Command {
	var (
		from   origin
		output string
	)
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show how a bridge stands",
		Long:    statusLong,
		Example: "  alertbridge status\n  alertbridge status --table alertbridge-Ledger-1ABC2DEF3GHI --agent default,payments\n  alertbridge status -o json | jq '.accounts[].spent'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showStatus(cmd, &from, output, operate.WriteStatus)
		},
	}
	from.handFlags(cmd.Flags())
	outputFlag(cmd, &output)
	return cmd
}

const explainLong = `Tells the story of an alert, a case or a monitor: what came, what was decided, by which line of the policy and with which
numbers, what was set by hand, what was sent to the Agent and what it said, who was told, and what it cost. For an alert, and
for the one that opened a case, it also tells what would have had to differ for another verdict: the gate is asked again on
what it saw, with one thing changed at a time (priority, age, mode, silence, money, slots, the Agent). What it would say of
another priority only the policy that decided can tell: a local run has it, and with --table it is read from --policy. Of a
case that waits it tells what the next tick does about it, and what it would need to be started.

ID is an event's or a monitor's number, the id of a delivery (dd-ORG-EVENT), a case (ab-…) or an incident
(ORG/MONITOR/KEY), or a link of Datadog to an event or a monitor, in quotes. An event or a monitor is looked for in the
organisations whose cases the ledger has; --org names another one. Records are kept for 30 days.

With --table the ledger's table is read directly, which needs dynamodb:BatchGetItem and dynamodb:Query on the table and its
index, and changes nothing.

Exit status: 1 when nothing is found; then it says where it looked, and what else it could be.`

const explainExample = `  alertbridge explain 8873248385148318284
  alertbridge explain ab-k5w2q7n3xj4mzyta --table alertbridge-Ledger-1ABC2DEF3GHI
  alertbridge explain https://app.datadoghq.eu/event/event?id=8873248385148318284
  alertbridge explain 24018841 --json | jq -r '.events[].text'`

func explainCommand() *cobra.Command {
	var (
		from        origin
		output, org string
		file        string
		page        string
		asJSON      bool
	)
	cmd := &cobra.Command{
		Use:     "explain ID",
		Short:   "Tell why an alert was started or not, and what became of it",
		Long:    explainLong,
		Example: explainExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one event, delivery, case, incident or monitor, or a link to it")
			}
			if _, err := explain.Parse(args[0]); err != nil {
				return usage("%w", err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON {
				output = "json"
			}
			link, err := pageOf(page)
			if err != nil {
				return err
			}
			p, err := policyThatDecided(cmd.ErrOrStderr(), file, from.table != "")
			if err != nil {
				return err
			}
			source, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			s, err := source.explain(cmd.Context(), args[0], org, p)
			if err != nil {
				return err
			}
			s.Link(link)
			if err := printData(cmd.OutOrStdout(), output, s, func(w io.Writer) error { return explain.Write(w, s) }); err != nil {
				return err
			}
			if !s.Found {
				return errSaid
			}
			return nil
		},
	}
	from.handFlags(cmd.Flags())
	cmd.Flags().StringVar(&org, "org", "", "Datadog's id of the organisation (default: those of which there are cases or dropped alerts)")
	cmd.Flags().StringVar(&file, "policy", "", "the policy that decided, with --table (default: policy.yaml of this folder, where there is one)")
	cmd.Flags().StringVar(&page, "agent-page", "", "address of the Agent's own page of a task, with {task} for its id (default: no link to it)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as --output json")
	outputFlag(cmd, &output)
	return cmd
}

// pageOf is how the Agent's own page of a task is addressed, by the flag --agent-page.
func pageOf(form string) (func(task string) string, error) {
	const flag = "--agent-page"
	if strings.Contains(form, "{space}") {
		return nil, usage("%s has {space}; write the agent space's id in its place", flag)
	}
	if r := setting.From(func(string) string { return form }); r.Page(flag) == "" && form != "" {
		return nil, usage("%s is %q and must be an address that begins with https:// and has {task} behind the host", flag, form)
	}
	return func(task string) string { return setting.Page(form).Of("", task) }, nil
}

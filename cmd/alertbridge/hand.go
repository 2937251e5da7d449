package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/operate"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/ledger"
)

// handPermissions is the end of the long text of every command that writes.
const handPermissions = `

It is in force for the next alert and the next tick, without a deployment, and on record: with your name (--by, else
user@host of this computer), the reason, and the end if it has one.

With --table the ledger's table is written directly, with the credentials, region and profile that the AWS CLI would use.
That needs dynamodb:BatchGetItem, dynamodb:Query, dynamodb:PutItem, dynamodb:UpdateItem and dynamodb:ConditionCheckItem on
the table, and dynamodb:Query on its index.`

const modeLong = `Shows the mode that is set by hand, or sets one. It counts for every alert from now on, in the place of the policy's mode;
only where a route, or a single rank such as P4, has a mode of its own, the stricter of the two counts. What is running
goes on.

  off            nothing is started; alerts are recorded and dropped, but for recoveries, which are counted
  observe        what would be started is decided and recorded, and nothing is started
  critical_only  only critical alerts start anything
  full           all that the policy starts
  clear          takes back what is set by hand; "mode" and "status" show who did, and why, until a mode is set again

The latest order is on record, and others in the verdicts that they touched. What was dropped meanwhile can be started with
"alertbridge start".` + handPermissions

const modeExample = `  alertbridge mode
  alertbridge mode observe --for 2h --reason release
  alertbridge mode critical_only --for 8h --reason night --table alertbridge-Ledger-1ABC2DEF3GHI
  alertbridge mode clear --reason over`

func modeCommand() *cobra.Command {
	var (
		from   origin
		sign   signature
		output string
		until  time.Duration
	)
	modes := append(strings.Split(joined(gate.Modes()), ", "), "clear")
	cmd := &cobra.Command{
		Use:     "mode [off|observe|critical_only|full|clear]",
		Short:   "Show or set by hand how much is started",
		Long:    modeLong,
		Example: modeExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !slices.Contains(modes, args[0]) {
				return usage("name one of %s, or nothing to see what is set", strings.Join(modes, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if len(args) == 0 {
				for _, name := range []string{"for", "reason", "by"} {
					if cmd.Flags().Changed(name) {
						return usage("--%s goes with a mode, and none is named; name one of %s", name, strings.Join(modes, ", "))
					}
				}
				return showStatus(cmd, &from, output, operate.WriteMode)
			}
			o := operate.Order{Do: operate.Mode, Mode: args[0], For: until}
			if o.Mode == "clear" {
				if cmd.Flags().Changed("for") {
					return usage("--for does not go with clear: what is taken back stays taken back")
				}
				o.Mode = ""
			}
			if output == "text" {
				return order(cmd, cmd.OutOrStdout(), &from, sign, o)
			}
			if err := order(cmd, io.Discard, &from, sign, o); err != nil {
				return err
			}
			if err := showStatus(cmd, &from, output, operate.WriteMode); err != nil {
				return fmt.Errorf("it is done, and how the bridge stands now cannot be shown: %w", err)
			}
			return nil
		},
	}
	from.handFlags(cmd.Flags())
	sign.flags(cmd)
	forFlag(cmd, &until)
	outputFlag(cmd, &output)
	return cmd
}

const silenceLong = `A silence mutes the alerts that all its matchers meet: they are recorded and dropped as silenced, and a case of theirs that
waits ends, unless something else fires in it that is not silenced. What is running goes on, recoveries are counted, and
what was muted can be started with "alertbridge start".

A matcher compares a tag or a field of the alert with a value, as amtool's do: service=checkout (is), env!=prod (is not),
team=~"pay.*|core" (matches as a whole, RE2), host!~canary-.* (does not). Fields: monitor, monitor_name, monitor_type,
title, priority, transition, alert_type, org, org_name, host; monitor is its number. There are at most 100 silences, with 6
matchers each. One that no alert can meet is refused, as is one of recoveries only. A name that is a letter off from a field,
or from a usual tag such as service, is warned of; tag:NAME is the tag of that name, and is not.` + handPermissions

func silenceCommand() *cobra.Command {
	var from origin
	cmd := groupCommand(cobra.Command{
		Use:     "silence",
		Short:   "Mute alerts for a while",
		Long:    silenceLong,
		Example: "  alertbridge silence add service=checkout env=~prod.* --for 2h --reason release\n  alertbridge silence list\n  alertbridge silence expire s-0a1b2c3d4e",
	})
	from.handFlags(cmd.PersistentFlags())
	cmd.AddCommand(silenceAddCommand(&from), silenceListCommand(&from), silenceExpireCommand(&from))
	return cmd
}

func silenceAddCommand(from *origin) *cobra.Command {
	var (
		sign  signature
		until time.Duration
		force bool
	)
	cmd := &cobra.Command{
		Use:     "add MATCHER…",
		Short:   "Add a silence",
		Long:    "Adds a silence, and removes those that have ended. One that would mute every alert, or every one but a few, such as\nthose of every priority or every monitor, has to be forced.\n\n" + silenceLong,
		Example: "  alertbridge silence add service=checkout --for 2h --reason release\n  alertbridge silence add monitor=24018841 --reason broken\n  alertbridge silence add env!=prod --force --for 8h --reason exercise",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name at least one matcher, such as service=checkout")
			}
			if _, err := ledger.ParseMatchers(args); err != nil {
				return usage("%w", err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return order(cmd, cmd.OutOrStdout(), from, sign, operate.Order{Do: operate.Silence, Matchers: args, For: until, Force: force})
		},
	}
	sign.flags(cmd)
	forFlag(cmd, &until)
	cmd.Flags().BoolVar(&force, "force", false, "also if it mutes every alert, or nearly")
	return cmd
}

func silenceListCommand(from *origin) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the silences",
		Long:    "Lists the silences that have not ended: id, matchers, end, author and reason. As JSON it is what \"alertbridge status\" gives.",
		Example: "  alertbridge silence list\n  alertbridge silence list -o json | jq -r '.silences[].id'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showStatus(cmd, from, output, operate.WriteSilences)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func silenceExpireCommand(from *origin) *cobra.Command {
	return &cobra.Command{
		Use:     "expire ID…",
		Short:   "End silences",
		Long:    "Ends silences before their time, by the ids that \"alertbridge silence list\" shows. The next alert is judged without them. A\nsilence that has ended is no more on record, nor who has ended it; the verdicts that it gave are.\n\nExit status: 1 when there is no such silence, or not any more.",
		Example: "  alertbridge silence expire s-0a1b2c3d4e",
		Args:    someIDs(`name silences by their ids; "alertbridge silence list" shows them`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return order(cmd, cmd.OutOrStdout(), from, signature{}, operate.Order{Do: operate.Expire, IDs: args})
		},
	}
}

const startLong = `Starts cases by hand: one that waits, whatever it waits for; one that was refused; one that rests in doubt, which is sent
once more with the same id. What ended unstarted, or was dropped as silenced, mode_off, critical_only, flapping,
not_on_transition or too_old, gets a case of its own. Name it by the case's id, or by the id of the delivery or the event.

The next tick, within a minute, starts it: neither hold, mode, silence nor money keep it waiting. The Agent's slots do, and
an Agent that cannot be called. What has been started is not started again. The investigation is paid for.` + handPermissions

func startCommand() *cobra.Command {
	return handCommand(&cobra.Command{
		Use:     "start ID…",
		Short:   "Start by hand what waits, or was dropped or refused",
		Long:    startLong,
		Example: "  alertbridge start ab-k5w2q7n3xj4mzyta --reason customers-call\n  alertbridge start 8873248385148318284 --reason looks-real",
		Args:    someIDs(`name a case, or the delivery or event of an alert that was dropped`),
	}, operate.Start)
}

const retryLong = `Opens the accounts that are shut, and forgets that the Agent could not be reached, so that the next tick calls it again; use
it when the cause is mended. If it is not, the first call shuts the account again. Then starts the cases that are named;
without any, all that were refused or rest in doubt and still fire, at most 100 of each. Each may be paid for.

"alertbridge status" shows who opened an account last, and "alertbridge explain" who started a case. Where there was nothing
to open and nothing to start, nothing is kept.` + handPermissions

func retryCommand() *cobra.Command {
	return handCommand(&cobra.Command{
		Use:     "retry [ID…]",
		Short:   "Open what is shut, and start what was refused",
		Long:    retryLong,
		Example: "  alertbridge retry --reason key-rotated\n  alertbridge retry ab-k5w2q7n3xj4mzyta --reason payload-mended",
		Args:    func(*cobra.Command, []string) error { return nil },
	}, operate.Retry)
}

const stopLong = `Ends what is done about cases. One that waits ends as silenced, and its incidents' next notification decides anew. One that
was refused is not tried again. One in doubt counts as refused. One that was started ends as assumed: its slot is free, and
the money that was reserved counts as spent. The Agent itself is not told: stop the investigation there. Name it by the
case's id, or by the id of a delivery or an event that led to it.` + handPermissions

func stopCommand() *cobra.Command {
	return handCommand(&cobra.Command{
		Use:     "stop ID…",
		Short:   "End what is done about a case",
		Long:    stopLong,
		Example: "  alertbridge stop ab-k5w2q7n3xj4mzyta --reason known-fault",
		Args:    someIDs(`name a case, or the delivery or event of an alert in it; "alertbridge cases list" shows the cases`),
	}, operate.Stop)
}

// handCommand completes a command that does something about cases.
func handCommand(cmd *cobra.Command, do string) *cobra.Command {
	var (
		from origin
		sign signature
	)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return order(cmd, cmd.OutOrStdout(), &from, sign, operate.Order{Do: do, IDs: args})
	}
	from.handFlags(cmd.Flags())
	sign.flags(cmd)
	return cmd
}

// someIDs wants at least one argument.
func someIDs(words string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("%s", words)
		}
		return nil
	}
}

// signature is who orders something, and why.
type signature struct{ by, reason string }

func (s *signature) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.by, "by", "", "who orders it (default: user@host of this computer)")
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, for everybody who wonders later; needed")
}

func forFlag(cmd *cobra.Command, until *time.Duration) {
	cmd.Flags().Var((*days)(until), "for", "for how long, at least 1m, such as 90m, 2h or 3d (default: until it is taken back)")
}

// days is a time as policies and scenarios write one.
type days time.Duration

func (d *days) String() string {
	if *d == 0 { // which is no time at all, and no default
		return ""
	}
	return time.Duration(*d).String()
}

func (d *days) Type() string { return "duration" }

func (d *days) Set(s string) error {
	v, err := scenario.ParseDuration(s)
	if err != nil {
		v, err = time.ParseDuration(s) // what is 0 or below is told where it is used
	}
	if err != nil {
		return fmt.Errorf("%q is no time such as 90m, 2h or 3d", s)
	}
	*d = days(v)
	return nil
}

// shortest is for how long an order counts at least: the tick that is to heed it comes once a minute.
const shortest = time.Minute

// order gives an order, and says what it did, and on standard error what it did not.
func order(cmd *cobra.Command, say io.Writer, from *origin, sign signature, o operate.Order) error {
	if o.Do != operate.Expire && strings.TrimSpace(sign.reason) == "" {
		return usage("say why with --reason, for whoever wonders at night what was set by hand")
	}
	if f := cmd.Flags().Lookup("for"); f != nil && f.Changed {
		switch {
		case o.For <= 0: // 0 would be for ever
			return usage("--for is %s and must be above 0", o.For)
		case o.For < shortest:
			return usage("--for is %s and must be at least 1m, or it would be over when it is told of", o.For)
		}
	}
	o.By, o.Reason = cmp.Or(sign.by, here()), sign.reason
	to, err := from.open(cmd.Context())
	if err != nil {
		return err
	}
	done, err := to.do(cmd.Context(), o)
	for _, words := range done.Said {
		fmt.Fprintln(say, words)
	}
	for _, words := range done.Refused {
		fmt.Fprintf(cmd.ErrOrStderr(), "alertbridge: %s\n", words)
	}
	switch {
	case err != nil:
		return err
	case len(done.Refused) > 0:
		return errSaid
	case done.Signed && sign.by == "" && slices.Contains([]string{operate.Start, operate.Retry, operate.Stop}, o.Do): // the others say it
		fmt.Fprintf(say, "On record as ordered by %s; --by names somebody else.\n", o.By)
	}
	return nil
}

// here is who calls the command, as far as this computer knows.
func here() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return cmp.Or(name, "?") + "@" + host
}

func showStatus(cmd *cobra.Command, from *origin, output string, write func(io.Writer, operate.Status) error) error {
	source, err := from.open(cmd.Context())
	if err != nil {
		return err
	}
	s, err := source.status(cmd.Context())
	if err != nil {
		return err
	}
	return printData(cmd.OutOrStdout(), output, s, func(w io.Writer) error { return write(w, s) })
}

func joined[T ~string](list []T) string {
	var all []string
	for _, x := range list {
		all = append(all, string(x))
	}
	return strings.Join(all, ", ")
}

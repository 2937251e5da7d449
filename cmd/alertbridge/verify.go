package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/verify"
	"github.com/alertbridge/alertbridge/shared/gate"
)

const verifyLong = `Tells whether a bridge that was set up works, a step at a time: a line with a tick, a cross, or a dash for what was not
checked, how long it took, what was seen, and below what to do. A local run ("alertbridge run") is looked at as it stands;
for a deployed bridge name its front door, its table and, for the webhook, the Agent's secret.

None of this costs anything:

  front door  a marked test notification is taken. No wrong token is ever tried: an alarm stands on those
  verdict     the bridge has decided about the test, within a minute: drop, test
  tick        nothing that the scheduler should have done is left undone
  webhook     each Agent refuses an event that is invalid on purpose, in the way that AWS documents: the key is right
  API         the Agent's API answers, where --space names the agent space; with what is used of the month's hours

Where the policy lets test notifications start, no test is sent, for it would be paid for. The policy is read from
--policy, so let that be the one that is deployed.

--start then opens one real investigation. It asks first, or wants --yes: it costs what the policy reckons. The alert is a
P1 that says in its title that it is a verification and that there is no fault; the policy routes it by the tags that
--tags names. It is followed until the Agent's own event or API shows the investigation, for eleven minutes at most, and is
then taken back by a recovery; the investigation goes on to its end, which --wait waits for. Nothing is started when a step
before has failed.

The webhook is called from this computer, with the bridge's own secret, of which nothing is printed. With --table the
credentials, region and profile are those that the AWS CLI would use. They need dynamodb:BatchGetItem and dynamodb:Query
on the table and its index, with --agent-secret secretsmanager:GetSecretValue, and with --space aidevops:GetAccountUsage
and aidevops:ListBacklogTasks. What the functions themselves may do is not seen by this.

Exit status: 0 when nothing has failed, 1 when something has, 2 when it was not called as it must be.`

const verifyExample = `  alertbridge verify
  alertbridge verify --start --yes --wait 2m
  alertbridge verify -o json | jq -r '.steps[] | select(.result == "failed") | .mend'
  alertbridge verify --url https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/datadog --table LEDGER`

// verification is what the flags say.
type verification struct {
	from                         origin
	token, secret, prefix        string
	host, spaces, policy, output string
	tags                         []string
	start, yes                   bool
	wait                         time.Duration
}

func (v *verification) flags(f *pflag.FlagSet) {
	v.from.handFlags(f)
	f.Lookup("url").Usage = "the front door of a bridge, deployed or local"
	f.Lookup("table").Usage = "the table of a deployed bridge, whose front door --url names"
	f.Lookup("agent").Usage = "the Agents that are looked at, with commas between, with --table"
	f.StringVar(&v.token, "token", "", "the bridge's ingest token (default $"+tokenVariable+", else that of a local run)")
	f.StringVar(&v.secret, "agent-secret", "", "the secret of the Agent \"default\", name or ARN, with --table")
	f.StringVar(&v.prefix, "agent-secrets-prefix", "", "with the name of any other Agent behind it, the name of that one's secret")
	f.StringVar(&v.host, "agent-host", "", "the host of the webhooks (default: event-ai.REGION.api.aws)")
	f.StringVar(&v.spaces, "space", "", "the agent spaces that are followed, ID or NAME=ID with commas between, with --table")
	f.StringVar(&v.policy, "policy", "", "the policy that is deployed, with --table (default: policy.yaml of this folder; where there is none, the defaults)")
	f.StringSliceVar(&v.tags, "tags", []string{"env:prod"}, "tags of what is sent, with commas between, by which the policy starts")
	f.BoolVar(&v.start, "start", false, "open one real investigation, which is paid for, and follow it")
	f.BoolVar(&v.yes, "yes", false, "with --start: do not ask")
	f.DurationVar(&v.wait, "wait", 0, "with --start: for how long to wait for the end, such as 20m")
}

func verifyCommand() *cobra.Command {
	v := &verification{}
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "Tell whether a bridge works that was set up",
		Long:    verifyLong,
		Example: verifyExample,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return v.run(cmd) },
	}
	v.flags(cmd.Flags())
	outputFlag(cmd, &v.output)
	return cmd
}

func (v *verification) run(cmd *cobra.Command) error {
	if err := v.check(cmd.Flags()); err != nil {
		return err
	}
	o, err := v.options(cmd)
	if err != nil {
		return err
	}
	if v.start {
		if err := v.ask(cmd, o.price); err != nil {
			return err
		}
	}
	o.Say = func(verify.Step) {}
	if v.output == "text" {
		o.Say = func(s verify.Step) { verify.Write(cmd.OutOrStdout(), s) }
	}
	report, err := verify.Run(cmd.Context(), o.Options)
	if err != nil {
		return fmt.Errorf("it was told to end before all was looked at: %w", err)
	}
	if err := printData(cmd.OutOrStdout(), v.output, report, func(w io.Writer) error { verify.WriteEnd(w, report); return nil }); err != nil {
		return err
	}
	if !report.OK {
		return errSaid
	}
	return nil
}

// check finds what does not go together, before anything is asked or sent.
func (v *verification) check(f *pflag.FlagSet) error {
	if v.token == "" {
		v.token = os.Getenv(tokenVariable)
	}
	if err := checkOutput(v.output); err != nil {
		return err
	}
	given := func(name string) bool { return f.Changed(name) }
	switch {
	case v.yes && !v.start:
		return usage("--yes goes with --start")
	case given("wait") && !v.start:
		return usage("--wait goes with --start")
	case v.wait < 0:
		return usage("--wait is %s and must be above 0", v.wait)
	case v.from.table != "" && !given("url"):
		return usage("--table names a deployed bridge; name its front door with --url, the stack's output WebhookUrl")
	case v.from.table != "" && v.token == "":
		return usage("a deployed bridge wants its token: put it into $%s; the stack's output ShowIngestToken prints it", tokenVariable)
	}
	for _, name := range []string{"region", "profile", "agent", "agent-secret", "agent-secrets-prefix", "agent-host", "space", "policy"} {
		if v.from.table == "" && given(name) {
			return usage("--%s goes with --table; a local run knows its own", name)
		}
	}
	return nil
}

// ask asks whether an investigation shall be paid for. Without somebody who can be asked, the answer is no.
func (v *verification) ask(cmd *cobra.Command, price string) error {
	if v.yes {
		return nil
	}
	in, ok := cmd.InOrStdin().(input)
	if !ok || !terminal(in.Reader) {
		return usage("--start opens an investigation (%s), and there is no terminal to ask on; say --yes if you want it", price)
	}
	return agreed(cmd.Context(), in, cmd.ErrOrStderr(), price)
}

// terminal tells whether somebody can answer.
func terminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// agreed asks, and returns nil for yes alone.
func agreed(ctx context.Context, in io.Reader, out io.Writer, price string) error {
	fmt.Fprintf(out, "This opens one real investigation: %s. Open it? [y/N] ", price)
	line, err := bufio.NewReader(in).ReadString('\n')
	if ctx.Err() != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	if err != nil {
		fmt.Fprintln(out) // nobody has ended the line
	}
	return errors.New("nothing was sent and nothing was started")
}

// priceOf says what an investigation is reckoned to cost.
func priceOf(r gate.Rules, policy string) string {
	text := "about " + r.Budget.Case.String()
	if r.Budget.Second > 0 {
		text += " (" + (r.Budget.Second * 60).String() + " a minute)"
	}
	return fmt.Sprintf("at the Agent %q, for %s by %s", r.Agent, text, policy)
}

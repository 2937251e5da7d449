package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/shared/answer/pagerduty"
	"github.com/alertbridge/alertbridge/shared/policy"
)

const policyLong = `The policy says what each alert is worth. It is a file, policy.yaml, that is reviewed like code; docs/policy.md explains
its keys and has recipes. These commands read it as the functions do, and need neither a bridge nor AWS.`

const checkLong = `Reads a policy, ./policy.yaml unless you name another file, and says everything that is wrong with it, each with file, line
and column: keys that there are not, values that cannot be, routes that no alert comes to. If nothing is, it says in a few
lines what the policy does: its routes, what each Agent may spend, and what is allowed but probably not meant.

With --pager-keys it also reads the file from which you make PagerDuty's secret (docs/configuration.md, 2.4), and says which
of the routes in it the policy does not have, by their numbers. No word of that file is printed.

Exit status: 0 when the policy, and the file of keys, can be used, also with warnings; 1 when not.`

func policyCommand() *cobra.Command {
	cmd := groupCommand(cobra.Command{
		Use:     "policy",
		Short:   "Check a policy, and show what it says about an alert",
		Long:    policyLong,
		Example: "  alertbridge policy check\n  alertbridge policy show alert.json",
	})
	cmd.AddCommand(policyCheckCommand(), policyShowCommand())
	return cmd
}

func policyCheckCommand() *cobra.Command {
	keys := ""
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say what is wrong with a policy, or what it does",
		Long:  checkLong,
		Example: "  alertbridge policy check\n  alertbridge policy check teams/policy.yaml\n" +
			"  alertbridge policy check --pager-keys pagerduty-key.json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("it takes one file, and got %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			file := policyFile
			if len(args) > 0 {
				file = args[0]
			}
			p, err := loadPolicy(cmd.ErrOrStderr(), file)
			if err != nil {
				return err
			}
			s := p.Summary()
			unmeant, err := unmeantKeys(keys, s)
			if err != nil {
				return err
			}
			return writeSummary(cmd.OutOrStdout(), file, p.Version(), s, unmeant)
		},
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().StringVar(&keys, "pager-keys", "", "the file of PagerDuty's secret, to be compared with the policy's routes")
	return cmd
}

// maxKeysFile is more than Secrets Manager takes of a secret.
const maxKeysFile = 64 << 10

// unmeantKeys says what is allowed in the file of PagerDuty's secret, and probably not meant.
func unmeantKeys(file string, s policy.Summary) (lines []string, err error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the keys cannot be read: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeysFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the keys cannot be read: %w", err)
	case len(text) > maxKeysFile:
		return nil, fmt.Errorf("%s has more than %d bytes, which no secret can have", file, maxKeysFile)
	}
	var routes []string
	for _, r := range s.Routes {
		routes = append(routes, r.Name)
	}
	strangers, wrong := pagerduty.CheckSecret(string(text), routes)
	if wrong != "" {
		return nil, fmt.Errorf("%s cannot be PagerDuty's secret: %s (docs/configuration.md, 2.4)", file, wrong)
	}
	for _, n := range strangers {
		lines = append(lines, fmt.Sprintf("%s: number %s of routes is none of the policy, so its key is never used: what is meant pages by routing_key", file, n))
	}
	return lines, nil
}

// writeSummary says what a policy does, and what is probably not meant.
func writeSummary(w io.Writer, file, version string, s policy.Summary, unmeant []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s can be used. Its version is %s.\n\nRoutes:", file, version)
	if len(s.Routes) == 0 {
		b.WriteString(" none, the root speaks for all alerts\n")
	} else {
		b.WriteString(" the first that an alert meets counts, else the root\n")
	}
	for i, r := range s.Routes {
		fmt.Fprintf(&b, "  %d  line %d  %s  %s → %s\n", i+1, r.Line, r.Name, r.Match, orText(strings.Join(r.Says, ", "), "as the root"))
	}
	b.WriteString("\nAgents:\n")
	for _, a := range s.Agents {
		fmt.Fprintf(&b, "  %s\n", agentLine(a))
	}
	if len(s.Warnings)+len(unmeant) > 0 {
		b.WriteString("\nProbably not meant:\n")
	}
	for _, p := range s.Warnings {
		fmt.Fprintf(&b, "  %s:%d:%d: %s\n", file, p.Line, p.Column, p.Text)
	}
	for _, line := range unmeant {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func agentLine(a policy.AgentSummary) string {
	money := "as much as it likes, at " + a.Budget.Case.String() + " an investigation"
	if a.Budget.Month > 0 {
		money = fmt.Sprintf("%s a month, which is %s of %s; up to %d can be saved up",
			a.Budget.Month, counted(a.Investigations, "investigation"), a.Budget.Case, a.Budget.Bucket)
	}
	slots := counted(a.Slots, "slot")
	if a.CriticalSlots > 0 {
		slots += fmt.Sprintf(", %d for critical cases only", a.CriticalSlots)
	}
	return fmt.Sprintf("%s: %s; %s; critical cases go beyond it, at most %d a day", a.Name, money, slots, a.Budget.CriticalPerDay)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

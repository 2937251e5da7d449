package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/archive"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/shared/gate"
	"github.com/alertbridge/alertbridge/shared/policy"
)

const playLong = `Plays alerts through the whole bridge, the handlers that run in AWS Lambda, in virtual time and with a stand-in for the
Agent, and prints what came of them: verdicts with their reasons, starts, what became of those that the Agent did not
simply take, money. A month takes seconds, and nothing is sent anywhere. What a file is, is seen by its content:

  a scenario    YAML: alerts at times, what the Agent and people do meanwhile, what goes wrong, and what is expected
                (docs/play.md). Each is played in a bridge of its own. "alertbridge simulate" writes such ones, too.
  deliveries    JSON texts, mostly a line each: bodies of Datadog's webhook, captures with headers and body_text, events
                of the HTTP API as in events/http. Each comes at its own time.
  an archive    what "alertbridge archive" makes of a deployed bridge's own log.

All deliveries and archives of one call are one history, played in one bridge. - is standard input.

The policy is that of --policy; without it the one that a scenario names or holds, else policy.yaml of this folder, and
where there is none, the defaults. The first line says which it was.
--against plays everything once more under another policy and compares: starts, dollars, how long each priority waits,
and the incidents that outlived their hold and that the Agent is told of under one of them only.

Exit status: 0 all was played, and with --expect all came as the scenarios expect; 1 something came otherwise, or a file
could not be played; 2 the command line was wrong.`

const playExample = `  alertbridge play docs/scenarios/flapping.yaml
  alertbridge play docs/scenarios/*.yaml --expect
  alertbridge play archive.jsonl --policy policy.yaml --against cheaper.yaml
  alertbridge play archive.jsonl --json | jq .dollars`

// playOptions are the flags of play.
type playOptions struct {
	policy, against, picture string
	expect, json             bool
}

func playCommand() *cobra.Command {
	var o playOptions
	cmd := &cobra.Command{
		Use:     "play FILE...",
		Short:   "Play alerts under a policy, and see what they cost",
		Long:    playLong,
		Example: playExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name a scenario, deliveries, an archive, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p := player{playOptions: o, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
			p.terminal = colorful(p.errs, os.Getenv)
			return p.run(cmd.Context(), args, cmd.InOrStdin())
		},
	}
	cmd.Flags().StringVar(&o.policy, "policy", "", "the policy to play under (default: the scenario's, else policy.yaml of this folder; where there is none, the defaults)")
	cmd.Flags().StringVar(&o.against, "against", "", "another policy, to compare with")
	cmd.Flags().StringVar(&o.picture, "picture", "", "also draw what came of it into this file (SVG)")
	cmd.Flags().BoolVar(&o.expect, "expect", false, "compare with what the scenarios expect")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON for programs")
	return cmd
}

// player is one call of play.
type player struct {
	playOptions
	out, errs io.Writer
	terminal  bool // errs is one, so that progress can be shown

	own, folder *atHand        // of --policy, or of this folder when a World needs it
	other       *policy.Policy // of --against
}

func (p *player) run(ctx context.Context, args []string, in io.Reader) error {
	if err := p.policies(); err != nil {
		return err
	}
	worlds, err := p.worlds(ctx, args, in)
	if err != nil {
		return err
	}
	if p.picture != "" && len(worlds) > 1 {
		return usage("--picture draws one scenario, or the deliveries and archives of one history, and there are %d", len(worlds))
	}
	var results, others []*playback.Result
	var under []atHand
	var differences [][]string
	wrong := 0
	for _, w := range worlds {
		own, err := p.policyOf(w)
		if err != nil {
			return err
		}
		r, err := p.play(ctx, w, own.Policy)
		if err != nil {
			return err
		}
		r.PolicyFile = own.file
		results, under = append(results, r), append(under, own)
		if p.other != nil {
			if r, err = p.play(ctx, w, p.other); err != nil {
				return err
			}
			others = append(others, r)
		}
		var diffs []string
		if p.expect {
			if !playback.Expects(w) {
				diffs = []string{w.Name + ": nothing is expected in it"}
			} else {
				diffs = playback.Expect(results[len(results)-1])
			}
		}
		differences = append(differences, diffs)
		wrong += len(diffs)
	}
	if p.picture != "" {
		if err := os.WriteFile(p.picture, playback.Picture(results[0]), 0o644); err != nil {
			return err
		}
	}
	if err := p.print(results, under, others, differences); err != nil {
		return err
	}
	if wrong > 0 {
		return errSaid
	}
	return nil
}

// policies reads those that the flags name. Both may be called policy.yaml, in their folders.
func (p *player) policies() error {
	if p.policy != "" {
		own, err := policy.Load(p.policy)
		if err != nil {
			return fmt.Errorf("--policy: %w", err)
		}
		p.own = &atHand{own, p.policy}
	}
	if p.against != "" {
		other, err := policy.Load(p.against)
		if err != nil {
			return fmt.Errorf("--against: %w", err)
		}
		p.other = other
	}
	return nil
}

// policyOf is the policy that a World is played under.
func (p *player) policyOf(w *playback.World) (atHand, error) {
	if p.own != nil {
		return *p.own, nil
	}
	if own, err := policyOfScenario(w.Scenario); own.Policy != nil || err != nil {
		return own, err
	}
	if p.folder == nil { // it is read only where it counts: a mistake in it is none of a scenario's that has its own
		own, err := policyOf(p.errs, "")
		if err != nil {
			return atHand{}, err
		}
		p.folder = &own
	}
	return *p.folder, nil
}

// policyOfScenario is the policy that a scenario names or holds, none if it does neither; nil is no scenario.
func policyOfScenario(s *scenario.Scenario) (atHand, error) {
	switch {
	case s != nil && s.Policy.Path != "":
		path := s.Policy.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(s.Name), path)
		}
		named, err := policy.Load(path)
		if err != nil {
			return atHand{}, fmt.Errorf("%s: %w", s.Name, err)
		}
		return atHand{named, path}, nil
	case s != nil && s.Policy.Text != nil:
		held, err := policy.Parse(s.Name, s.Policy.Text)
		return atHand{held, s.Name}, err
	}
	return atHand{}, nil
}

// worlds reads the files.
func (p *player) worlds(ctx context.Context, args []string, in io.Reader) ([]*playback.World, error) {
	var list []*playback.World
	var captured playback.Captured
	some := false
	for _, arg := range args {
		text, err := readUntil(ctx, arg, in)
		if err != nil {
			return nil, err
		}
		var told archive.Told
		switch playback.KindOf(text) {
		case playback.IsScenario:
			s, err := scenario.Parse(arg, text)
			if err != nil {
				return nil, err
			}
			list = append(list, playback.OfScenario(s))
			continue
		case playback.IsLog:
			return nil, fmt.Errorf("%s cannot be played: it is a log; alertbridge archive makes an archive of it, which can be", arg)
		case playback.IsArchive:
			told, err = captured.AddArchive(arg, text)
		default:
			told, err = captured.AddDeliveries(arg, text)
		}
		if words := told.Skipped(); words != "" {
			fmt.Fprintf(p.errs, "alertbridge: %s: %s\n", arg, words)
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be played: %w", arg, err)
		}
		some = true
	}
	if some {
		w, err := captured.World()
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

// readInput reads a file, or standard input for -, as archive.Unpacked does.
func readInput(arg string, in io.Reader) ([]byte, error) {
	return readUntil(context.Background(), arg, in)
}

// readUntil is readInput until the context ends.
func readUntil(ctx context.Context, arg string, in io.Reader) ([]byte, error) {
	if arg != "-" {
		f, err := openFile(arg)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = input{ctx, f}
	}
	unpacked, err := archive.Unpacked(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", arg, err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, playback.MaxBytes+1))
	switch {
	case err != nil:
		err = fmt.Errorf("%s cannot be read: %w", arg, err)
	case len(text) > playback.MaxBytes:
		err = fmt.Errorf("%s is larger than %d MiB; play it in parts", arg, playback.MaxBytes>>20)
	}
	return text, err
}

// longWork is how many arrivals are played without a word.
const longWork = 2000

func (p *player) play(ctx context.Context, w *playback.World, own gate.Policy) (*playback.Result, error) {
	var watch playback.Watch
	if p.picture != "" {
		watch.Probes = probes
	}
	if !p.terminal || len(w.Arrivals) < longWork {
		return playback.Play(ctx, w, own, watch)
	}
	watch.Progress = func(n int) {
		fmt.Fprintf(p.errs, "\r%s: %d of %d alerts played", w.Name, n, len(w.Arrivals))
	}
	r, err := playback.Play(ctx, w, own, watch)
	fmt.Fprint(p.errs, "\r\x1b[K")
	return r, err
}

// probes is how often a picture asks whether a critical alert would start: once an hour in 30 days.
const probes = 720

func (p *player) print(results []*playback.Result, under []atHand, others []*playback.Result, differences [][]string) error {
	var c playback.Comparison
	if p.other != nil {
		c = playback.Compare(results, others)
	}
	if p.json {
		rep := playback.NewReport(results, differences)
		if p.other != nil {
			rep.Against = c.Report()
		}
		enc := json.NewEncoder(p.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(rep)
	}
	for i, r := range results {
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		if i == 0 || under[i].called() != under[i-1].called() {
			fmt.Fprintf(p.out, "Played under %s.\n\n", under[i].called())
		}
		if err := playback.WriteText(p.out, r); err != nil {
			return err
		}
		if !p.expect {
			continue
		}
		for _, d := range differences[i] {
			fmt.Fprintf(p.out, "  otherwise than expected: %s\n", d)
		}
		if len(differences[i]) == 0 {
			fmt.Fprintln(p.out, "  all came as expected")
		}
	}
	if p.other == nil {
		return nil
	}
	fmt.Fprintln(p.out)
	return c.WriteText(p.out, [2]string{orWord(p.policy, "the policy"), p.against})
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

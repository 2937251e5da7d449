package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/playback"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/scenario"
	"github.com/alertbridge/alertbridge/cmd/alertbridge/simulate"
)

const simulateLong = `Makes worlds at random, plays each through the whole bridge in virtual time, and asks of each whether the bridge kept its
promises. A world has monitors that fire, flap and recover, lost and late recoveries, storms, renotifications,
duplicates, what people do by hand meanwhile, and faults: crashes between any two steps, lost answers, conflicts, ticks
that are missing or come twice, clocks that differ, an Agent that is slow, down, shut or talks gibberish.
In many of them the Agents' work is followed: its investigations end in every way there is, its events are lost, late and
repeated, and its API is throttled, denied, slow or down.

What the bridge made of a world is compared with a second telling of the promises, which shares no code with it. Then a
table says what was covered: each reason of a verdict, each edge of the state table, each fault shortly before each edge.

A seed makes the same world every time, so --seed N --histories 1 plays one again. A world in which a promise was broken
is made as small as it can be with the promise still broken, and written into a file of --out: a scenario (docs/play.md)
that tells what comes and what goes wrong, for people. "alertbridge play" shows what happens in it, and --replay asks
again whether the promises are kept. It asks that of every scenario, whoever has written it. Of several broken worlds the
first 3 are written; --seed N --histories 1 --partial writes another one.

Exit status: 0 no promise was broken and nothing is uncovered; 1 otherwise; 2 the command line was wrong.`

const simulateExample = `  alertbridge simulate --histories 10000 --seed 1
  alertbridge simulate --seed 4711 --histories 1 --partial
  alertbridge simulate --replay broken-4711.yaml`

// simulateOptions are the flags of simulate.
type simulateOptions struct {
	histories     int
	seed          uint64
	out, replay   string
	partial, json bool
	first         bool
}

func simulateCommand() *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:     "simulate",
		Short:   "Look for a world in which the bridge breaks a promise",
		Long:    simulateLong,
		Example: simulateExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.histories < 1:
				return usage("--histories is %d and must be at least 1", o.histories)
			case o.seed+uint64(o.histories-1) < o.seed:
				return usage("--seed is %d, and with --histories %d there would be seeds above %d, which is the last", o.seed, o.histories, uint64(math.MaxUint64))
			}
			if o.replay != "" {
				for _, name := range []string{"histories", "seed", "out", "partial", "first", "json"} {
					if cmd.Flags().Changed(name) {
						return usage("--%s does not go with --replay, which plays one scenario and prints what happens in it", name)
					}
				}
				return o.again(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().IntVar(&o.histories, "histories", 10_000, "how many worlds")
	cmd.Flags().Uint64Var(&o.seed, "seed", 1, "of the first world; the next ones have the numbers after it")
	cmd.Flags().StringVar(&o.out, "out", ".", "folder for the scenarios in which a promise was broken, the first 3 of them")
	cmd.Flags().StringVar(&o.replay, "replay", "", "play such a scenario instead, or any other")
	cmd.Flags().BoolVar(&o.partial, "partial", false, "what is not covered is no failure, for a few worlds only")
	cmd.Flags().BoolVar(&o.first, "first", false, "end at the first world in which a promise is broken, and do not make it smaller")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON for programs")
	return cmd
}

// simulated is what --json prints.
type simulated struct {
	Seed         uint64         `json:"seed"`
	Histories    int            `json:"histories"`
	Alerts       int            `json:"alerts"`
	Messages     int            `json:"messages"`
	Events       int            `json:"events"`
	Seconds      float64        `json:"seconds"`
	MedianAlerts int            `json:"median_alerts"`
	MedianFaults int            `json:"median_faults"`
	Broken       []broken       `json:"broken"`
	Uncovered    []string       `json:"uncovered"`
	Reasons      map[string]int `json:"reasons"`
	Edges        map[string]int `json:"edges"`
}

// broken is a world in which a promise was.
type broken struct {
	Seed    uint64 `json:"seed"`
	Promise string `json:"promise"`
	Text    string `json:"text"`
	File    string `json:"file,omitempty"` // the scenario, as small as it could be made
}

func (o simulateOptions) run(ctx context.Context, out, errs io.Writer) error {
	if err := o.canKeep(); err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	rep, err := simulate.Many(ctx, o.seed, o.histories, func(done, broken int) {
		if o.first && broken > 0 {
			end()
		}
		if done%1000 == 0 {
			fmt.Fprintf(errs, "%d of %d worlds, %d broken\n", done, o.histories, broken)
		}
	})
	if err != nil && !(o.first && len(rep.Broken) > 0) {
		return fmt.Errorf("the worlds were not all played: %w", err)
	}
	return o.tell(out, rep)
}

// canKeep tells whether worlds could be written into the folder: before thousands of them are played.
func (o simulateOptions) canKeep() error {
	if o.first { // which writes none
		return nil
	}
	f, err := os.CreateTemp(o.out, ".alertbridge-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return fmt.Errorf("nothing could be written into the folder %s, so nothing was played; make it, or name another one with --out: %w", o.out, err)
	}
	return nil
}

// maxKept bounds the worlds that are written: making one small takes seconds.
const maxKept = 3

// tell keeps the broken worlds and prints what was found, also when one cannot be kept.
func (o simulateOptions) tell(out io.Writer, rep simulate.Report) error {
	s := simulated{
		Seed: o.seed, Histories: rep.Histories, Alerts: rep.Alerts, Messages: rep.Messages, Events: rep.Events, Seconds: rep.Took.Seconds(),
		MedianAlerts: rep.MedianAlerts, MedianFaults: rep.MedianFaults, Broken: []broken{}, Uncovered: rep.Cover.Missing(),
		Reasons: map[string]int{}, Edges: map[string]int{},
	}
	for r, n := range rep.Cover.Reasons {
		s.Reasons[string(r)] = n
	}
	for e, n := range rep.Cover.Edges {
		s.Edges[e.String()] = n
	}
	var unkept error
	for i, r := range rep.Broken {
		b := broken{Seed: r.Seed, Promise: r.Breaches[0].Promise, Text: r.Breaches[0].String()}
		if i < maxKept && !o.first {
			file, err := o.keep(r.Seed)
			if err == nil {
				b.File = file
			} else if unkept == nil {
				unkept = fmt.Errorf("the world of seed %d was not written; --seed %d --histories 1 --partial tries it again: %w", r.Seed, r.Seed, err)
			}
		}
		s.Broken = append(s.Broken, b)
	}
	if err := errors.Join(o.print(out, s, rep), unkept); err != nil {
		return err
	}
	if len(s.Broken) > 0 || len(s.Uncovered) > 0 && !o.partial {
		return errSaid
	}
	return nil
}

// keep writes the world of a seed into a file, as small as it can be made.
func (o simulateOptions) keep(seed uint64) (string, error) {
	w, r, err := simulate.Shrink(simulate.Generate(seed))
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("broken-%d.yaml", seed)
	file := filepath.Join(o.out, name)
	return file, os.WriteFile(file, simulate.Scenario(w, r.Breaches, name), 0o600)
}

func (o simulateOptions) print(out io.Writer, s simulated, rep simulate.Report) error {
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	rep.Cover.Print(out)
	fmt.Fprintln(out)
	for _, b := range s.Broken {
		fmt.Fprintf(out, "seed %d: %s\n", b.Seed, b.Text)
		if b.File != "" {
			fmt.Fprintf(out, "  see it: alertbridge play %s\n  ask again: alertbridge simulate --replay %s\n", b.File, b.File)
		}
	}
	if len(s.Broken) > maxKept && !o.first {
		fmt.Fprintf(out, "the first %d are written; the others: alertbridge simulate --seed N --histories 1 --partial\n", maxKept)
	}
	for _, name := range s.Uncovered {
		fmt.Fprintf(out, "not covered: %s\n", name)
	}
	_, err := fmt.Fprintf(out, "%d worlds from seed %d in %s: %d alerts in %d messages and %d of the Agents' events, %.0f messages of both kinds a second; half of the worlds have %d alerts and %d faults or more; %d broken\n",
		s.Histories, s.Seed, rep.Took.Round(100*time.Millisecond), s.Alerts, s.Messages, s.Events, float64(s.Messages+s.Events)/s.Seconds, s.MedianAlerts,
		s.MedianFaults, len(s.Broken))
	return err
}

// again plays a scenario, and asks of it what is asked of worlds.
func (o simulateOptions) again(in io.Reader, out, errs io.Writer) error {
	text, err := readInput(o.replay, in)
	if err != nil {
		return err
	}
	if kind := playback.KindOf(text); kind != playback.IsScenario {
		return fmt.Errorf("%s cannot be played again: it is no scenario; write one, or let simulate write one", o.replay)
	}
	s, err := scenario.Parse(o.replay, text)
	if err != nil {
		return err
	}
	under, err := policyOfScenario(s)
	if under.Policy == nil && err == nil {
		under, err = policyOf(errs, "")
	}
	if err != nil {
		return err
	}
	w, err := simulate.FromScenario(s, under.Policy)
	if err != nil {
		return err
	}
	r, err := simulate.Replay(w, out)
	if err != nil {
		return err
	}
	if len(r.Breaches) > 0 {
		return errSaid
	}
	return nil
}

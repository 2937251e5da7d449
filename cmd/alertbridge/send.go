package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/alertbridge/alertbridge/cmd/alertbridge/local"
	"github.com/alertbridge/alertbridge/events"
)

const sendLong = `Sends deliveries to a bridge as Datadog would: to a local one ("alertbridge run"), or with --url and a token to a
deployed one. Each argument is a file, a folder (every .json file in it, not those in folders below), or - for standard
input. A file may be

  - the body of a delivery, sent byte for byte, whatever it is;
  - a capture {"headers": …, "body_text": …}: the body is sent byte for byte, with the capture's headers except those
    that belong to its connection and the token, which is ours;
  - an event of the HTTP API, as in events/http: method, headers and body are sent as they are, its token too, unless
    you name one.

Files are sent one after the other. For each there is one line: the file, the status, the verdict with its reason (a
local run says it, and is waited for; a deployed bridge decides later, and its verdict is a "-"), and the delivery's
id, or what was wrong.

An alert that is older than six hours starts nothing, so a kept delivery is answered by a verdict, but rarely by a start.
--fresh moves the times in it to now. Its id stays: the same file sent twice is one delivery, and joins itself. At a
deployed bridge a fresh alert can start an investigation that is paid for.

Exit status: 0 when the bridge accepted every delivery, 1 when it did not accept one or could not be reached.`

const sendExample = `  alertbridge send alert.json
  alertbridge send --fresh events/http/triggered-p1.json
  alertbridge send captures/
  pbpaste | alertbridge send -
  ALERTBRIDGE_TOKEN=… alertbridge send --url https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/datadog alert.json`

// tokenVariable holds the token, so that it need not stand in the command line, which others can see.
const tokenVariable = "ALERTBRIDGE_TOKEN"

func sendCommand() *cobra.Command {
	var (
		address, token string
		fresh          bool
	)
	cmd := &cobra.Command{
		Use:     "send FILE|FOLDER|-...",
		Short:   "Send deliveries to a bridge",
		Long:    sendLong,
		Example: sendExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name a file, a folder, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if token == "" {
				token = os.Getenv(tokenVariable)
			}
			s, err := newSender(address, token)
			if err != nil {
				return err
			}
			return sendAll(cmd.Context(), s, gather(args, cmd.InOrStdin(), fresh), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&address, "url", "http://"+local.DefaultListen+local.Path, "where the bridge takes deliveries")
	cmd.Flags().StringVar(&token, "token", "", "the bridge's ingest token (default $"+tokenVariable+", else that of a local run)")
	cmd.Flags().BoolVar(&fresh, "fresh", false, "move the times in the deliveries to now")
	return cmd
}

// sendAll sends deliveries one after the other and prints a line for each.
func sendAll(ctx context.Context, s *sender, list []parcel, out io.Writer) error {
	width := 0
	for _, p := range list {
		width = max(width, len([]rune(p.name)))
	}
	failed := 0
	for _, p := range list {
		r := result{words: fmt.Sprint(p.err)}
		if p.err == nil {
			r = s.send(ctx, p)
		}
		if !r.accepted() {
			failed++
		}
		if ctx.Err() != nil {
			return fmt.Errorf("it was told to end before all was sent: %w", ctx.Err())
		}
		fmt.Fprintf(out, "%-*s  %s\n", width, p.name, r)
	}
	if failed > 0 {
		return errSaid
	}
	return nil
}

// defaultToken is what a local run accepts.
const defaultToken = events.Token

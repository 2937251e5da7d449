package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// outputFlag is the flag -o of every command that prints data.
func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "text", "text for people, json for programs")
}

// checkOutput is for a command that does something before it prints.
func checkOutput(output string) error {
	if output != "text" && output != "json" {
		return usage("--output is %q and must be text or json", output)
	}
	return nil
}

// printData prints data as the flag says.
func printData(w io.Writer, output string, data any, text func(io.Writer) error) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	if output == "text" {
		return text(w)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(data)
}

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

// printData prints data as the flag says.
func printData(w io.Writer, output string, data any, text func(io.Writer) error) error {
	switch output {
	case "text":
		return text(w)
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(data)
	}
	return usage("--output is %q and must be text or json", output)
}

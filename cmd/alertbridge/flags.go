package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// noneEmpty refuses an option that was given without a value: a variable of the shell that is not set would otherwise
// make of another bridge's table the local run, and of another policy the one of this folder.
func noneEmpty(f *pflag.FlagSet) error {
	var err error
	f.Visit(func(f *pflag.Flag) {
		v := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			v = strings.Join(list.GetSlice(), "")
		}
		if _, ok := f.Value.(*days); ok { // of which no time at all is the empty text
			return
		}
		if err == nil && v == "" {
			err = usage("--%s is given and empty, as with a variable of the shell that is not set; give it a value, or leave it out", f.Name)
		}
	})
	return err
}

// wanted says what an option takes, by its type.
var wanted = map[string]string{
	"int":      "a whole number",
	"uint64":   "a whole number that is not below 0",
	"duration": "a time such as 90s, 20m or 1h30m",
	"bool":     "true or false",
}

// wrongValue is the error for a command line with options that there are not, or values that they do not take.
func wrongValue(err error) error {
	invalid := (*pflag.InvalidValueError)(nil)
	if !errors.As(err, &invalid) {
		return &usageError{err}
	}
	f := invalid.GetFlag()
	_, own := f.Value.(*days) // which says it itself
	want, known := wanted[f.Value.Type()]
	switch {
	case own || !known:
		return usage("--%s: %w", f.Name, errors.Unwrap(invalid))
	case errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(invalid.GetValue(), "-"):
		return usage("--%s is %.40s, which is larger than it can be", f.Name, invalid.GetValue())
	}
	return usage("--%s is %.40q and must be %s", f.Name, invalid.GetValue(), want)
}

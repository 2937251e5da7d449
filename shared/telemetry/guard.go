package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"

	"github.com/alertbridge/alertbridge/shared/redact"
)

// Wrap guards a handler as Start does, for those who run it without Lambda. A panic becomes a *PanicError and one log
// record with the stack. An error that leaves the handler is one line of bounded length, and is marked on the
// invocation's span.
func Wrap[In, Out any](cfg Config, h func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	log := Logger(cfg)
	return func(ctx context.Context, in In) (out Out, err error) {
		ctx = enter(ctx)
		defer func() {
			if v := recover(); v != nil {
				p := caught(v)
				// Logged and returned: the answer of an invocation has no room for a stack.
				log.ErrorContext(ctx, "the handler panicked", "panic", p.Value, "stack", p.Stack)
				err = p
			}
			if err != nil {
				Fail(ctx, err)
				err = inOneLine(err)
			}
		}()
		return h(ctx, in)
	}
}

// Catch runs f and returns its error, a *PanicError when it panics. It is for one piece of work of several: its span and
// its record are still to be ended, and the others to be done. Whoever records the error does so with ErrorAttrs.
func Catch(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		}
	}()
	return f()
}

func caught(v any) *PanicError { return &PanicError{Value: oneLine(fmt.Sprint(v)), Stack: stack(2)} }

// PanicError is the error of an invocation, or of one piece of its work, that panicked.
//
// The wrapper of Datadog loses an invocation that panics: neither its spans nor its end reach the extension. And Lambda
// throws the environment away. As an error it is seen by both.
type PanicError struct {
	Value string // what was panicked with, in one line
	Stack string // where, the innermost call first
}

// Error says what happened; the stack is in the log.
func (p *PanicError) Error() string { return "the handler panicked: " + p.Value }

// ErrorAttrs is what a log record says of an error that ends its work: what went wrong and, if something in it panicked,
// where.
func ErrorAttrs(err error) []slog.Attr {
	attrs := []slog.Attr{slog.String("error", err.Error())}
	if p, ok := errors.AsType[*PanicError](err); ok {
		attrs = append(attrs, slog.String("stack", p.Stack))
	}
	return attrs
}

// maxError bounds an error's text in spans and answers, in bytes. The wrapper sends it in an HTTP header.
const maxError = 1000

// lineError is an error whose text would not pass through an HTTP header as it is. The wrapper would then not report
// the end of the invocation at all.
type lineError struct {
	text  string
	cause error
}

func (e *lineError) Error() string { return e.text }
func (e *lineError) Unwrap() error { return e.cause }

// inOneLine returns err itself when its text is a bounded line already.
func inOneLine(err error) error {
	text := err.Error()
	if line := oneLine(text); line != text {
		return &lineError{line, err}
	}
	return err
}

// oneLine makes white space and control characters single blanks, hides secrets, and cuts to maxError bytes.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return r <= ' ' || r == 0x7f
	}), " ")
	s = hide(s)
	if len(s) > maxError {
		s = strings.TrimRight(strings.ToValidUTF8(s[:maxError], ""), " ") // the cut may have split a character
	}
	return s
}

// hide takes secrets and personal data out of a text. Alerts have lost theirs before the queue; this is for what other
// programs say, and quote, in an error or a panic. There is no key here, so there are no pseudonyms.
func hide(s string) string { return redact.New("").Text(s) }

// stack is the calls that led here in Datadog's form, at most 32, the innermost first and without the innermost skip.
func stack(skip int) string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(skip+2, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Function + "\n\t" + f.File + ":" + strconv.Itoa(f.Line))
		if !more {
			return b.String()
		}
	}
}

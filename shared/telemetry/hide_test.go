package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// What other programs say in an error or a panic may quote anything. It leaves by four ways.
func TestSecretsAreHidden(t *testing.T) {
	said := errors.New("denied to ana@example.com by https://ana:hunter2@host/?X-Amz-Security-Token=IQoJb3JpZ2lu")
	for name, h := range map[string]func(context.Context, *slog.Logger) error{
		"error": func(context.Context, *slog.Logger) error { return fmt.Errorf("the table: %w", said) },
		"panic": func(context.Context, *slog.Logger) error { panic(said) },
		"record": func(ctx context.Context, log *slog.Logger) error {
			log.With("before", said.Error()).WithGroup("g").ErrorContext(ctx, "it said: "+said.Error(), "error", said, "words", said.Error(), "list", slog.GroupValue(slog.Any("e", said)), "texts", []string{said.Error()})
			return nil
		},
		"span": func(ctx context.Context, _ *slog.Logger) error {
			_, span := StartSend(ctx, "alerts")
			span.Tag("said", said.Error())
			span.End(said)
			Fail(ctx, said)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			spans, ctx, end := traced(t)
			out := &bytes.Buffer{}
			cfg := Config{Function: "ingest", Out: out}
			_, err := Wrap(cfg, func(ctx context.Context, _ int) (int, error) { return 0, h(ctx, Logger(cfg)) })(ctx, 1)
			end(err)
			all := out.String() + fmt.Sprint(err)
			for _, s := range spans() {
				all += fmt.Sprint(s.Tags())
			}
			for _, never := range []string{"ana@example.com", "hunter2", "IQoJb3JpZ2lu"} {
				if strings.Contains(all, never) {
					t.Errorf("%s is in %s", never, all)
				}
			}
			if !strings.Contains(all, "denied to [email:hidden] by https://ana:[password:hidden]@host/") {
				t.Errorf("the rest is lost: %s", all)
			}
		})
	}
}

package service

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/pflag"
)

// LogFlags is how a process logs, as its flags say.
type LogFlags struct {
	Format string     // text or json
	Level  slog.Level // debug, info, warn or error
}

// Bind adds --log-format and --log-level. What f holds now are the defaults.
func (f *LogFlags) Bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.Format, "log-format", f.Format, "log lines as `text|json`")
	flags.TextVar(&f.Level, "log-level", f.Level, "log from this level on: `debug|info|warn|error`")
}

// Logger logs to w. Every text passes through redact, so that no secret of orderly.yaml gets into a log
// by way of a library's message.
func (f *LogFlags) Logger(w io.Writer, redact func(string) string) (*slog.Logger, error) {
	opts := &slog.HandlerOptions{Level: f.Level, ReplaceAttr: redactAttr(redact)}
	switch f.Format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	default:
		return nil, fmt.Errorf("--log-format %q: has to be text or json", f.Format)
	}
}

func redactAttr(redact func(string) string) func([]string, slog.Attr) slog.Attr {
	return func(_ []string, a slog.Attr) slog.Attr {
		switch v := a.Value; v.Kind() {
		case slog.KindString:
			a.Value = slog.StringValue(redact(v.String()))
		case slog.KindAny:
			if err, ok := v.Any().(error); ok {
				a.Value = slog.StringValue(redact(err.Error()))
			}
		}
		return a
	}
}

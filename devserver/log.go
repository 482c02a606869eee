package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// serverLogger gives slog what the Temporal server logs.
type serverLogger struct{ to *slog.Logger }

var (
	_ log.Logger      = serverLogger{}
	_ log.SLogWrapper = serverLogger{}
)

func (l serverLogger) Debug(msg string, tags ...tag.Tag) { l.log(slog.LevelDebug, msg, tags) }
func (l serverLogger) Info(msg string, tags ...tag.Tag)  { l.log(slog.LevelInfo, msg, tags) }
func (l serverLogger) Warn(msg string, tags ...tag.Tag)  { l.log(slog.LevelWarn, msg, tags) }
func (l serverLogger) Error(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

func (l serverLogger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// Panic and Fatal must not return: the server's code behind them relies on that.
func (l serverLogger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic(msg)
}

func (l serverLogger) Fatal(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	os.Exit(1)
}

// SLog lets the server's own slog users write to the same place.
func (l serverLogger) SLog() *slog.Logger { return l.to }

func (l serverLogger) log(level slog.Level, msg string, tags []tag.Tag) {
	ctx := context.Background()
	if !l.to.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	l.to.LogAttrs(ctx, level, msg, attrs...)
}

// noiseFilter keeps from an operator what the server says without need: while its parts stop one after
// the other each complains that the others are gone, and it misses an HTTP port that nobody here uses.
type noiseFilter struct {
	slog.Handler
	stopping *atomic.Bool
}

func (f noiseFilter) Enabled(ctx context.Context, level slog.Level) bool {
	return !f.stopping.Load() && f.Handler.Enabled(ctx, level)
}

func (f noiseFilter) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "HTTP API port has not been set.") {
		return nil
	}
	return f.Handler.Handle(ctx, r)
}

func (f noiseFilter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return noiseFilter{f.Handler.WithAttrs(attrs), f.stopping}
}

func (f noiseFilter) WithGroup(name string) slog.Handler {
	return noiseFilter{f.Handler.WithGroup(name), f.stopping}
}

package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/console"
	"github.com/orderly-ops/orderly/activities/notify/email"
	"github.com/orderly-ops/orderly/activities/notify/slack"
	"github.com/orderly-ops/orderly/activities/notify/webhook"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/engine"
	"github.com/orderly-ops/orderly/internal/journal"
)

// lastMessages is how long messages under way may go on once everything else has stopped.
const lastMessages = 5 * time.Second

// newHub makes what reaches people, as orderly.yaml says.
func newHub(p Parts, log *journal.Journal) (*notify.Hub, error) {
	transports, err := transports(p.Config.Notify, p.Logger)
	if err != nil {
		return nil, err
	}
	return notify.NewHub(transports, notify.Options{
		Ledger:  engine.Ledger(log),
		Redact:  p.Config.Redact,
		Metrics: p.Metrics,
		Logger:  p.Logger,
	}), nil
}

// closeHub lets messages under way go out.
func closeHub(hub *notify.Hub) error {
	ctx, cancel := context.WithTimeout(context.Background(), lastMessages)
	defer cancel()
	if err := hub.Close(ctx); err != nil {
		return fmt.Errorf("messages to people were cut off; another worker sends them again: %w", err)
	}
	return nil
}

// transports are those that orderly.yaml configures. Without any, pages are printed: better than nothing
// while Orderly is tried out, and nobody is woken by it.
func transports(cfg config.Notify, logger *slog.Logger) ([]notify.Transport, error) {
	var all []notify.Transport
	var errs []error
	add := func(t notify.Transport, err error) {
		all, errs = append(all, t), append(errs, err)
	}
	if cfg.Slack != nil {
		add(slack.New(*cfg.Slack))
	}
	if cfg.Email != nil {
		add(email.New(*cfg.Email))
	}
	if cfg.Webhook != nil {
		add(webhook.New(*cfg.Webhook))
	}
	if cfg.Console != nil || len(all) == 0 {
		add(console.New(os.Stderr), nil)
	}
	if cfg.Slack == nil && cfg.Email == nil && cfg.Webhook == nil && cfg.Console == nil {
		logger.Warn("nobody is reached: orderly.yaml configures no way to tell people, so pages are only printed here; " +
			"set notify.slack, notify.email or notify.webhook")
	}
	return all, errors.Join(errs...)
}

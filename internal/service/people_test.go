package service

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
)

func TestTransports(t *testing.T) {
	t.Parallel()
	names := func(t *testing.T, cfg config.Notify) (names []string, log string) {
		t.Helper()
		var out bytes.Buffer
		all, err := transports(cfg, slog.New(slog.NewTextHandler(&out, nil)))
		require.NoError(t, err)
		for _, one := range all {
			names = append(names, one.Name())
		}
		return names, out.String()
	}
	t.Run("AreThoseOfTheFile", func(t *testing.T) {
		t.Parallel()
		got, log := names(t, config.Notify{
			Slack:   &config.Slack{Token: config.NewSecret("xoxb-1")},
			Email:   &config.Email{Host: "smtp.example.org", Port: 587, From: "orderly@example.org"},
			Webhook: &config.Webhook{Secret: config.NewSecret("hunter2hunter2")},
		})
		require.Equal(t, []string{"slack", "email", "webhook"}, got)
		require.Empty(t, log)
	})
	t.Run("AreTheConsoleWhereNothingIsConfiguredAndTheLogSaysSo", func(t *testing.T) {
		t.Parallel()
		got, log := names(t, config.Notify{})
		require.Equal(t, []string{"console"}, got)
		require.Contains(t, log, "nobody is reached")
		_, log = names(t, config.Notify{Console: &config.Console{}})
		require.Empty(t, log)
	})
	t.Run("ThatCanNotBeMadeAreAllNamed", func(t *testing.T) {
		t.Parallel()
		_, err := transports(config.Notify{Slack: &config.Slack{}, Webhook: &config.Webhook{}}, quiet())
		require.ErrorContains(t, err, "slack")
		require.ErrorContains(t, err, "webhook")
	})
}

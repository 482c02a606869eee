package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatAtTakes(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 28, 22, 30, 15, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-11-21T02:14:00Z": "2026-11-21T02:14:00Z", "2026-11-21T02:14:00+01:00": "2026-11-21T01:14:00Z", "2026-11-21T02:14": "2026-11-21T02:14:00Z",
		"2026-11-21 02:14": "2026-11-21T02:14:00Z", "2026-11-21 02:14:05": "2026-11-21T02:14:05Z", "2026-11-21 02:14:05+02:00": "2026-11-21T00:14:05Z",
		"2026-11-21": "2026-11-21T00:00:00Z", "23:00": "2026-03-28T23:00:00Z", "02:14": "2026-03-29T02:14:00Z", "22:30": "2026-03-29T22:30:00Z", "02:14:30": "2026-03-29T02:14:30Z",
		"12h": "2026-03-29T10:30:15Z", "+90m": "2026-03-29T00:00:15Z", "3d": "2026-03-31T22:30:15Z", "-1d12h": "2026-03-27T10:30:15Z", "0s": "2026-03-28T22:30:15Z",
	} {
		got, ok := momentFrom(text, from)
		require.True(t, ok, text)
		require.Equal(t, want, got.Format(time.RFC3339), text)
	}
	for _, text := range []string{"tomorrow", "25:00", "2026-02-30", "--2h", "-+2h", "+-2h", "2026-11-21 02:14 CET", "1y", "+"} {
		_, ok := momentFrom(text, from)
		require.False(t, ok, text)
	}
}

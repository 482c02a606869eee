package testenv

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// RequirePermanent wants an error of that kind which is not retried.
func RequirePermanent(t testing.TB, err error, kind string) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	require.Equal(t, kind, app.Type())
}

// RequireTransient wants an error which is retried.
func RequireTransient(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	var app *temporal.ApplicationError
	require.False(t, errors.As(err, &app) && app.NonRetryable(), "%v can't be retried", err)
}

// Silent is the host:port of a server that takes connections and never answers.
func Silent(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	KeepSilent(t, l)
	return l.Addr().String()
}

// KeepSilent takes the connections of a listener and answers none of them.
func KeepSilent(t testing.TB, l net.Listener) {
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
}

// Package testenv leads tests to the real servers they need: PostgreSQL, Redis, an S3 server and a Docker
// Engine. Every call gives the test something of its own (a database, a bucket, a container) that goes
// when the test ends, so tests run side by side. The servers themselves are started around `go test` by
// the command in with/; a test that misses one fails and says how to start it.
package testenv

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"
)

// settle bounds what a helper does with a server; a clean-up has as long again.
const settle = time.Minute

// need gives the value of a variable that the command in with/ sets, or ends the test with what to do.
func need(t testing.TB, variable, kind string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("this test meets a real server and %s is not set: run `make test`, or only this kind: go run ./internal/testenv/with -only %s -- go test <packages>", variable, kind)
	}
	return value
}

// unique makes a name that no other test uses: lower-case letters and digits.
func unique(prefix string) string { return prefix + strings.ToLower(rand.Text()[:16]) }

// bounded is a context for one helper's work that does not end with the test, so that clean-ups can use it.
func bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), settle)
}

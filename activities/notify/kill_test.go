package notify_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/engine"
	"github.com/orderly-ops/orderly/internal/journal"
)

// pagerVariable turns this test binary into a program that pages people, with the ledger in the SQLite
// file named by it, until it is killed. It tells on stdout what its transport is given, before it returns.
const pagerVariable = "ORDERLY_TEST_PAGER"

func TestMain(m *testing.M) {
	if path := os.Getenv(pagerVariable); path != "" {
		fmt.Fprintln(os.Stderr, pageForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// told is the transport of that program.
type told struct{ mu sync.Mutex }

func (*told) Name() string                  { return "webhook" }
func (*told) Reaches(notify.Recipient) bool { return true }

func (o *told) Send(_ context.Context, d notify.Delivery) (notify.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := fmt.Println(d.ID)
	return notify.Receipt{Ref: d.ID}, err
}

func pageForEver(path string) error {
	j, err := journal.Open(context.Background(), path)
	if err != nil {
		return err
	}
	hub := notify.NewHub([]notify.Transport{&told{}}, notify.Options{
		Ledger: engine.Ledger(j), Logger: slog.New(slog.DiscardHandler), LedgerTimeout: patient,
	})
	for n := 0; ; n++ {
		for _, outcomes := range hub.Page(context.Background(), everybody, nil, message(n)) {
			if outcomes[0].State != notify.Sent {
				return fmt.Errorf("page %d: %v", n, outcomes)
			}
		}
	}
}

func TestNothingIsSentBlindlyAgainWhenTheProcessWasKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	given := killAmidPages(t, path, 200)

	ledger, m := openLedger(t, path), &medium{name: "webhook"}
	hub := process(t, ledger, m)
	for n := range len(given)/2 + 10 { // as the next process does with what the workflow had not noted
		for _, outcomes := range hub.Page(t.Context(), everybody, nil, message(n)) {
			require.Equal(t, notify.Sent, outcomes[0].State)
		}
	}
	require.NoError(t, hub.Close(t.Context()))
	again := 0
	for _, d := range m.sent() {
		if given[d.ID] {
			require.True(t, d.Again, "%s went out before the kill, and now without looking", d.ID)
			again++
		}
	}
	require.Less(t, again, 10, "what was noted as sent is not even looked for")
}

// killAmidPages runs the program, kills it (SIGKILL) once its transport got so many deliveries, and gives
// those that it got.
func killAmidPages(t *testing.T, path string, least int) map[string]bool {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), pagerVariable+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	given := map[string]bool{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		given[strings.TrimSpace(lines.Text())] = true
		if len(given) == least {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, len(given), least)
	return given
}

package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// writerVariable turns this test binary into a program that writes to the journal named by it until it
// is killed, telling on stdout what it has saved.
const writerVariable = "ORDERLY_TEST_JOURNAL_WRITER"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(writerVariable); dsn != "" {
		fmt.Fprintln(os.Stderr, writeForEver(dsn))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func writeForEver(dsn string) error {
	j, err := Open(context.Background(), dsn)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := j.SaveRun(context.Background(), aRun(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestNothingSavedIsLostWhenTheProgramIsKilled(t *testing.T) {
	t.Parallel()
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := empty(t)
			for range 3 { // again on what the last one left
				saved := killAfter(t, dsn, 50)
				j := open(t, dsn)
				for n := range saved + 1 {
					_, err := j.Run(t.Context(), aRun(n).WorkflowID, aRun(n).RunID)
					require.NoError(t, err)
				}
				if !j.dialect.postgres {
					var verdict string
					require.NoError(t, j.read.QueryRow("PRAGMA integrity_check").Scan(&verdict))
					require.Equal(t, "ok", verdict)
				}
			}
		})
	}
}

// killAfter lets a writer save at least so many runs, kills it (SIGKILL) amid the next and gives the
// last it told of.
func killAfter(t *testing.T, dsn string, least int) int {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), writerVariable+"="+dsn)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	last, killed := -1, false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		last, err = strconv.Atoi(lines.Text())
		require.NoError(t, err)
		if last >= least && !killed {
			require.NoError(t, cmd.Process.Kill())
			killed = true
		}
	}
	require.Error(t, cmd.Wait())
	require.True(t, killed, "the writer ended by itself")
	return last
}

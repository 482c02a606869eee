package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// toolbox gives a folder with a program that says it has a version.
func toolbox(t *testing.T, name, version string) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s (Debian %[2]s-1)'\n", name, version)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700))
	return dir
}

//nolint:paralleltest // it changes PATH
func TestFindToolTakesTheClosestThatIsNewEnough(t *testing.T) {
	t.Setenv("PATH", toolbox(t, "pg_restore", "14.3")+":/usr/bin:/bin")
	d := &database{name: "docs"}
	found, err := d.findTool(t.Context(), "pg_restore", 14)
	require.NoError(t, err)
	require.Equal(t, "14.3", found.version)
	require.Equal(t, 14, found.major)

	found, err = d.findTool(t.Context(), "pg_restore", 15)
	require.NoError(t, err, "Debian's own are tried when the one in PATH is too old")
	require.GreaterOrEqual(t, found.major, 15)
	require.True(t, strings.HasPrefix(found.path, "/usr/lib/postgresql/"), found.path)

	t.Setenv("PATH", toolbox(t, "pg_restore", "99.1")+":/usr/bin:/bin")
	found, err = d.findTool(t.Context(), "pg_restore", 15)
	require.NoError(t, err)
	require.Less(t, found.major, 99, "one as old as the server is better")
	found, err = d.findTool(t.Context(), "pg_restore", 98)
	require.NoError(t, err)
	require.Equal(t, "99.1", found.version)

	d.target = config.Postgres{Tools: toolbox(t, "pg_restore", "16beta1")}
	found, err = d.findTool(t.Context(), "pg_restore", 16)
	require.NoError(t, err)
	require.Equal(t, "16beta1", found.version)
	_, err = d.findTool(t.Context(), "pg_restore", 17)
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "want version 17 or newer: install postgresql-client-17 where the worker runs, or name its folder as targets.postgres.docs.tools")
}

func TestArgumentsOfPgDumpByItsVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		major, jobs     int
		argument, words string
	}{
		"New, streamed": {16, 1, "--compress=zstd:1", "zstd:1 by pg_dump"},
		"New, parallel": {17, 4, "--compress=zstd:1", "zstd:1 by pg_dump"},
		"Old, streamed": {15, 0, "--compress=0", "zstd:1 by orderly"},
		"Old, parallel": {15, 4, "--compress=0", "zstd:1 by orderly"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dump{backup: &backup{in: BackupInput{Jobs: c.jobs}}, program: tool{major: c.major}}
			require.Contains(t, d.args("snap"), c.argument)
			require.Contains(t, d.args("snap"), "--snapshot=snap")
			require.Equal(t, c.words, d.compression())
		})
	}
}

func TestSettingsOfADSN(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]map[string]string{
		"postgres://u:p@h/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem": {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"},
		`host=h password='it\'s = x' sslmode=require sslcert = /a/b`:         {"host": "h", "password": "it's = x", "sslmode": "require", "sslcert": "/a/b"},
		"postgres://h/d": {},
	} {
		require.Equal(t, want, settingsOf(dsn))
	}
	require.Equal(t, "PGSSLMODE", libpqVariable("sslmode"))
	require.Empty(t, libpqVariable("password"), "it comes from the driver, which also knows the password file")
	require.Empty(t, libpqVariable("search_path"))
}

func TestTailKeepsTheEnd(t *testing.T) {
	t.Parallel()
	var said tail
	for range 1000 {
		_, _ = said.Write([]byte("a line of noise\n"))
	}
	_, _ = said.Write([]byte("pg_dump: error: the end\n\xff"))
	require.LessOrEqual(t, len(said.text), maxTail)
	require.True(t, strings.HasSuffix(said.String(), "; pg_dump: error: the end; ?"), said.String())
}

package main

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// open opens the database of a data folder beside the server.
func open(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "temporal.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestPrepareSchema(t *testing.T) {
	t.Parallel()

	t.Run("MakesADatabaseAndLeavesItAloneAfterwards", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, prepareSchema(database(dir)))
		require.NoError(t, prepareSchema(database(dir)))
		var mode string
		require.NoError(t, open(t, dir).QueryRow("PRAGMA journal_mode").Scan(&mode))
		require.Equal(t, "wal", mode)
	})

	t.Run("UpgradesADatabaseOfAnOlderServer", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, prepareSchema(database(dir)))
		db := open(t, dir)
		// As server 1.29 left it: the last two steps take it to today's.
		for _, statement := range []string{
			"DROP TABLE current_chasm_executions", "DROP TABLE tasks_v2", "DROP TABLE task_queues_v2",
			"UPDATE schema_version SET curr_version = '0.9' WHERE db_name = 'temporal'",
		} {
			_, err := db.Exec(statement)
			require.NoError(t, err)
		}
		require.NoError(t, prepareSchema(database(dir)))
		var version string
		require.NoError(t, db.QueryRow("SELECT curr_version FROM schema_version WHERE db_name = 'temporal'").Scan(&version))
		require.Equal(t, "0.11", version)
		for _, table := range []string{"current_chasm_executions", "tasks_v2", "task_queues_v2"} {
			_, err := db.Exec("SELECT 1 FROM " + table)
			require.NoError(t, err)
		}
	})

	t.Run("TakesAStepWholeOrNotAtAll", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, prepareSchema(database(dir)))
		db := open(t, dir)
		// tasks_v2 is there already, so the step that makes it fails half-way.
		for _, statement := range []string{
			"DROP TABLE current_chasm_executions",
			"UPDATE schema_version SET curr_version = '0.9' WHERE db_name = 'temporal'",
		} {
			_, err := db.Exec(statement)
			require.NoError(t, err)
		}
		require.ErrorContains(t, prepareSchema(database(dir)), "upgrade to schema 0.10.0")
		_, err := db.Exec("SELECT 1 FROM current_chasm_executions")
		require.Error(t, err)
	})

	t.Run("RefusesADatabaseOfANewerServer", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, prepareSchema(database(dir)))
		_, err := open(t, dir).Exec("UPDATE schema_version SET curr_version = '1.0' WHERE db_name = 'temporal'")
		require.NoError(t, err)
		require.ErrorContains(t, prepareSchema(database(dir)), "a newer devserver used it")
	})

	t.Run("RefusesADatabaseOfSomethingElse", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		_, err := open(t, dir).Exec("CREATE TABLE executions (id INT)")
		require.NoError(t, err)
		require.ErrorContains(t, prepareSchema(database(dir)), "not made by this devserver")
	})
}

func TestLockDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := lockDir(dir)
	require.NoError(t, err)
	_, err = lockDir(dir)
	require.ErrorContains(t, err, "is in use by another devserver (process ")
	require.NoError(t, first.release())
	second, err := lockDir(dir)
	require.NoError(t, err)
	require.NoError(t, second.release())
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"NotAnAddress":     {[]string{"--ip", "everywhere"}, `--ip "everywhere": not an IP address`},
		"NotAPort":         {[]string{"--port", "0"}, "--port 0: not a port"},
		"OnePortTwice":     {[]string{"--port", "9000", "--ui-port", "9000"}, "both 9000"},
		"RetentionTooLow":  {[]string{"--retention", "5m"}, "--retention 5m: at least 1h"},
		"UnknownFlag":      {[]string{"--ui"}, "unknown flag"},
		"StrayArgument":    {[]string{"start"}, `unexpected argument "start"`},
		"RetentionInWords": {[]string{"--retention", "long"}, "long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseFlags(c.args, t.Output())
			require.ErrorContains(t, err, c.want)
		})
	}
}

package main

import (
	"context"
	"os"
	"strings"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
)

// openJournal opens the maintenance log that workers write. It never makes a new one: an empty journal would
// answer "nothing happened".
func openJournal(ctx context.Context, cfg *config.Config) (*journal.Journal, error) {
	dsn := cfg.Journal.DSN.Reveal()
	if dsn == "" {
		return nil, exit(exitUsage, "journal.dsn of orderly.yaml is empty; set the variable that it names")
	}
	if !strings.Contains(dsn, "://") {
		if _, err := os.Stat(dsn); err != nil {
			return nil, exit(exitNotFound, "there is no journal at %s; run this where the worker runs, or let journal.dsn of orderly.yaml point there", dsn)
		}
	}
	j, err := journal.Open(ctx, dsn)
	if err != nil {
		return nil, exit(exitUnreachable, "%w", err)
	}
	return j, nil
}

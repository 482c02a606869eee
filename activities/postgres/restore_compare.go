package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
)

// maxDifferences is how many are named in an error.
const maxDifferences = 10

// compared is what came of comparing a restored database with its backup's manifest.
type compared struct {
	Tables, Checksums int
	Rows              int64
}

// compare counts what was restored as the backup counted it, and refuses any difference.
func (d *database) compare(ctx context.Context, m backups.Manifest) (compared, error) {
	conn, err := d.connect(ctx, adminPatience)
	if err != nil {
		return compared{}, err
	}
	defer shut(ctx, conn)
	sums := slices.ContainsFunc(m.Tables, func(t backups.Table) bool { return t.Checksum != "" })
	var found []backups.Table
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		found, err = backups.TakeCensus(ctx, tx, sums)
		return err
	})
	if err != nil {
		return compared{}, d.failed("count what was restored", adminPatience, err)
	}
	if differences := differ(m.Tables, found); len(differences) > 0 {
		return compared{}, action.Permanent(action.ErrCorrupt, "what was restored of %s is not what its manifest says: %s", m.Key, few(differences, maxDifferences))
	}
	out := compared{Tables: len(m.Tables), Rows: m.Rows}
	for _, t := range m.Tables {
		if t.Checksum != "" {
			out.Checksums++
		}
	}
	return out, nil
}

// differ lists in words where two counts of tables are not the same.
func differ(want, got []backups.Table) []string {
	var all []string
	there := map[[2]string]backups.Table{}
	for _, t := range got {
		there[[2]string{t.Schema, t.Name}] = t
	}
	for _, t := range want {
		key := [2]string{t.Schema, t.Name}
		have, ok := there[key]
		delete(there, key)
		name := t.Schema + "." + t.Name
		switch {
		case !ok:
			all = append(all, name+" is missing")
		case have.Rows != t.Rows:
			all = append(all, fmt.Sprintf("%s has %d rows, want %d", name, have.Rows, t.Rows))
		case t.Checksum != "" && have.Checksum != t.Checksum:
			all = append(all, name+" has other contents")
		}
	}
	var extra []string
	for key := range there {
		extra = append(extra, key[0]+"."+key[1]+" is not in the manifest")
	}
	slices.Sort(extra)
	return append(all, extra...)
}

// few joins the first of some words.
func few(words []string, most int) string {
	if len(words) > most {
		words = append(slices.Clone(words[:most]), fmt.Sprintf("and %d more", len(words)-most))
	}
	return strings.Join(words, "; ")
}

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
)

// amcheck has PostgreSQL look into every B-tree of a scratch database. It is an extension that not every
// server has and only superusers may install; then it says why it was not done.
func (d *database) amcheck(ctx context.Context) (indexes int, said string, err error) {
	conn, err := d.connect(ctx, adminPatience)
	if err != nil {
		return 0, "", err
	}
	defer shut(ctx, conn)
	if err := d.unbind(ctx, conn); err != nil {
		return 0, "", err
	}
	var there, super bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck'),
		(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`).Scan(&there, &super)
	switch {
	case err != nil:
		return 0, "", d.failed("look for amcheck", adminPatience, err)
	case !there:
		return 0, "not available: the server does not have the extension amcheck", nil
	case !super:
		return 0, "not available: only a superuser may install amcheck", nil
	}
	if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS amcheck"); err != nil {
		return 0, "", d.failed("install amcheck", adminPatience, err)
	}
	var schema string
	err = conn.QueryRow(ctx, "SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'amcheck'").Scan(&schema)
	if err != nil {
		return 0, "", d.failed("look for amcheck", adminPatience, err)
	}
	names, err := d.btrees(ctx, conn)
	if err != nil {
		return 0, "", err
	}
	for _, b := range names {
		if _, err := conn.Exec(ctx, "SELECT "+quoted(schema)+".bt_index_check($1::oid::regclass)", b.OID); err != nil {
			if hasCode(err, codeBadIndex, codeDamaged) {
				return 0, "", action.Permanent(action.ErrCorrupt, "postgres %q (%s): amcheck finds index %s damaged: %s", d.name, d.place, b.Name, err)
			}
			return 0, "", d.failed("check index "+b.Name, adminPatience, err)
		}
	}
	return len(names), "ok", nil
}

type btree struct {
	OID  uint32
	Name string
}

// btrees lists the B-trees that can be checked: whole, and of this session's reach.
func (d *database) btrees(ctx context.Context, conn *pgx.Conn) ([]btree, error) {
	rows, err := conn.Query(ctx, `SELECT c.oid, c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisready AND i.indisvalid ORDER BY 1`)
	if err == nil {
		var all []btree
		if all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[btree]); err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("list indexes: %w", d.failed("query", adminPatience, err))
}

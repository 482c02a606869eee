package library_test

import "time"

const (
	theBackup   = "database/docs-db/2026-11-21T020000Z-01234567"
	theDump     = "database/docs-db/2026-11-22T021500Z-89abcdef"
	theSnapshot = "weekly-maintenance/docs-db/20261122T021500Z-012345-snapshot.json"
	newImage    = "enterprise-docs/api@sha256:0000000000000000000000000000000000000000000000000000000000000002"
)

// outdated is a platform whose API has a newer image.
var outdated = in{"current": 2, "outdated": 1, "unknown": 0, "images": []any{
	in{"ref": "enterprise-docs/api:1.0", "containers": []any{"enterprise-docs-api"}, "image_id": "sha256:01", "status": "outdated", "update": newImage},
	in{"ref": "postgres:17", "containers": []any{"enterprise-docs-db"}, "image_id": "sha256:03", "status": "current"},
}}

// backedUp is what backup.list gives. How much would be lost is counted from now, whatever the test's clock says.
var backedUp = in{"count": 2, "unfinished": 0, "bytes": 2000, "backups": []any{
	in{"key": theDump, "at": time.Now().Add(-4 * time.Minute).UTC().Format(time.RFC3339), "age": 240, "bytes": 1000, "verified": true, "restore_seconds": 42.5},
	in{"key": theBackup, "at": "2026-11-20T02:00:00Z", "age": 86400, "bytes": 1000, "verified": true},
}}

// maintained is how outside systems answer those who maintain them when nothing is wrong.
func maintained() map[string]answerer {
	fixed := func(v any) answerer { return func(in) (any, error) { return v, nil } }
	return map[string]answerer{
		"backup.verify-latest": fixed(in{"key": theBackup, "at": "2026-11-20T02:00:00Z", "age": 86400, "bytes": 1000, "verified": true, "restore_seconds": 42.5, "manifest_sha256": "0"}),
		"backup.list":          fixed(backedUp),
		"backup.prune":         fixed(in{"kept": 2, "deleted": 1}),
		"postgres.backup":      fixed(in{"key": theDump, "bytes": 1000, "tables": 3, "rows": 25200}),
		"postgres.verify":      fixed(in{"key": theDump, "verified": true, "restore_seconds": 42.5, "tables": 3, "rows": 25200}),
		"postgres.restore":     fixed(in{"key": theDump, "restored_as": "docs_restored", "previous": "docs_previous", "restore_seconds": 42.5, "tables": 3, "rows": 25200, "replaced": true}),
		"postgres.swap-back":   fixed(in{"swapped": true}),
		"postgres.drop-copy":   fixed(in{"copy": "docs_restored", "dropped": true}),
		"postgres.vacuum":      fixed(in{"done": 3, "left": 0, "skipped": 0}),
		"postgres.statistics":  fixed(in{"size": 12345678, "dead_percent": 3.5, "statements": in{"available": true, "top": []any{in{"query": "select 1", "calls": 7, "mean_ms": 1.5}}}}),
		"postgres.index-advice": fixed(in{"count": 2, "text": "one index twice, one missing", "duplicate": []any{}, "invalid": []any{}, "unused": []any{},
			"bloated": []any{in{"index": "documents_changed", "why": "52 % of it is empty", "sql": "REINDEX INDEX CONCURRENTLY documents_changed"}},
			"missing": []any{in{"why": "comments.author has no index", "sql": "CREATE INDEX ON comments (author)"}}}),
		"postgres.reindex":      fixed(in{"done": 1, "left": 0}),
		"postgres.pool":         fixed(in{"ok": true, "why": []any{}, "percent": 12.5}),
		"postgres.long-queries": fixed(in{"count": 0}),
		"docker.snapshot":       fixed(in{"key": theSnapshot, "containers": []any{in{"name": "enterprise-docs-api", "state": "running", "image": "enterprise-docs/api:1.0", "image_id": "sha256:01"}}}),
		"docker.restore":        fixed(in{"changed": 0}),
		"docker.update": func(with in) (any, error) {
			return in{"container": with["container"], "updated": true, "image": with["image"]}, nil
		},
		"docker.prune":           fixed(in{"removed": []any{in{"kind": "image", "name": "old:1", "id": "sha256:09", "bytes": 1048576}}, "recovered": in{"total": 1048576}}),
		"docker.images-outdated": fixed(outdated),
		"report.security":        fixed(in{"key": "report.md", "read": "orderly report security-response/main"}),
		"host.clean":             fixed(in{"recovered": 1048576, "areas": []any{}, "text": "1 MiB of 2 files"}),
	}
}

package postgres

// Both estimates compare how large something is with how large the live rows would have to be, going by
// the widths that ANALYZE saw. They cost next to nothing, as they read no data, and are rough: below a
// fifth or so they mean nothing.

// awkward is which relations somebody has locked, or waits to lock, against every reader. Measuring one of
// them would wait as long, so the catalogue's own numbers stand in.
const awkward = `awkward AS MATERIALIZED (
	SELECT relation AS oid FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	UNION SELECT i.indrelid FROM pg_index i JOIN pg_locks l ON l.relation = i.indexrelid WHERE l.mode = 'AccessExclusiveLock'
	UNION SELECT c.oid FROM pg_class c JOIN pg_locks l ON l.relation = c.reltoastrelid WHERE l.mode = 'AccessExclusiveLock'
	UNION SELECT i.indexrelid FROM pg_index i JOIN pg_locks l ON l.relation = i.indrelid WHERE l.mode = 'AccessExclusiveLock')`

// ours chooses the schemas that people made, of n.
const ours = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'`

// tableBloat is a CTE with the columns oid, bytes (of the table's main file) and bloat, which is null when
// nothing can be said because ANALYZE has not seen every column.
const tableBloat = `widths AS (
	SELECT c.oid, sum((1 - s.null_frac) * s.avg_width) AS width, bool_or(s.null_frac > 0) AS nulls, count(*) AS columns, count(s.attname) AS known
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
	WHERE c.relkind IN ('r', 'm') AND ` + ours + ` GROUP BY 1),
heaps AS (
	SELECT c.oid, current_setting('block_size')::float8 AS block,
		CASE WHEN c.oid IN (SELECT oid FROM awkward) THEN c.relpages * current_setting('block_size')::bigint ELSE pg_relation_size(c.oid) END AS bytes,
		coalesce(nullif(s.n_live_tup, 0), greatest(c.reltuples, 0))::float8 AS live,
		coalesce(substring(array_to_string(c.reloptions, ' ') FROM 'fillfactor=([0-9]+)')::float8, 100) / 100 AS fill,
		-- line pointer, header with its map of nulls, and data, each aligned to 8 bytes
		4 + ceil((23 + CASE WHEN w.nulls THEN (7 + w.columns) / 8 ELSE 0 END) / 8.0) * 8 + ceil(w.width / 8) * 8 AS row,
		w.known = w.columns AS known
	FROM pg_class c JOIN widths w USING (oid) LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid),
table_bloat AS (
	SELECT oid, bytes, CASE WHEN known THEN greatest(0, bytes - ceil(live * row / ((block - 24) * fill)) * block)::bigint END AS bloat FROM heaps)`

// indexBloat is a CTE with the columns oid, bytes and bloat of B-tree indexes, bloat null when unknown.
// Indexes share equal values since version 13, so what is told is rather too little.
const indexBloat = `index_widths AS (
	SELECT i.indexrelid AS oid, sum((1 - s.null_frac) * s.avg_width) AS width, bool_or(s.null_frac > 0) AS nulls, count(*) AS columns, count(s.attname) AS known
	FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i' JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
		JOIN pg_attribute xa ON xa.attrelid = i.indexrelid
		LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[xa.attnum - 1] AND a.attnum <> 0
		LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND NOT s.inherited
			AND s.tablename = CASE WHEN a.attnum IS NULL THEN x.relname ELSE c.relname END
			AND s.attname = CASE WHEN a.attnum IS NULL THEN xa.attname ELSE a.attname END
	WHERE ` + ours + ` GROUP BY 1),
trees AS (
	SELECT x.oid, current_setting('block_size')::float8 AS block,
		CASE WHEN x.oid IN (SELECT oid FROM awkward) THEN x.relpages * current_setting('block_size')::bigint ELSE pg_relation_size(x.oid) END AS bytes,
		greatest(x.reltuples, 0)::float8 AS entries,
		coalesce(substring(array_to_string(x.reloptions, ' ') FROM 'fillfactor=([0-9]+)')::float8, 90) / 100 AS fill,
		4 + CASE WHEN w.nulls THEN 16 ELSE 8 END + ceil(w.width / 8) * 8 AS entry,
		w.known = w.columns AS known
	FROM pg_class x JOIN index_widths w USING (oid)),
index_bloat AS (
	SELECT oid, bytes, CASE WHEN known THEN greatest(0, bytes - (2 + ceil(entries * entry / ((block - 40) * fill))) * block)::bigint END AS bloat FROM trees)`

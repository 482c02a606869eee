package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/sops"
)

// PingInput is the input of postgres.ping.
type PingInput struct {
	Database string        `json:"database" target:"postgres" doc:"The database."`
	Timeout  sops.Duration `json:"timeout,omitempty" doc:"How long connecting may take, and then all queries together, at most 1m." default:"5s"`
}

// Ping is the output of postgres.ping.
type Ping struct {
	Database    string      `json:"database" doc:"The database."`
	Connect     float64     `json:"connect" doc:"Milliseconds it took to connect and log in."`
	Latency     float64     `json:"latency" doc:"Milliseconds that SELECT 1 took on the open connection."`
	Version     string      `json:"version" doc:"Server version."`
	StartedAt   time.Time   `json:"started_at" doc:"When the server started."`
	InRecovery  bool        `json:"in_recovery" doc:"It is a standby, or still recovering from a crash: it takes no writes."`
	Size        int64       `json:"size" doc:"Bytes of this database on disk."`
	Connections Connections `json:"connections" doc:"Connections to the server, all databases together."`
	Replication Replication `json:"replication" doc:"How far copies are behind."`
}

// Connections is how many connections there are and may be.
type Connections struct {
	Used     int     `json:"used" doc:"Connections of clients, this one included."`
	Max      int     `json:"max" doc:"Connections the server takes (max_connections)."`
	Reserved int     `json:"reserved" doc:"Those of max that only superusers and the like can have."`
	Percent  float64 `json:"percent" doc:"Used share of what ordinary users can have (max less reserved), 0 to 100 or a little more."`
}

// Replication is how far copies are behind: for a standby itself, for a primary its replicas.
type Replication struct {
	Role       string    `json:"role" enum:"primary,standby" doc:"What this server is."`
	Streaming  bool      `json:"streaming" doc:"A standby: it receives changes now. A primary: it has replicas and all receive changes now."`
	LagBytes   int64     `json:"lag_bytes" doc:"Bytes of changes not yet replayed, here or by the slowest replica."`
	LagSeconds float64   `json:"lag_seconds" doc:"Seconds the replay is behind, here or at the slowest replica; 0 when nothing is behind."`
	Replicas   []Replica `json:"replicas" doc:"The replicas that are connected, by name. One that is gone is not listed."`
}

// Replica is one connected replica.
type Replica struct {
	Name       string  `json:"name" doc:"Its application_name."`
	Address    string  `json:"address" doc:"Where it connects from; empty for a local socket."`
	State      string  `json:"state" doc:"startup, catchup, streaming or stopping; empty without the right to see it (pg_monitor)."`
	Sync       string  `json:"sync" doc:"async, potential, sync or quorum; empty without the right to see it (pg_monitor)."`
	LagBytes   int64   `json:"lag_bytes" doc:"Bytes of changes it has not yet replayed."`
	LagSeconds float64 `json:"lag_seconds" doc:"Seconds its replay is behind; 0 while there is nothing to replay."`
}

func (a *actions) ping(ctx context.Context, in PingInput) (Ping, error) {
	d, patience, err := a.get("postgres.ping", in.Database, in.Timeout)
	if err != nil {
		return Ping{}, err
	}
	start := time.Now()
	conn, err := d.connect(ctx, patience)
	if err != nil {
		return Ping{}, err
	}
	defer shut(ctx, conn)
	out := Ping{Database: in.Database, Connect: milliseconds(time.Since(start))}
	err = d.read(ctx, conn, patience, func(ctx context.Context, tx pgx.Tx) error {
		start := time.Now()
		if _, err := tx.Exec(ctx, "SELECT 1"); err != nil {
			return err
		}
		out.Latency = milliseconds(time.Since(start))
		if err := out.server(ctx, tx); err != nil {
			return err
		}
		out.Replication, err = replication(ctx, tx, out.InRecovery)
		return err
	})
	if err != nil {
		return Ping{}, err
	}
	return out, nil
}

// clients chooses the sessions of clients. Without the right to see more (pg_monitor) the type of other
// users' sessions is hidden; those that belong to a database are then taken for clients.
const clients = `(backend_type = 'client backend' OR backend_type IS NULL AND datid IS NOT NULL)`

// server reads what concerns the server and this database. reserved_connections came with version 16.
func (p *Ping) server(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, `
		SELECT current_setting('server_version'), pg_postmaster_start_time(), pg_is_in_recovery(),
			pg_database_size(current_database()),
			(SELECT count(*) FROM pg_stat_activity WHERE `+clients+`)::int,
			current_setting('max_connections')::int,
			current_setting('superuser_reserved_connections')::int
				+ coalesce(current_setting('reserved_connections', true)::int, 0)`,
	).Scan(&p.Version, &p.StartedAt, &p.InRecovery, &p.Size, &p.Connections.Used, &p.Connections.Max, &p.Connections.Reserved)
	if err != nil {
		return err
	}
	p.StartedAt = p.StartedAt.UTC()
	if ordinary := p.Connections.Max - p.Connections.Reserved; ordinary > 0 {
		p.Connections.Percent = math.Round(float64(p.Connections.Used)/float64(ordinary)*10000) / 100
	}
	return nil
}

func replication(ctx context.Context, tx pgx.Tx, standby bool) (Replication, error) {
	replicas, err := replicas(ctx, tx)
	if err != nil {
		return Replication{}, err
	}
	if standby {
		return behind(ctx, tx, replicas)
	}
	r := Replication{Role: "primary", Streaming: len(replicas) > 0, Replicas: replicas}
	for _, one := range replicas {
		r.Streaming = r.Streaming && (one.State == "streaming" || one.State == "")
		r.LagBytes = max(r.LagBytes, one.LagBytes)
		r.LagSeconds = max(r.LagSeconds, one.LagSeconds)
	}
	return r, nil
}

// replicas reads who receives changes from this server. A base backup being taken is listed there too,
// but replays nothing.
func replicas(ctx context.Context, tx pgx.Tx) ([]Replica, error) {
	rows, err := tx.Query(ctx, `
		SELECT coalesce(application_name, ''), coalesce(host(client_addr), ''), coalesce(state, ''), coalesce(sync_state, ''),
			greatest(0, coalesce(pg_wal_lsn_diff(
				CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, replay_lsn), 0))::bigint,
			coalesce(extract(epoch FROM replay_lag), 0)::float8
		FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' ORDER BY 1, 2`)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Replica])
	if err != nil {
		return nil, err
	}
	return append([]Replica{}, found...), nil
}

// behind reads how far this standby is behind. The time since the last replayed transaction only tells
// something while not everything is replayed, or nothing arrives: an idle primary would look like lag.
func behind(ctx context.Context, tx pgx.Tx, replicas []Replica) (Replication, error) {
	r := Replication{Role: "standby", Replicas: replicas}
	err := tx.QueryRow(ctx, `
		WITH receiver AS (SELECT status, latest_end_lsn FROM pg_stat_wal_receiver),
		standing AS (
			SELECT EXISTS (SELECT FROM receiver WHERE status IS NULL OR status = 'streaming') AS streaming,
				greatest(0, coalesce(pg_wal_lsn_diff(
					coalesce((SELECT latest_end_lsn FROM receiver), pg_last_wal_receive_lsn()), pg_last_wal_replay_lsn()), 0))::bigint AS bytes,
				coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::float8 AS seconds)
		SELECT streaming, bytes, CASE WHEN streaming AND bytes = 0 THEN 0 ELSE greatest(0, seconds) END FROM standing`,
	).Scan(&r.Streaming, &r.LagBytes, &r.LagSeconds)
	return r, err
}

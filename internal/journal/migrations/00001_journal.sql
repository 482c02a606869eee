-- The maintenance log. The same text serves PostgreSQL and SQLite: SQLite takes any type name, and every
-- value is written in a form that both read (times as UTC RFC 3339 with six decimals, records as JSON).
-- Column names are a promise to whoever queries the journal: they may be added to, never renamed.

-- +goose Up
CREATE TABLE orderly_runs (
    workflow_id TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    procedure   TEXT NOT NULL,
    key         TEXT NOT NULL,
    state       TEXT NOT NULL,
    drill       BOOLEAN NOT NULL,
    started_by  TEXT NOT NULL,
    started     TIMESTAMPTZ NOT NULL,
    ended       TIMESTAMPTZ,
    updated     TIMESTAMPTZ NOT NULL,
    digest      TEXT NOT NULL,
    record      JSON NOT NULL,
    PRIMARY KEY (workflow_id, run_id)
);
CREATE INDEX orderly_runs_started ON orderly_runs (started);
CREATE INDEX orderly_runs_procedure ON orderly_runs (procedure, started);

CREATE TABLE orderly_measurements (
    workflow_id TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    step        TEXT NOT NULL,
    name        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    value       DOUBLE PRECISION NOT NULL,
    unit        TEXT NOT NULL,
    measured    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (run_id, step, name, subject)
);
CREATE INDEX orderly_measurements_figure ON orderly_measurements (name, subject, measured);

CREATE TABLE orderly_findings (
    workflow_id TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    step        TEXT NOT NULL,
    n           INTEGER NOT NULL,
    found       TIMESTAMPTZ NOT NULL,
    severity    TEXT NOT NULL,
    checked     TEXT NOT NULL,
    text        TEXT NOT NULL,
    act         TEXT NOT NULL,
    PRIMARY KEY (run_id, step, n)
);
CREATE INDEX orderly_findings_found ON orderly_findings (found);
CREATE INDEX orderly_findings_run ON orderly_findings (workflow_id, run_id);

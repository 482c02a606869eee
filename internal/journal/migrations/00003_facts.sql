-- What key figures need of each record, so that they can be made of thousands of runs without reading the
-- records. A row counts only for the state of the run that was updated at the same time, and only in the
-- version of the program that reads it; without one the record is read, and the row is made again.

-- +goose Up
CREATE TABLE orderly_facts (
    workflow_id TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    updated     TIMESTAMPTZ NOT NULL,
    version     INTEGER NOT NULL,
    facts       TEXT NOT NULL,
    PRIMARY KEY (workflow_id, run_id)
);

-- Which of two states of a run is the newer: a run that goes on is kept several times, and an attempt that hung must
-- not put an older state in place of a newer one. 0 stands in rows of programs that did not count.

-- +goose Up
ALTER TABLE orderly_runs ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- What became of messages to people, so that a crash neither loses one nor sends it twice. Rows are kept
-- for a month.

-- +goose Up
CREATE TABLE orderly_deliveries (
    id    TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    ref   TEXT NOT NULL,
    at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX orderly_deliveries_at ON orderly_deliveries (at);

-- The sample platform's tables, with the same rows every time. Not everything is as it should be: whoever looks
-- after the database finds an index that is there twice and a foreign key without one.

CREATE TABLE users (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text NOT NULL,
    email text NOT NULL UNIQUE
);

CREATE TABLE documents (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner   bigint NOT NULL REFERENCES users (id),
    title   text NOT NULL,
    body    text NOT NULL,
    changed timestamptz NOT NULL
);
CREATE INDEX documents_owner ON documents (owner);
CREATE INDEX documents_changed ON documents (changed);
CREATE INDEX documents_by_change ON documents (changed);

CREATE TABLE comments (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document bigint NOT NULL REFERENCES documents (id),
    author   bigint NOT NULL REFERENCES users (id),
    text     text NOT NULL,
    written  timestamptz NOT NULL
);
CREATE INDEX comments_document ON comments (document);

INSERT INTO users (name, email)
SELECT 'User ' || n, 'user' || n || '@example.org' FROM generate_series(1, 200) n;

INSERT INTO documents (owner, title, body, changed)
SELECT 1 + n % 200, 'Document ' || n, repeat('What document ' || n || ' says. ', 10 + n % 40),
       timestamptz '2026-01-01 00:00:00Z' + n * interval '1 minute'
FROM generate_series(1, 5000) n;

INSERT INTO comments (document, author, text, written)
SELECT 1 + n % 5000, 1 + n % 200, 'Comment ' || n, timestamptz '2026-02-01 00:00:00Z' + n * interval '1 minute'
FROM generate_series(1, 20000) n;

ANALYZE;

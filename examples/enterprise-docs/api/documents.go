package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

const (
	// healthWithin is how long the database and the cache may take to answer /health.
	healthWithin = 2 * time.Second
	// cachedFor is how long a document may be served without asking the database again.
	cachedFor = time.Minute
	// page is how many documents a list shows.
	page = 20
)

type api struct {
	db    *pgxpool.Pool
	cache *redis.Client
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.health)
	mux.HandleFunc("GET /documents", a.list)
	mux.HandleFunc("GET /documents/{id}", a.show)
	return mux
}

// health answers 200 when everything that a request needs is there, and 503 with what is missing.
func (a *api) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthWithin)
	defer cancel()
	parts := map[string]error{"database": a.db.Ping(ctx), "cache": a.cache.Ping(ctx).Err()}
	status, answer := http.StatusOK, map[string]string{"status": "ok"}
	for part, err := range parts {
		answer[part] = "ok"
		if err != nil {
			status, answer["status"], answer[part] = http.StatusServiceUnavailable, "unavailable", "does not answer"
		}
	}
	respond(w, status, answer)
}

// document is one document as the API shows it.
type document struct {
	ID       int64     `json:"id"`
	Title    string    `json:"title"`
	Body     string    `json:"body,omitempty"`
	Owner    string    `json:"owner"`
	Comments int64     `json:"comments"`
	Changed  time.Time `json:"changed"`
}

const documents = `SELECT d.id, d.title, d.body, u.name AS owner, d.changed,
	(SELECT count(*) FROM comments c WHERE c.document = d.id) AS comments
	FROM documents d JOIN users u ON u.id = d.owner `

// list shows the documents that changed last.
func (a *api) list(w http.ResponseWriter, r *http.Request) {
	rows, _ := a.db.Query(r.Context(), documents+"ORDER BY d.changed DESC, d.id LIMIT $1", page) // its error is in rows
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[document])
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	for i := range found {
		found[i].Body = ""
	}
	respond(w, http.StatusOK, found)
}

// show gives one document, from the cache where it is. A cache that is away costs time, not the answer.
func (a *api) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		refuse(w, http.StatusBadRequest, "a document is named by its number")
		return
	}
	key := "document:" + strconv.FormatInt(id, 10)
	if kept, err := a.cache.Get(r.Context(), key).Bytes(); err == nil {
		write(w, http.StatusOK, kept)
		return
	}
	rows, _ := a.db.Query(r.Context(), documents+"WHERE d.id = $1", id) // its error is in rows
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[document])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		refuse(w, http.StatusNotFound, "there is no such document")
		return
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	text, err := json.Marshal(found)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	_ = a.cache.Set(r.Context(), key, text, cachedFor).Err()
	write(w, http.StatusOK, text)
}

func refuse(w http.ResponseWriter, status int, why string) {
	respond(w, status, map[string]string{"error": why})
}

func respond(w http.ResponseWriter, status int, answer any) {
	text, err := json.Marshal(answer)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer can't be written"}`)
	}
	write(w, status, text)
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked may be gone
}

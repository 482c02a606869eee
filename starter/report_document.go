package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/orderly-ops/orderly/internal/artifacts"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// document is the report of a run: the one it has kept, or else one that is made now. kind may be empty.
func (a *app) document(ctx context.Context, cfg *config.Config, rec *workflows.Record, kind write.Kind) (*write.Document, error) {
	if key := write.Kept(rec, kind); key != "" {
		doc, err := keptDocument(ctx, cfg, key)
		if err == nil {
			return doc, nil
		}
		a.say("the report that the run has kept can't be read, so it is made of its record: %s", screen.Clean(err.Error()))
	}
	switch kind {
	case write.KindMaintenance, write.KindBackup, write.KindMonthly:
		return nil, exit(exitNotFound, "%s has kept no %s report, and it can't be made of its record; --kind run shows what the record has", rec.WorkflowID, kind)
	case write.KindRun:
		return write.OfRun(rec, now()), nil
	}
	if rec.Procedure == write.PostMortemProcedure {
		return a.postMortemOf(ctx, cfg, rec, kind)
	}
	answers := a.answersTo(ctx, cfg, rec)
	switch kind {
	case write.KindIncident:
		return write.Incident(rec, answers, now()), nil
	case write.KindPostMortem:
		return write.PostMortem(rec, answers, now()), nil
	case write.KindSecurity:
		return write.SecurityReport(rec, write.Security{}, answers, now()), nil
	}
	if rec.Incident != nil {
		return write.Incident(rec, answers, now()), nil
	}
	return write.OfRun(rec, now()), nil
}

// keptDocument reads a report from the store of artifacts.
func keptDocument(ctx context.Context, cfg *config.Config, key string) (*write.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	store, err := artifacts.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	from, err := store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	var doc write.Document
	return &doc, json.NewDecoder(from).Decode(&doc)
}

// postMortemOf is the report of the incident that a post-mortem is about, with what it has been told.
func (a *app) postMortemOf(ctx context.Context, cfg *config.Config, rec *workflows.Record, kind write.Kind) (*write.Document, error) {
	id, _ := rec.Inputs["incident"].(string)
	started, _ := rec.Inputs["started"].(string)
	var about *workflows.Record
	err := readJournal(ctx, cfg, func(ctx context.Context, j *journal.Journal) error {
		found, err := write.Find(ctx, j, id, started)
		about = found
		return err
	})
	if err != nil {
		a.say("the record of %s can't be read, so this is about the post-mortem itself: %s", screen.Clean(id), screen.Clean(err.Error()))
		return write.OfRun(rec, now()), nil
	}
	if kind == write.KindIncident {
		return write.Incident(about, write.AnswersOf(rec), now()), nil
	}
	return write.PostMortem(about, write.AnswersOf(rec), now()), nil
}

// answersTo is what the post-mortem of an incident has been told: one that is over is in the journal, one that is open
// says so itself.
func (a *app) answersTo(ctx context.Context, cfg *config.Config, rec *workflows.Record) (answers write.Answers) {
	err := readJournal(ctx, cfg, func(ctx context.Context, j *journal.Journal) (err error) {
		answers, err = write.Told(ctx, j, rec)
		return err
	})
	var e *exitError
	none := errors.As(err, &e) && e.code == exitNotFound // where there is no journal, nothing was told
	if err != nil && !none {
		a.say("what its post-mortem was told can't be read: %s", screen.Clean(err.Error()))
	}
	for _, id := range write.PostMortems(rec) {
		if pm, err := a.openRecord(ctx, cfg, id); err == nil {
			answers = write.AnswersOf(pm).Or(answers)
		}
	}
	return answers
}

// openRecord is what a run that is open tells of itself.
func (a *app) openRecord(ctx context.Context, cfg *config.Config, id string) (*workflows.Record, error) {
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.status(ctx, id, "")
}

// readJournal opens the maintenance log for as long as use takes.
func readJournal(ctx context.Context, cfg *config.Config, use func(context.Context, *journal.Journal) error) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	j, err := openJournal(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(use(ctx, j), j.Close())
}

// indentedJSON is a document for people and programs; text in it is left as it is.
func indentedJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.Bytes(), err
}

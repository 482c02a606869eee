package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/orderly-ops/orderly/workflows"
)

// ErrDamaged says that a record is none that an engine writes.
var ErrDamaged = errors.New("the record is damaged")

// Read decodes a record as the journal keeps it. The error says what is wrong with one that can't be reported on.
func Read(raw []byte) (*workflows.Record, error) {
	var rec workflows.Record
	if err := json.Unmarshal(raw, &rec); err != nil {
		return nil, fmt.Errorf("%w: it can't be read: %w", ErrDamaged, err)
	}
	return &rec, check(&rec)
}

// check refuses what no engine writes: a report made of it would be wrong without saying so.
func check(rec *workflows.Record) error {
	holes := slices.Contains(rec.Phases, nil) || slices.Contains(rec.Clocks, nil) || slices.Contains(rec.Pages, nil) ||
		slices.Contains(rec.Undo, nil) || slices.Contains(rec.Ladders, nil)
	if rec.Incident != nil {
		holes = holes || slices.Contains(rec.Incident.Alerts, nil)
	}
	holes = holes || hollow(rec.Questions) || hollow(rec.Finally) || rec.Rollback != nil && hollow(rec.Rollback.Then)
	for _, p := range rec.Phases {
		holes = holes || p != nil && hollow(p.Steps)
	}
	switch {
	case rec.Procedure == "" || rec.WorkflowID == "":
		return fmt.Errorf("%w: it names no run", ErrDamaged)
	case rec.Started.IsZero():
		return fmt.Errorf("%w: it does not say when the run began", ErrDamaged)
	case holes:
		return fmt.Errorf("%w: it has holes", ErrDamaged)
	}
	return nil
}

// hollow says whether a step is not there.
func hollow(steps []*workflows.Step) bool {
	for _, s := range steps {
		if s == nil || hollow(s.Steps) || hollow(s.Earlier) || slices.Contains(s.Items, nil) {
			return true
		}
		for _, item := range s.Items {
			if hollow(item.Steps) {
				return true
			}
		}
	}
	return false
}

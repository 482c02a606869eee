package workflows

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// An incident that burns is in the journal at once: its record is kept whenever it stands otherwise than before,
// not only at the run's end. Figures, reports and metrics read the journal and nothing else.
//
// What time brings about (it opened, a promise was broken, the next level is paged) is kept by a local activity, when
// the pages of that moment have gone out: a thousand incidents may be due at once, and this costs each of them one
// event and no further task. It is given a second; as long as it runs, nothing else of the run is seen to.
//
// What people do is kept by an activity, because whoever acknowledges must be answered at once, however long the
// journal takes; and so is whatever the second was not enough for. What Temporal has to carry for that is compressed.

// KeptRecord is a record as ActivityKeep is given it, in one of two ways.
type KeptRecord struct {
	Plain json.RawMessage `json:"plain,omitempty"`
	Gzip  []byte          `json:"gzip,omitempty"`

	of *Record // to be compressed when it is encoded: a simulation encodes nothing
}

// MarshalJSON implements json.Marshaler. Temporal encodes what an activity is given before the run goes on.
func (k KeptRecord) MarshalJSON() ([]byte, error) {
	if k.of != nil {
		k = k.of.compressed()
	}
	type plain KeptRecord
	return json.Marshal(plain(k))
}

// JSON is the record. It is an error when there was too much of it.
func (k KeptRecord) JSON() (json.RawMessage, error) {
	if len(k.Plain) > 0 {
		return k.Plain, nil
	}
	if len(k.Gzip) == 0 {
		return nil, errors.New("the record is too large to be kept while the run goes on; it is kept at its end")
	}
	zip, err := gzip.NewReader(bytes.NewReader(k.Gzip))
	if err != nil {
		return nil, fmt.Errorf("unpack a record: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(zip, maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("unpack a record: %w", err)
	}
	return data, nil
}

// standing is what the journal is to know at once of an incident that goes on. It is compared, not kept.
type standing struct {
	state                         IncidentState
	scale, severity, level, owner string
	services, reopened            int
	heldBack, taken, mitigated    bool
	broken                        int // of the promises that an incident has one each of
	others                        int // of all other promises
}

// keeping is how far the journal knows of an incident that goes on.
type keeping struct {
	on     bool // runs that began before this was there go on without it
	busy   bool
	known  standing  // as it was given to the journal last
	at     time.Time // when that was
	broken int       // see standing
	others int
}

const (
	// keepWithin is how long a local activity may take.
	keepWithin = time.Second
	// keepFor is how long a journal that is away is tried with one state of the record, keepPause how long it is
	// left alone then. Attempts cost no history.
	keepFor   = time.Hour
	keepPause = 10 * time.Minute
	// keepShare is the part of an incident's age that has to go by before a broken promise alone makes the record
	// be kept again: a status update that nobody writes is one each half hour, for as long as it takes.
	keepShare = 20
	// maxKept bounds a compressed record in bytes: all that begins in one workflow task goes to Temporal in one
	// message of at most 4 MB, of which steps may fill half.
	maxKept = 1 << 20
	// maxHistory is how many bytes of history an execution may have for its record to be kept while it goes on. It
	// continues as new long before, unless it waits for other runs; at 50 MB Temporal would end it.
	maxHistory = 20 << 20
)

// keepVersion names the change for runs in flight.
const keepVersion = "incident-kept"

// beginKeeping decides whether this run keeps its record while it goes on: incidents do.
func (r *run) beginKeeping(ctx workflow.Context) {
	r.keeping.on = r.record.Incident != nil &&
		workflow.GetVersion(ctx, keepVersion, workflow.DefaultVersion, 1) != workflow.DefaultVersion
	r.checklist() // what an earlier execution may not have kept is looked at
}

// stands is how the incident stands now.
func (r *run) stands() standing {
	inc := r.record.Incident
	s := standing{
		state: inc.State, scale: inc.Scale, severity: inc.Severity, level: inc.Level,
		services: len(inc.Services), reopened: len(inc.Reopened), heldBack: r.heldBack(),
		taken: inc.Acknowledged != nil, mitigated: inc.Mitigated != nil,
		broken: r.keeping.broken, others: r.keeping.others,
	}
	if inc.Owner != nil {
		s.owner = inc.Owner.ID
	}
	return s
}

// noteBroken counts a promise that was not kept.
func (k *keeping) noteBroken(c *Clock) {
	switch c.ID {
	case clockAcknowledge, clockRespond, clockResolve:
		k.broken++
	default:
		k.others++
	}
}

// unkept says whether the journal has to be told how the incident stands.
func (r *run) unkept(ctx workflow.Context) bool {
	k, now := &r.keeping, workflow.Now(ctx)
	if !k.on || r.leaving || r.record.State.Done() || workflow.GetInfo(ctx).GetCurrentHistorySize() > maxHistory {
		return false // what comes next keeps it: the next execution, or the run's end
	}
	stands, known := r.stands(), k.known
	if stands == known {
		return false
	}
	known.others = stands.others
	return stands != known || now.Sub(k.at) >= now.Sub(r.record.Started)/keepShare
}

// considerKeeping keeps the record of an incident beside everything else that goes on, if it stands otherwise than
// the journal knows. There is one save at a time; what happens meanwhile is in the next.
func (r *run) considerKeeping(ctx workflow.Context) {
	if r.keeping.busy || !r.unkept(ctx) {
		return
	}
	r.keeping.busy = true
	workflow.GoNamed(ctx, "keep the record", func(ctx workflow.Context) {
		defer func() { r.keeping.busy = false }()
		for r.unkept(ctx) {
			if r.calm(ctx) != nil || !r.unkept(ctx) {
				return
			}
			r.keepNow(ctx)
		}
	})
}

// calm waits until all that happens at this moment has happened, and the pages that are due have gone out: they
// come first, and belong into the record; one that can't go out is not waited for. A record that was kept very often
// is kept at most every few seconds.
func (r *run) calm(ctx workflow.Context) error {
	if next := r.keeping.at.Add(savePause); r.record.Revision >= maxSavedEach {
		if _, err := r.awaitUntil(ctx, next, "keep the record", func() bool { return r.leaving || r.record.State.Done() }); err != nil {
			return err
		}
	}
	yield(ctx)
	return workflow.Await(ctx, func() bool { return r.busy == r.stuck })
}

// byPeople says whether it was somebody who changed how the incident stands; to begin with, nobody was.
func (s standing) byPeople(known standing) bool {
	known.level, known.heldBack, known.broken, known.others = s.level, s.heldBack, s.broken, s.others
	return known.state != "" && s != known
}

// keepNow gives the journal the record as it is.
func (r *run) keepNow(ctx workflow.Context) {
	stands := r.stands()
	people := stands.byPeople(r.keeping.known)
	r.keeping.known, r.keeping.at = stands, workflow.Now(ctx)
	if !people && !r.unsaved && r.keepSoon(ctx) == nil {
		return
	}
	err := r.keepLater(ctx)
	if err != nil && !r.unsaved {
		r.event(ctx, Event{Kind: "run", Text: "its record could not be kept in the journal for now: " + cause(err)})
	}
	if r.unsaved = err != nil; r.unsaved {
		r.keeping.known = standing{}
		over := func() bool { return r.leaving || r.record.State.Done() }
		_, _ = r.awaitUntil(ctx, workflow.Now(ctx).Add(keepPause), "keep the record", over)
	}
}

// keepSoon keeps it within this workflow task, or not at all.
func (r *run) keepSoon(ctx workflow.Context) error {
	r.record.Revision++
	data, err := json.Marshal(r.record)
	if err != nil {
		return err
	}
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: keepWithin,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                "Keep the record",
	})
	return workflow.ExecuteLocalActivity(ctx, ActivityKeep, KeptRecord{Plain: data}).Get(ctx, nil)
}

// keepLater has it kept beside everything else.
func (r *run) keepLater(ctx workflow.Context) error {
	r.record.Revision++
	options := workflow.ActivityOptions{
		ActivityID:             fmt.Sprintf("%s:%d", ActivityKeep, r.record.Revision),
		ScheduleToCloseTimeout: keepFor,
		StartToCloseTimeout:    ownTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:                "Keep the record",
	}
	// Whether it fits may differ from version to version, and what a run does must not: the activity says so.
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), ActivityKeep, KeptRecord{of: r.record}).Get(ctx, nil)
}

// compressed is the record for the journal; nothing when it is too large for that.
func (rec *Record) compressed() KeptRecord {
	data, err := rec.fitting()
	if err != nil {
		return KeptRecord{}
	}
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err == nil {
		_, err = zip.Write(data)
	}
	if err == nil {
		err = zip.Close()
	}
	if err != nil || buf.Len() > maxKept {
		return KeptRecord{}
	}
	return KeptRecord{Gzip: buf.Bytes()}
}

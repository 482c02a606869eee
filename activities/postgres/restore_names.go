package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"go.temporal.io/sdk/activity"
)

// What databases of ours are made for. It stands in their names, between the name of the database they
// belong to and the time: docs_before_20261122t021400_1a2b.
const (
	madeRestoring = "restoring" // being restored: dropped when its step ends or by the next one
	madeRestored  = "restored"  // restored beside the live one, for somebody to look at
	madeBefore    = "before"    // what was live until a restore replaced it
	madeUndone    = "undone"    // what a restore had made live, until that was undone
	madeScratch   = "verify"    // restored only to be compared
)

const (
	maxName   = 63 // bytes that PostgreSQL keeps of a name
	nameStamp = "20060102t150405"
	scratch   = "orderly_verify_"
)

// step is who works on a database: the same for every attempt of a step, and for nobody else.
type step struct {
	Workflow string
	Run      string
	ID       string // sixteen hex digits
	At       time.Time
}

// stepOf identifies the step that ctx belongs to. Called from no activity, everybody is somebody else.
func stepOf(ctx context.Context, about string) step {
	if !activity.IsActivity(ctx) {
		return step{ID: hex.EncodeToString([]byte(rand.Text()))[:16], At: time.Now().UTC()}
	}
	info := activity.GetInfo(ctx)
	sum := sha256.Sum256([]byte(info.WorkflowExecution.RunID + "/" + info.ActivityID + "/" + about))
	return step{
		Workflow: info.WorkflowExecution.ID, Run: info.WorkflowExecution.RunID,
		ID: hex.EncodeToString(sum[:8]), At: info.ScheduledTime.UTC(),
	}
}

// named names a database that the step makes of another one. The other's name is shortened where both don't
// fit.
func (s step) named(base, made string) string {
	end := "_" + made + "_" + s.At.Format(nameStamp) + "_" + s.ID[:4]
	return shortened(base, len(end)) + end
}

// scratch is the database that the step restores into to compare.
func (s step) scratch() string { return scratch + s.ID }

// shortened is a name that leaves room for what follows it. One that is cut ends with a part of its checksum:
// others may begin like it, and what is made of one must not be taken for another's.
func shortened(base string, room int) string {
	if len(base) <= maxName-room {
		return base
	}
	sum := sha256.Sum256([]byte(base))
	end := "_" + hex.EncodeToString(sum[:4])
	for len(base) > maxName-room-len(end) {
		_, size := utf8.DecodeLastRuneInString(base)
		base = base[:len(base)-size]
	}
	return base + end
}

var (
	copyEnding  = regexp.MustCompile(`_(restoring|restored|before|undone)_\d{8}t\d{6}_[0-9a-f]{4}$`)
	scratchName = regexp.MustCompile(`^` + scratch + `[0-9a-f]{16}$`)
)

// madeOf says what a database was made for, by its name, when it was made of the one called base; "" when it
// was not.
func madeOf(name, base string) string {
	m := copyEnding.FindStringSubmatch(name)
	if len(m) == 0 || strings.TrimSuffix(name, m[0]) != shortened(base, len(m[0])) {
		return ""
	}
	return m[1]
}

// label is the comment on a database that Orderly made, or put aside: a person reads there what it is, and a
// later step what to do with it.
type label struct {
	Made     string    `json:"made"`
	Workflow string    `json:"workflow,omitempty"`
	Run      string    `json:"run,omitempty"`
	Step     string    `json:"step"`
	At       time.Time `json:"at"`
	Backup   string    `json:"backup,omitempty"`
	// Ready says that what was restored has been compared.
	Ready bool `json:"ready,omitempty"`
	// Instead is the database that was put in this one's place.
	Instead string `json:"instead,omitempty"`
	// Comment is what stood there before.
	Comment string `json:"comment,omitempty"`
}

const labelPrefix = "orderly "

func (s step) label(made, backup string) label {
	return label{Made: made, Workflow: s.Workflow, Run: s.Run, Step: s.ID, At: s.At, Backup: backup}
}

// String is the comment.
func (m label) String() string {
	text, err := json.Marshal(m)
	if err != nil { // a struct of texts and times
		return labelPrefix + m.Made
	}
	return labelPrefix + string(text)
}

// readLabel reads a comment; false for one that is nobody's or somebody else's.
func readLabel(comment string) (m label, ours bool) {
	text, ours := strings.CutPrefix(comment, labelPrefix)
	return m, ours && json.Unmarshal([]byte(text), &m) == nil
}

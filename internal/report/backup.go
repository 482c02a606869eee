package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// Backups is how well a database is backed up. Only backups that were restored and compared count.
type Backups struct {
	Run      *Run
	Drill    bool
	Database string
	All      []Backup
	Restore  *float64      // seconds that restoring took just now
	RTO, RPO time.Duration // promises; 0 is none
	Made     time.Time
}

// Backup is what a report needs to know of a backup.
type Backup struct {
	Key            string    `json:"key" doc:"Its folder in the bucket."`
	At             time.Time `json:"at" doc:"The moment whose data it holds."`
	Bytes          int64     `json:"bytes,omitempty" doc:"Its size."`
	Verified       bool      `json:"verified" doc:"It has been restored and compared."`
	RestoreSeconds float64   `json:"restore_seconds,omitempty" doc:"How long that took; 0 is not known."`
}

// Standing is how things stand with the backups at a moment.
type Standing struct {
	Backups, Verified int
	Newest            *Backup  // verified one
	Recovery          *float64 // seconds
	Loss              *float64 // seconds
	LongestGap        *float64 // seconds
	RTOMet, RPOMet    bool
}

// Met says that both promises hold and there is a verified backup.
func (s *Standing) Met() bool { return s.RTOMet && s.RPOMet && s.Verified > 0 }

// Standing judges.
func (b *Backups) Standing() Standing {
	good := slices.DeleteFunc(slices.Clone(b.All), func(b Backup) bool { return !b.Verified })
	slices.SortFunc(good, func(a, b Backup) int { return b.At.Compare(a.At) })
	s := Standing{Backups: len(b.All), Verified: len(good), Recovery: b.Restore}
	if len(good) > 0 {
		s.Newest, s.Loss = &good[0], seconds(b.Made.Sub(good[0].At))
	}
	for i := 1; i < len(good); i++ {
		if gap := seconds(good[i-1].At.Sub(good[i].At)); s.LongestGap == nil || *gap > *s.LongestGap {
			s.LongestGap = gap
		}
	}
	if i := slices.IndexFunc(good, func(b Backup) bool { return b.RestoreSeconds > 0 }); s.Recovery == nil && i >= 0 {
		s.Recovery = &good[i].RestoreSeconds
	}
	s.RTOMet, s.RPOMet = holds(b.RTO, s.Recovery), holds(b.RPO, s.Loss)
	return s
}

// holds says whether a figure keeps to its promise. What was not measured keeps none.
func holds(promised time.Duration, measured *float64) bool {
	return promised == 0 || measured != nil && *measured <= promised.Seconds()
}

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}

// Document writes the report.
func (b *Backups) Document() *Document {
	s := b.Standing()
	d := draft(KindBackup, "Backups of "+b.Database, b.Made)
	d.doc.Of, d.doc.Drill = b.Run, b.Drill
	d.section("promises", "Promises")
	rows := [][]Value{
		{{Text: "time to restore (RTO)"}, {Text: promised(b.RTO)}, d.known(optional(s.Recovery, secondsText), "how long a restore takes: it was never measured"), {Text: yes(s.RTOMet)}},
		{{Text: "data that would be lost (RPO)"}, {Text: promised(b.RPO)}, d.known(optional(s.Loss, secondsText), "how much would be lost: no backup has been restored and compared"), {Text: yes(s.RPOMet)}},
		{{Text: "longest time between two backups"}, {Text: promised(b.RPO)}, d.known(optional(s.LongestGap, secondsText), "how regular backups are: there are fewer than two verified ones"), {}},
	}
	d.table([]string{"promise", "at most", "measured", "kept"}, rows, "")
	d.section("backups", "Backups")
	all := slices.Clone(b.All)
	slices.SortFunc(all, func(a, b Backup) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Key, b.Key)) })
	rows = nil
	for _, one := range all {
		restored := ""
		if one.RestoreSeconds > 0 {
			restored = secondsText(one.RestoreSeconds)
		}
		rows = append(rows, cells(one.Key, stamp(one.At), size(float64(one.Bytes)), yes(one.Verified), restored))
	}
	d.table([]string{"key", "taken (UTC)", "size", "verified", "restored in"}, rows, "There is none.")
	return d.done(b.sentence(s))
}

func (b *Backups) sentence(s Standing) string {
	if s.Newest == nil {
		return fmt.Sprintf("%s can't be counted on: %s, none of them verified.", b.Database, counted(s.Backups, "backup", "backups"))
	}
	parts := []string{
		counted(s.Backups, "backup", "backups") + ", " + strconv.Itoa(s.Verified) + " of them verified",
		"data of " + secondsText(*s.Loss) + " would be lost" + kept(b.RPO, s.RPOMet),
	}
	if s.Recovery != nil {
		parts = append(parts, "restoring takes "+secondsText(*s.Recovery)+kept(b.RTO, s.RTOMet))
	} else {
		parts = append(parts, "how long restoring takes is not known")
	}
	return b.Database + ": " + strings.Join(parts, ", ") + "."
}

func kept(d time.Duration, met bool) string {
	switch {
	case d == 0:
		return ""
	case met:
		return " (promised: at most " + sops.Duration(d).String() + ")"
	default:
		return " — more than the promised " + sops.Duration(d).String()
	}
}

func promised(d time.Duration) string {
	if d == 0 {
		return "nothing promised"
	}
	return sops.Duration(d).String()
}

func secondsText(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return took(d)
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/sops"
)

// BackupInput is the input of report.backup.
type BackupInput struct {
	Database string        `json:"database" doc:"The database that the backups are of."`
	Backups  []OneBackup   `json:"backups" doc:"The backups there are, as backup.list gives them, in any order."`
	Restore  *float64      `json:"restore_seconds,omitempty" doc:"How long restoring took just now: the recovery time that was measured." default:"the time of the newest backup that was restored"`
	RTO      sops.Duration `json:"rto,omitempty" doc:"How long a restore may take." default:"no promise"`
	RPO      sops.Duration `json:"rpo,omitempty" doc:"How much time's data may be lost: how old the newest verified backup may be." default:"no promise"`
}

// OneBackup is what a report needs to know of a backup.
type OneBackup struct {
	Key            string    `json:"key" doc:"Its folder in the bucket."`
	At             time.Time `json:"at" doc:"The moment whose data it holds."`
	Bytes          int64     `json:"bytes,omitempty" doc:"Its size."`
	Verified       bool      `json:"verified" doc:"It has been restored and compared."`
	RestoreSeconds float64   `json:"restore_seconds,omitempty" doc:"How long that took; 0 is not known."`
}

// Backup is the output of report.backup.
type Backup struct {
	artifact.Saved
	Backups    int        `json:"backups" doc:"How many there are"`
	Verified   int        `json:"verified" doc:"and how many of them were restored and compared."`
	Newest     string     `json:"newest" doc:"Key of the newest verified one; empty when there is none."`
	At         *time.Time `json:"at,omitempty" doc:"The moment whose data that holds."`
	Recovery   *float64   `json:"rto_seconds,omitempty" doc:"How long a restore takes, as measured; absent when it never was."`
	Loss       *float64   `json:"rpo_seconds,omitempty" doc:"How much time's data would be lost now; absent without a verified backup."`
	LongestGap *float64   `json:"longest_gap_seconds,omitempty" doc:"The longest time between two verified backups; absent with fewer than two."`
	RTOMet     bool       `json:"rto_met" doc:"The promised restore time was measured to hold, or none is promised."`
	RPOMet     bool       `json:"rpo_met" doc:"The newest verified backup is young enough, or nothing is promised."`
	Met        bool       `json:"met" doc:"Both hold and there is a verified backup."`
	Missing    []string   `json:"missing" doc:"What is not known, with the reason."`
	Summary    string     `json:"summary" doc:"One sentence."`
}

func (a actions) backup(ctx context.Context, in BackupInput) (Backup, error) {
	if err := a.usable("report.backup"); err != nil {
		return Backup{}, err
	}
	switch {
	case in.Database == "":
		return Backup{}, action.Permanent(action.ErrInput, "database is empty; name the database that the backups are of")
	case in.Restore != nil && *in.Restore < 0:
		return Backup{}, action.Permanent(action.ErrInput, "restore_seconds is negative")
	case !activity.IsActivity(ctx):
		return Backup{}, errors.New("report.backup: it has to be called as an activity, whose run the report belongs to")
	}
	out := judge(in, time.Now().UTC())
	saved, err := a.keeper.Keep(ctx, "backup-report-"+in.Database+".md", func(w io.Writer) error { return writeBackup(w, in, &out) })
	out.Saved = saved
	return out, err
}

// judge says how things stand at a time.
func judge(in BackupInput, now time.Time) Backup {
	good := slices.DeleteFunc(slices.Clone(in.Backups), func(b OneBackup) bool { return !b.Verified })
	slices.SortFunc(good, func(a, b OneBackup) int { return b.At.Compare(a.At) })
	out := Backup{Backups: len(in.Backups), Verified: len(good), Recovery: in.Restore, Missing: []string{}}
	if len(good) > 0 {
		out.Newest, out.At = good[0].Key, &good[0].At
		out.Loss = seconds(now.Sub(good[0].At))
	}
	for i := 1; i < len(good); i++ {
		gap := seconds(good[i-1].At.Sub(good[i].At))
		if out.LongestGap == nil || *gap > *out.LongestGap {
			out.LongestGap = gap
		}
	}
	if i := slices.IndexFunc(good, func(b OneBackup) bool { return b.RestoreSeconds > 0 }); out.Recovery == nil && i >= 0 {
		out.Recovery = &good[i].RestoreSeconds
	}
	out.RTOMet = holds(in.RTO, out.Recovery)
	out.RPOMet = holds(in.RPO, out.Loss)
	out.Met = out.RTOMet && out.RPOMet && len(good) > 0
	out.lacks()
	out.Summary = out.sentence(in)
	return out
}

// holds says whether a figure keeps to its promise. What was not measured keeps none.
func holds(promised sops.Duration, measured *float64) bool {
	return promised == 0 || measured != nil && *measured <= time.Duration(promised).Seconds()
}

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}

func (b *Backup) lacks() {
	if b.Loss == nil {
		b.Missing = append(b.Missing, "how much would be lost: no backup has been restored and compared")
	}
	if b.Recovery == nil {
		b.Missing = append(b.Missing, "how long a restore takes: it was never measured")
	}
	if b.LongestGap == nil {
		b.Missing = append(b.Missing, "how regular backups are: there are fewer than two verified ones")
	}
}

func (b *Backup) sentence(in BackupInput) string {
	if b.Newest == "" {
		return fmt.Sprintf("%s can't be counted on: %s, none of them verified.", in.Database, count(b.Backups, "backup"))
	}
	parts := []string{fmt.Sprintf("%s, %d of them verified", count(b.Backups, "backup"), b.Verified)}
	parts = append(parts, "data of "+secondsText(*b.Loss)+" would be lost"+promise(in.RPO, b.RPOMet))
	if b.Recovery != nil {
		parts = append(parts, "restoring takes "+secondsText(*b.Recovery)+promise(in.RTO, b.RTOMet))
	} else {
		parts = append(parts, "how long restoring takes is not known")
	}
	return in.Database + ": " + strings.Join(parts, ", ") + "."
}

func promise(d sops.Duration, met bool) string {
	switch {
	case d == 0:
		return ""
	case met:
		return " (promised: at most " + d.String() + ")"
	default:
		return " — more than the promised " + d.String()
	}
}

func secondsText(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return sops.Duration(d.Round(time.Second)).String()
}

func writeBackup(w io.Writer, in BackupInput, out *Backup) error {
	p := &page{}
	p.line("# Backups of %s\n", inText(in.Database))
	p.line("%s", inText(out.Summary))
	p.section("Promises")
	p.table([]string{"promise", "at most", "measured", "kept"}, [][]string{
		{"time to restore (RTO)", promised(in.RTO), optional(out.Recovery, secondsText), yes(out.RTOMet)},
		{"data that would be lost (RPO)", promised(in.RPO), optional(out.Loss, secondsText), yes(out.RPOMet)},
		{"longest time between two backups", promised(in.RPO), optional(out.LongestGap, secondsText), ""},
	})
	p.section("Backups")
	all := slices.Clone(in.Backups)
	slices.SortFunc(all, func(a, b OneBackup) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Key, b.Key)) })
	var rows [][]string
	for _, b := range all {
		restored := ""
		if b.RestoreSeconds > 0 {
			restored = secondsText(b.RestoreSeconds)
		}
		rows = append(rows, []string{inText(b.Key), b.At.UTC().Format(time.DateTime), bytesText(float64(b.Bytes)), yes(b.Verified), restored})
	}
	p.table([]string{"key", "taken (UTC)", "size", "verified", "restored in"}, rows)
	if len(out.Missing) > 0 {
		p.section("Missing from this report")
		p.list(out.Missing, "")
	}
	_, err := p.WriteTo(w)
	return err
}

func promised(d sops.Duration) string {
	if d == 0 {
		return "nothing promised"
	}
	return d.String()
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

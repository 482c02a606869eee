package report

import (
	"context"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	write "github.com/orderly-ops/orderly/internal/report"
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

// Backup is the output of report.backup.
type Backup struct {
	Written
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
}

func (a actions) backup(ctx context.Context, in BackupInput) (Backup, error) {
	const name = "report.backup"
	if err := a.usable(name); err != nil {
		return Backup{}, err
	}
	switch {
	case in.Database == "":
		return Backup{}, action.Permanent(action.ErrInput, "database is empty; name the database that the backups are of")
	case in.Restore != nil && *in.Restore < 0:
		return Backup{}, action.Permanent(action.ErrInput, "restore_seconds is negative")
	}
	if err := asActivity(ctx, name); err != nil {
		return Backup{}, err
	}
	model := in.model(time.Now().UTC())
	model.Run = own(ctx)
	out := standing(model)
	var err error
	out.Written, err = a.keep(ctx, "backup-report-"+in.Database, model.Document())
	return out, err
}

// model is what the report is made of.
func (in *BackupInput) model(now time.Time) *write.Backups {
	return &write.Backups{
		Database: in.Database, All: in.Backups, Restore: in.Restore,
		RTO: time.Duration(in.RTO), RPO: time.Duration(in.RPO), Made: now,
	}
}

// standing is how things stand, as steps see it.
func standing(model *write.Backups) Backup {
	s := model.Standing()
	out := Backup{
		Backups: s.Backups, Verified: s.Verified, Recovery: s.Recovery, Loss: s.Loss, LongestGap: s.LongestGap,
		RTOMet: s.RTOMet, RPOMet: s.RPOMet, Met: s.Met(),
	}
	if s.Newest != nil {
		out.Newest, out.At = s.Newest.Key, &s.Newest.At
	}
	return out
}

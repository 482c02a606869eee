package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

const (
	anHour = sops.Duration(time.Hour)
	aDay   = sops.Duration(26 * time.Hour)
)

func TestOnlyVerifiedBackupsCount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	at := func(hoursAgo int) time.Time { return now.Add(-time.Duration(hoursAgo) * time.Hour) }
	for name, tc := range map[string]struct {
		in   BackupInput
		want Backup
	}{
		"AllIsWell": {
			in: BackupInput{RTO: anHour, RPO: aDay, Backups: []OneBackup{
				{Key: "b", At: at(49), Verified: true, RestoreSeconds: 80},
				{Key: "a", At: at(1), Verified: true, RestoreSeconds: 90.25},
				{Key: "c", At: at(25), Verified: true},
			}},
			want: Backup{
				Backups: 3, Verified: 3, Newest: "a", Recovery: ptr(90.25), Loss: ptr(3600), LongestGap: ptr(24 * 3600),
				RTOMet: true, RPOMet: true, Met: true, Written: Written{Missing: []string{},
					Summary: "docs-db: 3 backups, 3 of them verified, data of 1h would be lost (promised: at most 26h), restoring takes 1m30s (promised: at most 1h)."},
			},
		},
		"TheNewestOneWasNeverRestored": {
			in: BackupInput{RTO: anHour, RPO: aDay, Backups: []OneBackup{
				{Key: "new", At: at(1)}, {Key: "old", At: at(30), Verified: true, RestoreSeconds: 4000},
			}},
			want: Backup{
				Backups: 2, Verified: 1, Newest: "old", Recovery: ptr(4000), Loss: ptr(30 * 3600),
				Written: Written{Missing: []string{"how regular backups are: there are fewer than two verified ones"},
					Summary: "docs-db: 2 backups, 1 of them verified, data of 30h would be lost — more than the promised 26h, restoring takes 1h6m40s — more than the promised 1h. 1 part is missing from the report."},
			},
		},
		"WhatWasMeasuredJustNowCounts": {
			in: BackupInput{Restore: ptr(12), Backups: []OneBackup{{Key: "a", At: at(1), Verified: true, RestoreSeconds: 90}}},
			want: Backup{
				Backups: 1, Verified: 1, Newest: "a", Recovery: ptr(12), Loss: ptr(3600), RTOMet: true, RPOMet: true, Met: true,
				Written: Written{Missing: []string{"how regular backups are: there are fewer than two verified ones"},
					Summary: "docs-db: 1 backup, 1 of them verified, data of 1h would be lost, restoring takes 12s. 1 part is missing from the report."},
			},
		},
		"NothingWasEverRestored": {
			in: BackupInput{RTO: anHour, Backups: []OneBackup{{Key: "a", At: at(1)}}},
			want: Backup{
				Backups: 1, RPOMet: true,
				Written: Written{Missing: []string{
					"how long a restore takes: it was never measured",
					"how much would be lost: no backup has been restored and compared",
					"how regular backups are: there are fewer than two verified ones",
				},
					Summary: "docs-db can't be counted on: 1 backup, none of them verified. 3 parts are missing from the report."},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.in.Database = "docs-db"
			model := tc.in.model(now)
			got, doc := standing(model), model.Document()
			got.At, got.Missing, got.Summary = nil, doc.Lacking(), doc.Summary
			require.Equal(t, tc.want, got)
		})
	}
}

func TestABackupReportIsKept(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	out, err := called(t, d.backup, BackupInput{Database: "docs-db", RTO: anHour, RPO: aDay, Backups: []OneBackup{
		{Key: "database/docs-db/1", At: time.Now().Add(-time.Hour), Bytes: 3 << 20, Verified: true, RestoreSeconds: 2.5},
		{Key: "database/docs-db/2", At: time.Now().Add(-25 * time.Hour), Bytes: 1 << 10},
	}})
	require.NoError(t, err)
	require.True(t, out.Met)
	require.InDelta(t, 3600, *out.Loss, 60)
	text := d.kept(t, out.Key)
	require.Contains(t, text, "# Backups of docs-db\n")
	require.Contains(t, text, "| time to restore (RTO) | 1h | 2.5s | yes |\n")
	require.Regexp(t, `\| database/docs-db/1 \| \S+ \S+ \| 3 MiB \| yes \| 2.5s \|\n\| database/docs-db/2 \| \S+ \S+ \| 1 KiB \| no \|  \|\n`, text)

	_, err = called(t, d.backup, BackupInput{})
	testenv.RequirePermanent(t, err, action.ErrInput)
	_, err = called(t, d.backup, BackupInput{Database: "d", Restore: ptr(-1)})
	testenv.RequirePermanent(t, err, action.ErrInput)
	_, err = called(t, actions{}.backup, BackupInput{Database: "d"})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
}

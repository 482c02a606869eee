package kpi

import (
	"context"
	"encoding/csv"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
)

// small is a Set with one incident of a service with a name that nobody should have.
func small(t *testing.T, by By) *Set {
	t.Helper()
	rec := solved(acked(anIncident("a", day), "ana", 2*time.Minute), "ana", 20*time.Minute)
	rec.Incident.Services = []string{"=cmd|'/c calc'!A1", `say "hi", \n`}
	o := november
	o.By = by
	return read(t, o, rec)
}

func TestCSVHasALineForEachFigure(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, small(t, ByService).WriteCSV(&out))
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+3*9)
	require.Equal(t, csvHeader, rows[0])
	require.Equal(t, []string{"", "", "mtta", "120", "s", "1", "< 300", "true", "2026-11-02T00:00:00Z", "2026-11-30T00:00:00Z"}, rows[1])
	require.Equal(t, []string{"", "", "satisfaction", "", "score", "0", "> 4.5", "", "2026-11-02T00:00:00Z", "2026-11-30T00:00:00Z"}, rows[9])
	require.Equal(t, "'=cmd|'/c calc'!A1", rows[10][1], "no spreadsheet takes it for a formula")
	require.Equal(t, `say "hi", \n`, rows[19][1])
}

func TestPrometheusShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, small(t, ByNothing).WritePrometheus(&out))
	for _, line := range []string{
		"# HELP orderly_kpi_mtta_seconds Mean time to acknowledge in the period; target < 5m. No data, no sample.",
		"# TYPE orderly_kpi_mtta_seconds gauge", "orderly_kpi_mtta_seconds 120", `orderly_kpi_records{kpi="mtta"} 1`,
		`orderly_kpi_target_met{kpi="mttr"} 1`, "orderly_kpi_incidents_opened 1", "orderly_kpi_period_seconds 2.4192e+06",
	} {
		require.Contains(t, out.String(), line+"\n")
	}
	require.NotContains(t, out.String(), "satisfaction_score ")
	out.Reset()
	require.NoError(t, small(t, ByService).WritePrometheus(&out))
	require.Contains(t, out.String(), `orderly_kpi_mttr_seconds{service="say \"hi\", \\n"} 1200`)
	require.Contains(t, out.String(), `orderly_kpi_records{kpi="mttr",service="=cmd|'/c calc'!A1"} 1`)
	require.ErrorContains(t, small(t, ByWeek).WritePrometheus(&out), "by week")
}

func TestMetricNamesFollowPrometheus(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, small(t, ByNothing).WritePrometheus(&out))
	problems, err := promlint.New(strings.NewReader(out.String())).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestTheCollectorMakesFiguresAtMostEveryFiveMinutes(t *testing.T) {
	t.Parallel()
	set := small(t, ByNothing)
	synctest.Test(t, func(t *testing.T) {
		made, broken := 0, false
		c := NewCollector(func(context.Context) (*Set, error) {
			made++
			if broken {
				return nil, errors.New("the journal is away")
			}
			return set, nil
		}, slog.New(slog.DiscardHandler))
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(c)
		for range 3 {
			require.Equal(t, 1, count(t, registry))
		}
		require.Equal(t, 1, made)
		broken = true
		time.Sleep(freshEnough)
		require.Equal(t, 1, count(t, registry), "the older ones are shown")
		require.Equal(t, 2, made)
	})
}

// count is how many samples of MTTA are shown.
func count(t *testing.T, registry *prometheus.Registry) int {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	n := 0
	for _, f := range families {
		if f.GetName() == "orderly_kpi_mtta_seconds" {
			n += len(f.GetMetric())
		}
	}
	return n
}

func TestNoCellIsAFormulaOrACommand(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"api": "api", "": "", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": "' =1", "\r\n=1": "'  =1", "\u200b=1": "' =1", "a\x1b[31m": "a [31m", "a=1": "a=1", "ü": "ü",
	} {
		require.Equal(t, want, harmless(cell), "%q", cell)
	}
}

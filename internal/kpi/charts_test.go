package kpi

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// weekly reads records by week.
func weekly(t *testing.T, all ...*workflows.Record) *Set {
	t.Helper()
	o := november
	o.By, o.Since = ByWeek, monday.Add(-63*day)
	return read(t, o, all...)
}

// draw makes the charts, checks that each is a document of its own, and keeps them where asked.
func draw(t *testing.T, set *Set) map[string]string {
	t.Helper()
	charts, err := Charts(set)
	require.NoError(t, err)
	out := map[string]string{}
	for _, c := range charts {
		out[c.Name] = string(c.SVG)
		require.Less(t, len(c.SVG), 20_000)
		dec := xml.NewDecoder(strings.NewReader(out[c.Name]))
		for err = nil; err == nil; {
			_, err = dec.Token()
		}
		require.True(t, errors.Is(err, io.EOF), "%s: %v", c.Name, err)
		for _, never := range []string{"<script", "href", "NaN", "Inf", "ZgotmplZ", "url("} {
			require.NotContains(t, out[c.Name], never)
		}
		require.Contains(t, out[c.Name], "<title id=\""+c.Name+"-title\">"+c.Title+"</title>")
		require.Contains(t, out[c.Name], `role="img"`)
		if dir := os.Getenv("ORDERLY_CHARTS"); dir != "" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+"-"+c.Name+".svg"), c.SVG, 0o600))
		}
	}
	return out
}

func TestChartsOfAQuarter(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 5))
	var all []*workflows.Record
	for n := range 60 {
		opened := -60*day + time.Duration(n)*30*time.Hour
		rec := randomIncident(rng, fmt.Sprint(n), opened)
		rec.Incident.Severity = pick(rng, "P0", "P1", "P1", "P2", "P3")
		all = append(all, rec)
	}
	set := weekly(t, all...)
	got := draw(t, set)
	require.Contains(t, got["mtta-mttr"], "target &lt; 5m")
	require.Contains(t, got["incidents"], "P3")
	require.Contains(t, got["sla"], "99.5 %")
}

func TestAWeekWithoutDataIsAGap(t *testing.T) {
	t.Parallel()
	a, b, c := anIncident("a", -49*day), anIncident("b", -48*day), anIncident("c", 2*day)
	for _, rec := range []*workflows.Record{a, b, c} {
		solved(acked(rec, "ana", day/1440), "ana", day/24)
	}
	got := draw(t, weekly(t, a, b, c))
	require.Equal(t, 2, strings.Count(got["mtta-mttr"], "<circle"))
	require.Contains(t, got["sla"], NoData)
}

func TestWithoutIncidentsChartsSaySo(t *testing.T) {
	t.Parallel()
	for _, svg := range draw(t, weekly(t)) {
		require.Contains(t, svg, NoData)
	}
	_, err := Charts(read(t, november))
	require.ErrorContains(t, err, "by week")
}

func TestWhatPeopleWroteStaysTextInCharts(t *testing.T) {
	t.Parallel()
	rec := anIncident("a", day)
	rec.Incident.Severity = `P1</text><script>alert("x")</script>&{{.}}`
	svg := draw(t, weekly(t, rec))["incidents"]
	require.Contains(t, svg, "P1&lt;/text&gt;&lt;script&gt;")
}

package kpi

import (
	"errors"
	"io"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// metricNames are the gauges of the figures; their names stay.
func metricNames() map[ID]string {
	return map[ID]string{
		MTTA:          "orderly_kpi_mtta_seconds",
		MTTR:          "orderly_kpi_mttr_seconds",
		MTBF:          "orderly_kpi_mtbf_seconds",
		Recurrence:    "orderly_kpi_recurrence_ratio",
		Escalation:    "orderly_kpi_escalation_accuracy_ratio",
		SLA:           "orderly_kpi_sla_compliance_ratio",
		Documentation: "orderly_kpi_documentation_ratio",
		Participation: "orderly_kpi_participation_ratio",
		Satisfaction:  "orderly_kpi_satisfaction_score",
	}
}

// describe explains a gauge in one line.
func (d definition) describe() string {
	return d.title + " in the period; target " + d.target.text(d.unit) + ". No data, no sample."
}

// gauge makes a metric's family.
type gauge struct {
	desc   *prometheus.Desc
	labels int
}

func newGauge(name, help string, labels ...string) gauge {
	return gauge{desc: prometheus.NewDesc(name, help, labels, nil), labels: len(labels)}
}

func (g gauge) set(ch chan<- prometheus.Metric, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, v, labels[:g.labels]...)
}

// send makes the metrics of a Set: its groups', each with its label, or the whole period's where there are none.
func (s *Set) send(ch chan<- prometheus.Metric) {
	groups, label := s.Groups, []string{string(s.By)}
	if s.By == ByNothing {
		groups, label = []Group{{Incidents: s.Incidents, Figures: s.Figures}}, nil
	}
	names := metricNames()
	records := newGauge("orderly_kpi_records", "On how many records a key figure rests.", append(label, "kpi")...)
	met := newGauge("orderly_kpi_target_met", "1 when a key figure is as it should be, 0 when it is not. No data, no sample.", append(label, "kpi")...)
	open := newGauge("orderly_kpi_incidents_open", "Incidents that were going on when the period ended.", label...)
	nobody := newGauge("orderly_kpi_incidents_unacknowledged", "Those of them that nobody had acknowledged.", label...)
	opened := newGauge("orderly_kpi_incidents_opened", "Incidents that opened in the period.", label...)
	values := map[ID]gauge{}
	for _, d := range definitions() {
		values[d.id] = newGauge(names[d.id], d.describe(), label...)
	}
	for _, g := range groups {
		key := []string{g.Key}[:len(label)]
		for _, f := range g.Figures {
			named := slices.Concat(key, []string{string(f.ID)})
			records.set(ch, float64(f.N), named...)
			if f.Value != nil {
				values[f.ID].set(ch, *f.Value, key...)
				met.set(ch, one(*f.Met), named...)
			}
		}
		open.set(ch, float64(g.Incidents.Open), key...)
		nobody.set(ch, float64(g.Incidents.Unacknowledged), key...)
		opened.set(ch, float64(g.Incidents.Opened), key...)
	}
	newGauge("orderly_kpi_records_left_out", "Runs whose records could not be read.").set(ch, float64(len(s.LeftOut)))
	newGauge("orderly_kpi_period_seconds", "How long the period is that key figures are of.").set(ch, s.Until.Sub(s.Since).Seconds())
	newGauge("orderly_kpi_period_end_timestamp_seconds", "When that period ended.").set(ch, float64(s.Until.Unix()))
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// fixed shows one Set.
type fixed struct{ set *Set }

// Describe says nothing: which metrics there are depends on the data.
func (fixed) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (f fixed) Collect(ch chan<- prometheus.Metric) { f.set.send(ch) }

// WritePrometheus writes the figures as gauges in Prometheus' text format. Weeks are no label: a series must not
// grow one for ever.
func (s *Set) WritePrometheus(out io.Writer) error {
	if s.By == ByWeek {
		return errors.New("metrics can't be grouped by week: Prometheus keeps the course of time itself")
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(fixed{s}); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(out, f); err != nil {
			return err
		}
	}
	return nil
}

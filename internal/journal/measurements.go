package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Measurement is one figure of one subject: memory_used of host web-1, 71.5 %.
type Measurement struct {
	WorkflowID string
	RunID      string
	Step       string // path of the step that measured
	Name       string // what: "memory_used", "api_mean"
	Subject    string // of what: a host, a container, an endpoint
	Value      float64
	Unit       string // "%", "s", "bytes"; "" for a plain number
	At         time.Time
}

func (m *Measurement) check() error {
	switch {
	case m.RunID == "" || m.Step == "" || m.Name == "":
		return errors.New("a measurement needs run, step and name")
	case m.At.IsZero():
		return fmt.Errorf("measurement %s needs a time", m.Name)
	case math.IsNaN(m.Value) || math.IsInf(m.Value, 0):
		return fmt.Errorf("measurement %s of %s is %v, not a number", m.Name, m.Subject, m.Value)
	}
	return nil
}

// Measure keeps figures, all or none. A figure that this run's step kept already stays as it is.
func (j *Journal) Measure(ctx context.Context, figures []Measurement) error {
	rows := make([][]any, len(figures))
	for i, m := range figures {
		if err := m.check(); err != nil {
			return j.failed("measure", err)
		}
		rows[i] = []any{
			m.WorkflowID, m.RunID, clean(m.Step), clean(m.Name), clean(m.Subject), m.Value, clean(m.Unit), stamp(m.At),
		}
	}
	into := target{table: "orderly_measurements", conflict: stays,
		columns: []string{"workflow_id", "run_id", "step", "name", "subject", "value", "unit", "measured"}}
	if err := j.insert(ctx, into, rows); err != nil {
		return j.failed("measure", err)
	}
	return nil
}

// Point is one value of a figure.
type Point struct {
	At    time.Time
	Value float64
	Unit  string
}

// maxPoints bounds what a trend reads: a figure a minute for more than two weeks.
const maxPoints = 25_000

// Trend gives a figure's values in [from, to), oldest first. Of very many only the newest 25,000 are read.
func (j *Journal) Trend(ctx context.Context, name, subject string, from, to time.Time) ([]Point, error) {
	c := figure(name, subject, from, to)
	query := c.query("SELECT measured, value, unit FROM (SELECT measured, value, unit, run_id FROM orderly_measurements",
		"ORDER BY measured DESC, run_id DESC"+limit(maxPoints)+") AS newest ORDER BY measured, run_id")
	rows, err := j.read.QueryContext(ctx, query, c.args...)
	return collect(j, "read the trend of "+name, rows, err, func(s scanner) (Point, error) {
		var (
			p  Point
			at stamp
		)
		err := s.Scan(&at, &p.Value, &p.Unit)
		p.At = time.Time(at)
		return p, err
	})
}

// Day is what a figure was like on one UTC day.
type Day struct {
	Day            string // YYYY-MM-DD
	Mean, Min, Max float64
	Points         int
}

// Days sums a figure up by UTC day in [from, to), oldest first. Days without a value are left out.
func (j *Journal) Days(ctx context.Context, name, subject string, from, to time.Time) ([]Day, error) {
	c := figure(name, subject, from, to)
	query := c.query("SELECT "+j.dialect.day+" AS day, avg(value), min(value), max(value), count(*) FROM orderly_measurements",
		"GROUP BY 1 ORDER BY 1")
	rows, err := j.read.QueryContext(ctx, query, c.args...)
	return collect(j, "read the days of "+name, rows, err, func(s scanner) (Day, error) {
		var d Day
		err := s.Scan(&d.Day, &d.Mean, &d.Min, &d.Max, &d.Points)
		return d, err
	})
}

// Subjects lists what a figure was measured of in [from, to), sorted.
func (j *Journal) Subjects(ctx context.Context, name string, from, to time.Time) ([]string, error) {
	var c conditions
	c.add("name = ?", name)
	c.between("measured", from, to)
	query := c.query("SELECT DISTINCT subject FROM orderly_measurements", "ORDER BY subject")
	rows, err := j.read.QueryContext(ctx, query, c.args...)
	return collect(j, "list the subjects of "+name, rows, err, func(s scanner) (string, error) {
		var subject string
		err := s.Scan(&subject)
		return subject, err
	})
}

func figure(name, subject string, from, to time.Time) *conditions {
	c := &conditions{}
	c.add("name = ?", name)
	c.add("subject = ?", subject)
	c.between("measured", from, to)
	return c
}

package journal

import (
	"context"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
)

const (
	defaultDays = 7
	maxDays     = 3650
	maxSubjects = 500 // above it the output would be too large to keep
)

// TrendInput is the input of journal.trend.
type TrendInput struct {
	Name    string   `json:"name" doc:"The figure, as journal.measure was given it."`
	Subject string   `json:"subject,omitempty" doc:"What it was measured of."`
	Days    int      `json:"days,omitempty" doc:"How far to look back, 1 to 3650 days of 24 hours." default:"7"`
	Limit   *float64 `json:"limit,omitempty" doc:"A value that must not be passed. With it the trend says when it would be reached."`
}

// Trend is how a figure moved.
type Trend struct {
	Name      string  `json:"name" doc:"The figure."`
	Subject   string  `json:"subject" doc:"What it was measured of."`
	Unit      string  `json:"unit" doc:"Unit of the newest value."`
	Days      int     `json:"days" doc:"How far back was looked."`
	Points    int     `json:"points" doc:"How many values there are. Zero leaves every number zero."`
	First     float64 `json:"first" doc:"The oldest value."`
	Last      float64 `json:"last" doc:"The newest value."`
	Mean      float64 `json:"mean" doc:"The mean of all values."`
	Min       float64 `json:"min" doc:"The smallest."`
	Max       float64 `json:"max" doc:"The largest."`
	Change    float64 `json:"change" doc:"Last less first."`
	Percent   float64 `json:"change_percent" doc:"The change as a share of first; 0 when first is 0."`
	Enough    bool    `json:"enough" doc:"Whether there are at least three values over at least a tenth of the time. If not, direction is unknown and slope 0."`
	Slope     float64 `json:"slope" doc:"Change a day, of the straight line that fits best."`
	Direction string  `json:"direction" enum:"rising,falling,steady,unknown" doc:"Steady when the line moves less than 5 % of the mean, or less than the values scatter around it."`
	// These only mean something when a limit was given.
	ReachesLimit bool    `json:"reaches_limit" doc:"At this slope the limit will be reached within ten years."`
	DaysToLimit  float64 `json:"days_to_limit" doc:"Days until then, from the newest value; 0 unless reaches_limit."`

	Text string `json:"text" doc:"All this in one sentence."`
}

// TrendOutput is the output of journal.trend.
type TrendOutput struct {
	Trend
	Daily []Day `json:"daily" doc:"The figure by UTC day, oldest first. Days without values are left out."`
}

// Day sums a figure up over one UTC day.
type Day struct {
	Day    string  `json:"day" doc:"YYYY-MM-DD."`
	Mean   float64 `json:"mean" doc:"The mean of the day's values."`
	Min    float64 `json:"min" doc:"The smallest."`
	Max    float64 `json:"max" doc:"The largest."`
	Points int     `json:"points" doc:"How many there are."`
}

func (a actions) trend(ctx context.Context, in TrendInput) (TrendOutput, error) {
	from, to, err := a.window(in.Name, in.Days)
	if err != nil {
		return TrendOutput{}, err
	}
	trend, err := a.one(ctx, in, from, to)
	if err != nil {
		return TrendOutput{}, err
	}
	days, err := a.journal.Days(ctx, in.Name, in.Subject, from, to)
	if err != nil {
		return TrendOutput{}, err
	}
	out := TrendOutput{Trend: trend, Daily: make([]Day, len(days))}
	for i, d := range days {
		out.Daily[i] = Day(d)
	}
	return out, nil
}

// TrendsInput is the input of journal.trends.
type TrendsInput struct {
	Name     string   `json:"name" doc:"The figure, as journal.measure was given it."`
	Subjects []string `json:"subjects,omitempty" doc:"What it was measured of." default:"everything it was measured of in that time"`
	Days     int      `json:"days,omitempty" doc:"How far to look back, 1 to 3650 days of 24 hours." default:"7"`
	Limit    *float64 `json:"limit,omitempty" doc:"A value that must not be passed. With it each trend says when it would be reached."`
}

// TrendsOutput is the output of journal.trends.
type TrendsOutput struct {
	Trends  []Trend `json:"trends" doc:"One for each subject, in the order asked for, or else sorted by subject."`
	LeftOut int     `json:"left_out" doc:"How many subjects were too many to look at."`
}

func (a actions) trends(ctx context.Context, in TrendsInput) (TrendsOutput, error) {
	from, to, err := a.window(in.Name, in.Days)
	if err != nil {
		return TrendsOutput{}, err
	}
	subjects := in.Subjects
	if len(subjects) == 0 {
		if subjects, err = a.journal.Subjects(ctx, in.Name, from, to); err != nil {
			return TrendsOutput{}, err
		}
	}
	out := TrendsOutput{Trends: []Trend{}, LeftOut: max(0, len(subjects)-maxSubjects)}
	for _, subject := range subjects[:len(subjects)-out.LeftOut] {
		trend, err := a.one(ctx, TrendInput{Name: in.Name, Subject: subject, Days: in.Days, Limit: in.Limit}, from, to)
		if err != nil {
			return TrendsOutput{}, err
		}
		out.Trends = append(out.Trends, trend)
	}
	return out, nil
}

// window checks what was asked for and is the time looked at, which ends now.
func (a actions) window(name string, days int) (from, to time.Time, err error) {
	switch {
	case a.journal == nil:
		return from, to, errNoJournal()
	case name == "":
		return from, to, action.Permanent(action.ErrInput, "name is empty; name the figure that journal.measure keeps")
	case days < 0 || days > maxDays:
		return from, to, action.Permanent(action.ErrInput, "days is %d; it goes from 1 to %d", days, maxDays)
	case days == 0:
		days = defaultDays
	}
	// A value kept by the step before may carry this very moment.
	to = time.Now().Add(time.Second)
	return to.Add(-time.Duration(days) * 24 * time.Hour), to, nil
}

func (a actions) one(ctx context.Context, in TrendInput, from, to time.Time) (Trend, error) {
	points, err := a.journal.Trend(ctx, in.Name, in.Subject, from, to)
	if err != nil {
		return Trend{}, err
	}
	t := Trend{Name: in.Name, Subject: in.Subject, Days: in.Days, Direction: "unknown"}
	if t.Days == 0 {
		t.Days = defaultDays
	}
	t.measure(points)
	if in.Limit != nil {
		t.forecast(*in.Limit)
	}
	t.Text = t.sentence(in.Limit)
	return t, nil
}

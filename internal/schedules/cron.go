package schedules

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
	"go.temporal.io/sdk/client"
)

// times is when a schedule is due, as one set of values a field: Temporal keeps calendars, not the cron
// text, and there are many ways to write the same.
type times struct {
	minute, hour, dayOfMonth, month, dayOfWeek uint64
}

// The values that a field can have.
var (
	everyMinute     = span(0, 59)
	everyHour       = span(0, 23)
	everyDayOfMonth = span(1, 31)
	everyMonth      = span(1, 12)
	everyDayOfWeek  = span(0, 6)
)

func span(first, last int) uint64 {
	var set uint64
	for i := first; i <= last; i++ {
		set |= 1 << i
	}
	return set
}

// parseCron reads five fields or one of @hourly, @daily, @weekly, @monthly, @yearly.
func parseCron(text string) (times, error) {
	parsed, err := cron.ParseStandard(text)
	if err != nil {
		return times{}, fmt.Errorf("cron %q: %w", text, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok || strings.Contains(text, "TZ=") {
		return times{}, fmt.Errorf("cron %q: write five fields, minute to day of week; the zone goes into time_zone", text)
	}
	const star = 1 << 63 // robfig marks a field that was written as *
	return times{
		minute: spec.Minute &^ star, hour: spec.Hour &^ star, dayOfMonth: spec.Dom &^ star,
		month: spec.Month &^ star, dayOfWeek: spec.Dow &^ star,
	}, nil
}

// calendar is the times in Temporal's words. Its comment, the cron text, is what the UI shows.
func (t times) calendar(comment string) client.ScheduleCalendarSpec {
	return client.ScheduleCalendarSpec{
		Minute: ranges(t.minute), Hour: ranges(t.hour), DayOfMonth: ranges(t.dayOfMonth),
		Month: ranges(t.month), DayOfWeek: ranges(t.dayOfWeek), Comment: comment,
	}
}

// ranges writes a set as runs of consecutive values.
func ranges(set uint64) []client.ScheduleRange {
	var all []client.ScheduleRange
	for set != 0 {
		first := bits.TrailingZeros64(set)
		last := first
		for set&(1<<(last+1)) != 0 {
			last++
		}
		all = append(all, client.ScheduleRange{Start: first, End: last, Step: 1})
		set &^= span(first, last)
	}
	return all
}

// readCalendar reads what the cluster keeps. It is false for times that five cron fields can't say.
func readCalendar(c client.ScheduleCalendarSpec) (times, bool) {
	if seconds := readRanges(c.Second); seconds > 1 || len(c.Year) > 0 {
		return times{}, false
	}
	orAll := func(set, all uint64) uint64 {
		if set == 0 {
			return all
		}
		return set
	}
	return times{
		minute:     orAll(readRanges(c.Minute), 1),
		hour:       orAll(readRanges(c.Hour), 1),
		dayOfMonth: orAll(readRanges(c.DayOfMonth), everyDayOfMonth),
		month:      orAll(readRanges(c.Month), everyMonth),
		dayOfWeek:  orAll(readRanges(c.DayOfWeek), everyDayOfWeek),
	}, true
}

func readRanges(all []client.ScheduleRange) uint64 {
	var set uint64
	for _, r := range all {
		for i := r.Start; i <= max(r.Start, r.End) && i < 63; i += max(1, r.Step) {
			set |= 1 << i
		}
	}
	return set
}

// String writes the times as cron.
func (t times) String() string {
	return strings.Join([]string{
		field(t.minute, everyMinute), field(t.hour, everyHour), field(t.dayOfMonth, everyDayOfMonth),
		field(t.month, everyMonth), field(t.dayOfWeek, everyDayOfWeek),
	}, " ")
}

func field(set, all uint64) string {
	if set == all {
		return "*"
	}
	if step, ok := stepOf(set, all); ok {
		return "*/" + strconv.Itoa(step)
	}
	var parts []string
	for _, r := range ranges(set) {
		part := strconv.Itoa(r.Start)
		if r.End > r.Start {
			part += "-" + strconv.Itoa(r.End)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// stepOf finds the n of "*/n".
func stepOf(set, all uint64) (int, bool) {
	first := bits.TrailingZeros64(all)
	last := 63 - bits.LeadingZeros64(all)
	for step := 2; first+step <= last; step++ {
		var candidate uint64
		for i := first; i <= last; i += step {
			candidate |= 1 << i
		}
		if candidate == set && bits.OnesCount64(set) > 2 {
			return step, true
		}
	}
	return 0, false
}

// timesText describes a whole specification: cron for what cron can say, the rest in words.
func timesText(spec *client.ScheduleSpec) string {
	if spec == nil {
		return "never"
	}
	var parts []string
	for _, c := range spec.Calendars {
		if t, ok := readCalendar(c); ok {
			parts = append(parts, t.String())
			continue
		}
		parts = append(parts, "a calendar with seconds or years")
	}
	for _, i := range spec.Intervals {
		parts = append(parts, "every "+i.Every.String())
	}
	parts = append(parts, spec.CronExpressions...)
	slices.Sort(parts)
	if n := len(spec.Skip); n > 0 {
		parts = append(parts, fmt.Sprintf("except %d calendars", n))
	}
	if !spec.StartAt.IsZero() {
		parts = append(parts, "from "+spec.StartAt.UTC().Format("2006-01-02 15:04Z"))
	}
	if !spec.EndAt.IsZero() {
		parts = append(parts, "until "+spec.EndAt.UTC().Format("2006-01-02 15:04Z"))
	}
	if len(parts) == 0 {
		return "never"
	}
	return strings.Join(parts, "; ")
}

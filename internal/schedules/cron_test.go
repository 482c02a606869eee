package schedules

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func TestCronIsComparedByMeaning(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0 2 * * 0":          "0 2 * * 0",
		"0 2 * * SUN":        "0 2 * * 0",
		"0,15,30,45 * * * *": "*/15 * * * *",
		"*/20 8-17 * * 1-5":  "*/20 8-17 * * 1-5",
		"@daily":             "0 0 * * *",
		"5 4 1,15 JAN,JUL *": "5 4 1,15 1,7 *",
		"0-59 0 * * *":       "* 0 * * *",
	} {
		got, err := parseCron(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.String(), text)
		back, ok := readCalendar(got.calendar(text))
		require.True(t, ok)
		require.Equal(t, got, back, text)
	}
}

func TestCronRefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "* * * *", "61 * * * *", "@every 5m", "TZ=UTC 0 2 * * *", "0 0 2 * * *"} {
		_, err := parseCron(text)
		require.ErrorContains(t, err, "cron", text)
	}
}

func TestTimesThatCronCannotSayAreToldInWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, "never", timesText(nil))
	require.Equal(t, "a calendar with seconds or years; every 1h0m0s", timesText(&client.ScheduleSpec{
		Calendars: []client.ScheduleCalendarSpec{{Year: []client.ScheduleRange{{Start: 2027}}}},
		Intervals: []client.ScheduleIntervalSpec{{Every: 3600e9}},
	}))
}

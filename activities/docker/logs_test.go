package docker

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func TestLogsAreTheLastLines(t *testing.T) {
	t.Parallel()
	a := setup(t)
	c := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-lines", "60", "-exit", "1"}})
	testenv.AwaitContainer(t, c.ID, exited)
	long := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-lines", "60", "-size", "1000", "-exit", "1"}})
	testenv.AwaitContainer(t, long.ID, exited)
	terminal := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-lines", "3", "-exit", "1"}, Tty: true})
	testenv.AwaitContainer(t, terminal.ID, exited)

	cases := map[string]struct {
		in          LogsInput
		first, last string
		lines       int
		truncated   bool
	}{
		"FiftyByDefault":   {LogsInput{Container: c.Name}, "", "", 50, false},
		"ByID":             {LogsInput{Container: c.ID[:12]}, "", "", 50, false},
		"AsManyAsWanted":   {LogsInput{Container: c.Name, Tail: 3}, "", "", 3, false},
		"OfStdout":         {LogsInput{Container: c.Name, Tail: 60, Stream: "stdout"}, "line 2", "line 60", 30, false},
		"OfStderr":         {LogsInput{Container: c.Name, Tail: 60, Stream: "stderr"}, "line 1", "line 59", 30, false},
		"SinceAnHour":      {LogsInput{Container: c.Name, Since: sops.Duration(time.Hour)}, "", "", 50, false},
		"BoundedInBytes":   {LogsInput{Container: long.Name, MaxBytes: 2500, Stream: "stdout"}, "line 58" + strings.Repeat(".", 993), "line 60" + strings.Repeat(".", 993), 2, true},
		"OfATerminal":      {LogsInput{Container: terminal.Name}, "", "", 3, false},
		"NothingIsTooLate": {LogsInput{Container: c.Name, Since: sops.Duration(time.Nanosecond)}, "", "", 0, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.in.Host = "local"
			out, err := a.logs(t.Context(), tc.in)
			require.NoError(t, err)
			require.Equal(t, tc.lines, out.Lines)
			require.Equal(t, tc.truncated, out.Truncated)
			lines := strings.Split(strings.TrimSuffix(out.Text, "\n"), "\n")
			if tc.in.Stream != "" {
				require.Equal(t, []string{tc.first, tc.last}, []string{lines[0], lines[len(lines)-1]})
				return
			}
			// The engine reads both streams side by side, so their lines come in no certain order.
			if tc.lines > 0 {
				require.Len(t, lines, tc.lines)
				require.Regexp(t, `^line \d+$`, lines[0])
			}
		})
	}
}

func TestLogsTimestamps(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-lines", "1", "-exit", "0"}})
	testenv.AwaitContainer(t, c.ID, exited)
	out, err := setup(t).logs(t.Context(), LogsInput{Host: "local", Container: c.Name, Timestamps: true})
	require.NoError(t, err)
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\S+Z line 1\n$`, out.Text)
}

func TestLogsBoundsAreChecked(t *testing.T) {
	t.Parallel()
	a := at(t, "tcp://127.0.0.1:1", answerWithin)
	for _, in := range []LogsInput{{Tail: -1}, {Tail: maxTail + 1}, {MaxBytes: maxBytes + 1}, {MaxBytes: -5}} {
		in.Host, in.Container = "local", "web"
		_, err := a.logs(t.Context(), in)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
}

func FuzzEndKeepsTheLastBytesAsText(f *testing.F) {
	f.Add([]byte("one\ntwo\n"), 5)
	f.Add([]byte("\xff\xfe\x00\x1b[31mred\r\n"), 64)
	f.Add([]byte("é"), 1)
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		size = 1 + max(size, -size-1)%100
		e := newEnd(size)
		for part := raw; len(part) > 0; {
			n := min(7, len(part))
			_, _ = e.Write(part[:n])
			part = part[n:]
		}
		text := e.text()
		require.True(t, utf8.ValidString(text))
		require.NotContains(t, text, "\x00")
		require.LessOrEqual(t, len(text), 3*size+1, "a broken byte becomes three")
		require.Equal(t, len(raw) > size, e.lost)
	})
}

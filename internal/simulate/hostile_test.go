package simulate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/simulate"
)

// TestTextOfPeopleStaysText has markup of every kind in what people say and actions answer.
func TestTextOfPeopleStaysText(t *testing.T) {
	t.Parallel()
	const hostile = `<script>alert(1)</script> ${{ inputs.x }} *bold* =1+1 [a](b) {{.}} <!channel>`
	r := play(t, answered+`
actions: {restart: {fails: '`+hostile+`'}}
expect: {state: failed, steps: {restart: {error: '${{ inputs.x }}'}}}
`, release)
	require.Contains(t, stepOf(t, r, "restart").Error, hostile)
	r = play(t, `
people:
  - +1m ann: acknowledge
  - "+2m ann": {note: {text: '`+hostile+`'}}
  - "+3m ann": {resolve: {resolution: '`+hostile+`'}}
at: 2026-11-18T10:00:00Z
expect: {state: succeeded, timeline: ["<script>"]}
`, outage)
	require.Contains(t, text(t, r), `\u003cscript\u003e`)
}

// TestWhatIsTooMuchIsRefused has messages that a real run refuses.
func TestWhatIsTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	r := play(t, `
people:
  - +1m bob: note `+strings.Repeat("x", 5000)+`
  - +3m bob: resolve over
expect: {state: succeeded}
`, outage)
	require.Contains(t, r.Deeds[0].Refused, "longer than 4000 bytes")
}

// TestAnyMomentCanBeWritten keeps the words of times.
func TestAnyMomentCanBeWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+7m": "7m0s", "+0s": "0s", "+1h30m": "1h30m0s", "+30d": "720h0m0s", "+1w2d": "216h0m0s",
	} {
		m, err := simulate.ParseMoment(text)
		require.NoError(t, err, text)
		require.Equal(t, want, m.In(simulate.DefaultAt).Sub(simulate.DefaultAt).String())
	}
	for _, text := range []string{"", "+", "7m", "+-3m", "++3m", "yesterday", "2026-13-01T00:00:00Z", "+1000000w"} {
		_, err := simulate.ParseMoment(text)
		require.Error(t, err, text)
	}
}

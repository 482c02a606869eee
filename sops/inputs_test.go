package sops_test

import (
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// missing is a folder that is not there.
type missing struct{}

func (missing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

const withInputs = `sop: x
title: X
inputs:
  must: {type: string, required: true}
  n: {type: int, default: 3, enum: [3, 5]}
  mode: {type: string, default: fast, enum: [fast, thorough]}
  list: {type: list, default: [a]}
  age: {type: duration, default: 1d}
  since: {type: time}
  free: {type: map}
  share: {type: number}
key: ${{ inputs.must }}-${{ inputs.n }}
phases: [{id: one, steps: [{id: a, wait: 5m}]}]
`

func TestInputs(t *testing.T) {
	t.Parallel()
	p := parse(t, "x.yaml", withInputs)

	t.Run("AreFilledIn", func(t *testing.T) {
		t.Parallel()
		in, err := p.CheckInputs(map[string]any{"must": "m", "n": 5.0})
		require.NoError(t, err)
		require.Equal(t, map[string]any{
			"must": "m", "n": int64(5), "mode": "fast", "list": []any{"a"}, "age": "1d",
			"since": nil, "free": map[string]any{}, "share": 0.0,
		}, in)
		key, err := p.RunKey(in, time.Time{})
		require.NoError(t, err)
		require.Equal(t, "m-5", key)
		in["list"].([]any)[0] = "changed"
		again, err := p.CheckInputs(map[string]any{"must": "m"})
		require.NoError(t, err)
		require.Equal(t, []any{"a"}, again["list"])
	})
	t.Run("AreReportedAllAtOnce", func(t *testing.T) {
		t.Parallel()
		_, err := p.CheckInputs(map[string]any{"n": 4.0, "mode": "fats", "age": "soon", "musst": "x", "since": "now", "list": "a", "share": true})
		require.EqualError(t, err, `input "musst": x has no such input; did you mean "must"?
input "age": "soon" is not a duration; write it like 90s, 5m, 1h30m, 2d or 1w
input "list": want a list, found the text "a"
input "mode": "fats" is not one of fast, thorough; did you mean "fast"?
input "must" is missing (string)
input "n": 4 is not one of [3 5]
input "share": want a number, found the bool true
input "since": "now" is not a time; write it like 2026-11-21T02:14:00Z`)
	})
}

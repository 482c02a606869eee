package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFoldersThatMayBeCleaned(t *testing.T) {
	t.Parallel()
	cfg, err := read(t, "clean: {scratch: {dir: /tmp/docs}}", nil)
	require.NoError(t, err)
	require.Equal(t, Clean{Dir: "/tmp/docs", MinAge: 24 * time.Hour, How: CleanDelete}, cfg.Clean["scratch"])
	for src, says := range map[string]string{
		"clean: {a: {}}":                                       `the key "dir" is missing`,
		"clean: {a: {dir: tmp}}":                               "clean.a.dir: has to be an absolute path",
		"clean: {a: {dir: /}}":                                 "too large a part",
		"clean: {a: {dir: /var/}}":                             "too large a part",
		"clean: {a: {dir: /tmp/../home}}":                      "too large a part",
		"clean: {a: {dir: /usr/share/docs}}":                   "part of the operating system",
		"clean: {a: {dir: /tmp/a, match: [\"[\"]}}":            "clean.a.match: ",
		"clean: {a: {dir: /tmp/a, match: [\"../*\"]}}":         "clean.a.match: ",
		"clean: {a: {dir: /tmp/a, min_age: 1s}}":               "clean.a.min_age: has to be at least 1m",
		"clean: {a: {dir: /tmp/a, max_mb: 5}}":                 "clean.a.max_mb: goes with how: truncate",
		"clean: {a: {dir: /tmp/a, how: shred}}":                "is not one of delete, truncate",
		"clean: {a: {dir: /tmp/a, how: truncate, max_mb: -1}}": "can't be negative",
		"clean: {\"a b\": {dir: /tmp/a}}":                      "a name is made of",
	} {
		_, err := read(t, src, nil)
		require.ErrorContains(t, err, says, src)
	}
}

package s3

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/orderly-ops/orderly/activities/action"
)

// maxKeyBytes is S3's own limit.
const maxKeyBytes = 1024

// checkKey refuses keys that some server would take for another one: some keep objects as files.
func checkKey(doing, key string) error {
	why := ""
	switch {
	case key == "":
		why = "is empty"
	case len(key) > maxKeyBytes:
		why = "has more than 1024 bytes"
	case strings.HasPrefix(key, "/"):
		why = "begins with a slash"
	case strings.Contains(key, "//"):
		why = "has nothing between two slashes"
	case !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl):
		why = "has characters that no key should have"
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "." || part == ".." {
			why = "has . or .. as a part"
		}
	}
	if why == "" {
		return nil
	}
	if len(key) > 100 {
		key = key[:100] + "…"
	}
	return action.Permanent(action.ErrInput, "%s: key %q %s", doing, key, why)
}

package artifacts

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxKey  = 800 // bytes; S3 allows 1,024 with the prefix
	maxPart = 200 // bytes; file systems allow 255
)

// CheckKey says why a key can't be used. A key is a relative path: parts of letters, digits and the like,
// divided by slashes, none of them beginning with a dot, so that it can neither lead out of its folder nor
// meet a file that is being written.
func CheckKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("artifact key %q: has to have 1 to %d bytes", shown(key), maxKey)
	}
	for part := range strings.SplitSeq(key, "/") {
		if why := unfit(part); why != "" {
			return fmt.Errorf("artifact key %q: %s", shown(key), why)
		}
	}
	return nil
}

func unfit(part string) string {
	switch {
	case part == "":
		return "a part of it is empty"
	case part[0] == '.':
		return "a part of it begins with a dot"
	case len(part) > maxPart:
		return fmt.Sprintf("a part of it has more than %d bytes", maxPart)
	case !utf8.ValidString(part) || strings.ContainsFunc(part, forbidden):
		return "it has characters that not every store takes"
	}
	return ""
}

// forbidden are characters that some file system, URL or terminal takes for something else.
func forbidden(r rune) bool {
	return unicode.IsControl(r) || strings.ContainsRune(`\:*?"<>|`, r) || r == utf8.RuneError
}

// KeyPart makes one part of a key of any text. Different texts may give the same part.
func KeyPart(text string) string {
	part := strings.Map(func(r rune) rune {
		if r == '/' || unicode.IsSpace(r) || forbidden(r) {
			return '-'
		}
		return r
	}, strings.ToValidUTF8(text, "-"))
	part = strings.TrimLeft(part, ".-")
	for len(part) > maxPart/2 {
		_, size := utf8.DecodeLastRuneInString(part)
		part = part[:len(part)-size]
	}
	if part == "" {
		return "unnamed"
	}
	return part
}

// shown is the beginning of a key, for an error.
func shown(key string) string {
	const most = 100
	if len(key) > most {
		return key[:most] + "…"
	}
	return key
}

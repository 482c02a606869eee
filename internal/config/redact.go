package config

import (
	"encoding/json"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Redact replaces every secret of the configuration in text by "…": the value of every Secret and of
// every ${…}, the password inside a URL or DSN, and all of these as they look inside a URL, JSON or a
// quoted Go string. A bare address (http://127.0.0.1:5001) is no secret. Secrets of fewer than four
// characters are replaced only where they stand as a word.
func (c *Config) Redact(text string) string {
	if c == nil {
		return text
	}
	r := c.redactor
	if r == nil {
		r = newRedactor(secretsOf(c))
	}
	return r.redact(text)
}

// redactor knows the secrets in all their forms.
type redactor struct {
	long  *strings.Replacer
	short *regexp.Regexp // nil when there is none
}

// wordLength is from where on a secret is replaced also inside a word. Shorter ones would make every
// text unreadable.
const wordLength = 4

func newRedactor(values []string) *redactor {
	var long, short []string
	for _, value := range values {
		for _, part := range partsOf(value) {
			for _, form := range formsOf(part) {
				if len(form) < wordLength {
					short = append(short, form)
				} else {
					long = append(long, form)
				}
			}
		}
	}
	return &redactor{long: replacer(long), short: words(short)}
}

func (r *redactor) redact(text string) string {
	text = r.long.Replace(text)
	if r.short != nil {
		// Twice: what separates two of them belongs to one match only.
		for range 2 {
			text = r.short.ReplaceAllString(text, "${1}"+hidden+"${2}")
		}
	}
	return text
}

// replacer prefers the longest secret: a DSN before the password in it.
func replacer(secrets []string) *strings.Replacer {
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(secrets))
	for _, s := range slices.Compact(secrets) {
		pairs = append(pairs, s, hidden)
	}
	return strings.NewReplacer(pairs...)
}

func words(secrets []string) *regexp.Regexp {
	var quoted []string
	for _, s := range secrets {
		if s != "" {
			quoted = append(quoted, regexp.QuoteMeta(s))
		}
	}
	if quoted == nil {
		return nil
	}
	return regexp.MustCompile(`(^|[^\pL\pN])(?:` + strings.Join(quoted, "|") + `)($|[^\pL\pN])`)
}

// keywordPassword finds the password of a keyword DSN: host=db password='a b'.
var keywordPassword = regexp.MustCompile(`(?:^|\s)(?:ssl)?password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))`)

// partsOf is everything in a value that has to be hidden.
func partsOf(value string) []string {
	value = strings.TrimSpace(value)
	parts := []string{value}
	if strings.Contains(value, "\n") { // a key or certificate may be shown line by line
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) > 2*wordLength {
				parts = append(parts, line)
			}
		}
	}
	for _, m := range keywordPassword.FindAllStringSubmatch(value, -1) {
		parts = append(parts, m[1], m[2], strings.ReplaceAll(m[1], `\`, ""))
	}
	if m := authorization.FindStringSubmatch(value); m != nil {
		parts = append(parts, m[1])
	}
	if scheme, rest, ok := strings.Cut(value, "://"); ok && scheme != "" {
		return urlParts(value, scheme, rest, parts)
	}
	return parts
}

// authorization finds the credentials in an Authorization header.
var authorization = regexp.MustCompile(`^(?i:bearer|basic|token|apikey)\s+(\S.*)$`)

// urlParts is what is secret in scheme://rest. It also works on URLs that can't be parsed, because those
// are the ones that errors quote.
func urlParts(value, scheme, rest string, parts []string) []string {
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if !strings.Contains(rest, "@") && strings.Trim(tail, "/") == "" {
		return slices.DeleteFunc(parts, func(p string) bool { return p == value }) // a bare address
	}
	// An unescaped password may hold / ? # or @, so both readings count.
	for _, s := range []string{rest, authority} {
		i := strings.LastIndex(s, "@")
		if i < 0 {
			continue
		}
		user, password, has := strings.Cut(s[:i], ":")
		if !has && strings.HasPrefix(scheme, "http") {
			password = user // https://token@host
		}
		parts = append(parts, password)
	}
	_, query, _ := strings.Cut(tail, "?")
	for pair := range strings.SplitSeq(query, "&") {
		if key, v, _ := strings.Cut(pair, "="); secretKey.MatchString(key) {
			parts = append(parts, v)
		}
	}
	return parts
}

// secretKey tells query parameters that hold secrets from those that are settings.
var secretKey = regexp.MustCompile(`(?i)pass|secret|token|key|sig|auth|cred`)

// formsOf is a secret as it may show up: itself, percent-encoded and decoded in every flavour, inside
// JSON and inside a quoted Go string.
func formsOf(secret string) []string {
	forms := []string{secret}
	if decoded, err := url.PathUnescape(secret); err == nil {
		forms = append(forms, decoded)
	}
	if decoded, err := url.QueryUnescape(secret); err == nil {
		forms = append(forms, decoded)
	}
	for _, form := range slices.Clone(forms) {
		user := url.UserPassword("", form).String()
		forms = append(forms, url.QueryEscape(form), url.PathEscape(form), strings.TrimPrefix(user, ":"), inner(strconv.Quote(form)))
		if encoded, err := json.Marshal(form); err == nil {
			forms = append(forms, inner(string(encoded)))
		}
	}
	slices.Sort(forms)
	return slices.DeleteFunc(slices.Compact(forms), func(s string) bool { return s == "" })
}

// inner is a quoted text without its quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// secretsOf finds every Secret of a configuration, wherever it stands, so that a new key can't be
// forgotten. The journal's path and bare addresses are no secrets.
func secretsOf(c *Config) []string {
	var found []string
	collect(reflect.ValueOf(c), &found)
	return slices.DeleteFunc(found, func(s string) bool { return s == c.Journal.DSN.Reveal() && !isURL(s) })
}

var secretType = reflect.TypeFor[Secret]()

func collect(v reflect.Value, found *[]string) {
	if secret, ok := v.Interface().(Secret); ok {
		if !secret.IsZero() {
			*found = append(*found, secret.Reveal())
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collect(v.Elem(), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				collect(v.Field(i), found)
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			collect(v.MapIndex(key), found)
		}
	}
}

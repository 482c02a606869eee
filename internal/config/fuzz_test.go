package config

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzRedact puts a password into a DSN and asks that neither shows in what is printed of them.
func FuzzRedact(f *testing.F) {
	for _, password := range []string{"hunter22", `p@ss:w/rd?#%"\`, "päss wörd", "a%20b%2", "$1${2}", "\\d+.*(["} {
		f.Add(password)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if utf8.RuneCountInString(password) < 6 || !utf8.ValidString(password) || strings.TrimSpace(password) != password ||
			strings.Contains("… dial postgres://app: refused @db:5432/docs as app with", password) {
			return // no password, or one that is part of the text around it
		}
		dsn := (&url.URL{Scheme: "postgres", User: url.UserPassword("app", password), Host: "db:5432", Path: "/docs"}).String()
		cfg := &Config{Targets: Targets{Postgres: map[string]Postgres{"docs": {DSN: NewSecret(dsn)}}}}
		for _, text := range []string{"dial " + dsn + ": refused", "as app with " + password, "as app with " + url.QueryEscape(password)} {
			require.NotContains(t, cfg.Redact(text), password)
			require.NotContains(t, cfg.Redact(text), url.QueryEscape(password))
		}
	})
}

// FuzzParse asks that no file, however broken, brings the reader down or makes it show a variable's value.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("journal: {dsn: '${A}${file:/nowhere}$${B}${C:-x}'}")
	f.Add("notify: {email: {host: h, from: '${A}', tls: '${A}', port: '${A}'}}")
	f.Fuzz(func(t *testing.T, src string) {
		const value = "value-of-a-variable"
		r := reading{base: t.TempDir(), env: func(string) (string, bool) { return value, true }}
		if strings.Contains(src, "file:/") {
			return // would read files of this machine
		}
		cfg, err := r.parse("orderly.yaml", []byte(src))
		if err != nil {
			require.NotContains(t, err.Error(), value)
			return
		}
		require.NotContains(t, cfg.Redact("the "+value), value+" ")
	})
}

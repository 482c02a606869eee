package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	const text = "s3cr3t-value"
	secret := NewSecret(text)
	type holder struct {
		Shown  Secret
		hidden Secret // fmt can't call methods here
	}
	h := holder{secret, secret}
	values := []any{
		secret, &secret, h, &h, []Secret{secret}, map[string]Secret{"k": secret}, Postgres{DSN: secret},
		&Config{Journal: Journal{DSN: secret}}, Config{Journal: Journal{DSN: secret}},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%c", "% x", "%10.3s"} {
		for _, v := range values {
			printed := fmt.Sprintf(verb, v)
			require.NotContains(t, printed, text)
			require.NotContains(t, strings.ToLower(printed), fmt.Sprintf("%x", text))
			require.NotContains(t, printed, fmt.Sprintf("%d", []byte(text)[0:3]))
		}
	}
	for _, v := range values {
		asJSON, err := json.Marshal(v)
		require.NoError(t, err)
		require.NotContains(t, string(asJSON), text)
		asYAML, err := yaml.Marshal(v)
		require.NoError(t, err)
		require.NotContains(t, string(asYAML), text)
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "v", v)
		require.NotContains(t, logged.String(), text)
		require.NotContains(t, fmt.Errorf("wrap %v: %w", v, fmt.Errorf("%s", v)).Error(), text)
	}
	require.Equal(t, text, secret.Reveal())
	require.Equal(t, "…", secret.String())
	require.Empty(t, Secret{}.String())
	require.True(t, Secret{}.IsZero())
}

func TestRedactHidesEverySecretInEveryForm(t *testing.T) {
	t.Parallel()
	const password = `p@ss/w"rd? #1`
	dsn := "postgres://app:" + url.QueryEscape(password) + "@db:5432/docs?sslmode=disable"
	cfg, err := read(t, whole, map[string]string{"JOURNAL": dsn, "PW": "plain-pw", "TOKEN": "xoxb-12345"})
	require.NoError(t, err)
	asJSON, err := json.Marshal(map[string]string{"password": password})
	require.NoError(t, err)
	for name, text := range map[string]string{
		"the DSN":               "open " + dsn + ": refused",
		"bare password":         "auth with " + password + " refused",
		"query-escaped":         "x=" + url.QueryEscape(password),
		"path-escaped":          "x=" + url.PathEscape(password),
		"as user info":          url.UserPassword("app", password).String(),
		"in JSON":               string(asJSON),
		"quoted":                fmt.Sprintf("%q", password),
		"from a variable":       "the key plain-pw is wrong",
		"inside a header":       "token xoxb-12345 expired",
		"within another text":   "aplain-pwb",
		"url with the password": "redis://:plain-pw@cache:6379/0",
	} {
		redacted := cfg.Redact(text)
		require.Contains(t, redacted, "…", name)
		for _, form := range []string{password, url.QueryEscape(password), url.PathEscape(password), `p@ss/w\"rd`, "plain-pw", "xoxb-12345"} {
			require.NotContains(t, redacted, form, name)
		}
	}
	for _, kept := range []string{"http://127.0.0.1:5001/health answered 503", "docs-api", "/etc/orderly/work", "", "10.0.0.1"} {
		require.Equal(t, kept, cfg.Redact(kept))
	}
}

func TestRedactFindsSecretsInsideValues(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ value, secret string }{
		"keyword DSN":              {"host=db user=a password=hunter22 dbname=x", "hunter22"},
		"keyword DSN, quoted":      {`host=db password='it''s' sslpassword='hun ter'`, "hun ter"},
		"query of a URL":           {"postgres://db/x?user=a&password=hunter22", "hunter22"},
		"unparsable URL":           {"postgres://u:hun/ter?22@db:x/y", "hun/ter?22"},
		"password with an at sign": {"postgres://u:hun@ter22@db/y", "hun@ter22"},
		"token as user":            {"https://ghp_token@host/x", "ghp_token"},
		"bearer":                   {"Bearer hunter22", "hunter22"},
		"one line of a key":        {"-----BEGIN-----\nMIIEpAIBAAKCAQEA\n-----END-----\n", "MIIEpAIBAAKCAQEA"},
		"decoded":                  {"redis://u:hun%74er@h:1/0", "hunter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := &Config{Journal: Journal{DSN: NewSecret("data/journal.db")}, Exec: map[string]Command{"x": {Env: map[string]Secret{"K": NewSecret(tc.value)}}}}
			require.NotContains(t, cfg.Redact("see "+tc.secret+" there"), tc.secret)
			require.NotContains(t, cfg.Redact(tc.value), tc.secret)
			require.Equal(t, "open data/journal.db", cfg.Redact("open data/journal.db"), "a path is no secret")
		})
	}
}

func TestRedactLeavesWordsThatHoldAShortSecret(t *testing.T) {
	t.Parallel()
	cfg := &Config{Notify: Notify{Webhook: &Webhook{Secret: NewSecret("ab")}}}
	require.Equal(t, "table … … (…) cab", cfg.Redact("table ab ab (ab) cab"))
	var none *Config
	require.Equal(t, "as it is", none.Redact("as it is"))
}

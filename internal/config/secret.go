package config

import (
	"fmt"
	"io"
	"log/slog"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// hidden is what is shown in place of a secret.
const hidden = "…"

// Secret is text that may be a secret: it prints as "…" everywhere, only Reveal gives it.
type Secret struct {
	// A pointer, because fmt can't call our methods on a Secret in somebody's unexported field: it
	// prints an address then, not the text.
	value *string
}

// NewSecret makes a secret.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal gives the secret itself. Call it where it is used, never to print or wrap it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero says that no value was given.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String hides the value.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// Format hides the value from every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from encoding/json and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML hides the value from YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// DecodeYAML takes any plain value as text, so that a password of digits needs no quotes. What it finds
// is never part of a message.
func (s *Secret) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.Problem(n, "want text, found a list or mapping")
	case n.Tag == "!!null":
		d.Problem(n, "has no value; give one or remove the key")
	default:
		*s = NewSecret(n.Value)
	}
}

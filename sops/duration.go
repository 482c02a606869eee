package sops

import (
	"fmt"
	"time"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Duration is a length of time as operators write it, "1h30m", "2d", "1w": Go's syntax after weeks (7 d)
// and days (24 h). It is never negative. In YAML and JSON it is that text.
type Duration time.Duration

// ParseDuration reads a duration as operators write it.
func ParseDuration(s string) (Duration, error) {
	d, err := yamldoc.ParseDuration(s)
	return Duration(d), err
}

// D is the duration for Go.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String writes the duration so that ParseDuration reads it back.
func (d Duration) String() string { return yamldoc.FormatDuration(time.Duration(d)) }

// MarshalText writes what String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// Date is a day, YYYY-MM-DD, in UTC.
type Date struct{ time.Time }

// String writes the day, or nothing for the zero date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

// MarshalText writes what String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalJSON writes the day as text; without it the embedded time's own form would win.
func (d Date) MarshalJSON() ([]byte, error) { return []byte(`"` + d.String() + `"`), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("%q is not a date; write it like 2026-11-21", text)
	}
	d.Time = t
	return nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Date) UnmarshalJSON(src []byte) error {
	if len(src) < 2 || src[0] != '"' {
		return fmt.Errorf("%s is not a date; write it like \"2026-11-21\"", src)
	}
	if string(src) == `""` {
		d.Time = time.Time{}
		return nil
	}
	return d.UnmarshalText(src[1 : len(src)-1])
}

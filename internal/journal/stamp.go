package journal

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// stampLayout has a fixed width, so that SQLite, which keeps times as text, sorts and compares them right.
const stampLayout = "2006-01-02T15:04:05.000000Z"

// stamp is a time as the journal keeps it: UTC, to the microsecond. The zero time is NULL.
type stamp time.Time

// Value writes text, which PostgreSQL reads as a timestamptz.
func (s stamp) Value() (driver.Value, error) {
	t := time.Time(s)
	if t.IsZero() {
		return nil, nil
	}
	return t.UTC().Format(stampLayout), nil
}

// Scan reads what either database returns.
func (s *stamp) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s = stamp{}
	case time.Time:
		*s = stamp(v.UTC())
	case string:
		t, err := time.Parse(stampLayout, v)
		if err != nil {
			return err
		}
		*s = stamp(t)
	default:
		return fmt.Errorf("a time can't be read from %T", v)
	}
	return nil
}

// clean makes text that PostgreSQL takes: valid UTF-8 without NUL. Container logs have neither promise.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

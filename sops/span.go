package sops

// nextBusinessDay is how a Span until the end of the next business day is written.
const nextBusinessDay = "next-business-day"

// Span is a time to do something in: a duration, or until the end of the next business day. In YAML and
// JSON it is text, as operators write it; the zero Span means that nothing is promised.
type Span struct {
	Duration        Duration
	NextBusinessDay bool
}

// IsZero says that nothing is promised.
func (s Span) IsZero() bool { return s == Span{} }

// String writes the span so that UnmarshalText reads it back.
func (s Span) String() string {
	if s.NextBusinessDay {
		return nextBusinessDay
	}
	return s.Duration.String()
}

// MarshalText writes what String does.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a duration, or "next-business-day".
func (s *Span) UnmarshalText(text []byte) error {
	if string(text) == nextBusinessDay {
		*s = Span{NextBusinessDay: true}
		return nil
	}
	d, err := ParseDuration(string(text))
	if err != nil {
		return spanError{err}
	}
	*s = Span{Duration: d}
	return nil
}

// spanError says what else could have been written.
type spanError struct{ error }

func (e spanError) Error() string { return e.error.Error() + ", or next-business-day" }

package workflows

import (
	"strings"
	"time"
	"unicode"
)

// How many bytes of text a message may bring.
const (
	maxMessageText = 4000
	maxLabels      = 100
)

// texts says what is wrong with the texts of a message: name, value, whether it is needed.
type textField struct {
	name, value string
	needed      bool
}

// checkTexts reports every problem at once.
func checkTexts(fields ...textField) error {
	var problems []string
	for _, f := range fields {
		switch {
		case f.needed && strings.TrimSpace(f.value) == "":
			problems = append(problems, f.name+" is missing")
		case len(f.value) > maxMessageText:
			problems = append(problems, f.name+" is longer than 4000 bytes")
		case strings.ContainsFunc(f.value, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }):
			problems = append(problems, f.name+" has control characters in it")
		}
	}
	if len(problems) > 0 {
		return refused("%s", joinLines(problems))
	}
	return nil
}

func (m Acknowledge) from() string    { return m.By }
func (m Complete) from() string       { return m.By }
func (m Decide) from() string         { return m.By }
func (m Escalate) from() string       { return m.By }
func (m Extend) from() string         { return m.By }
func (m Note) from() string           { return m.By }
func (m Update) from() string         { return m.By }
func (m ChangeSeverity) from() string { return m.By }
func (m Resolve) from() string        { return m.By }
func (m Handover) from() string       { return m.By }
func (m Abort) from() string          { return m.By }
func (m Alert) from() string          { return "" }

func byField(by string) textField { return textField{"by", by, true} }

func (m Acknowledge) check() error {
	return checkTexts(byField(m.By), textField{"note", m.Note, false})
}

func (m Complete) check() error {
	return checkTexts(byField(m.By), textField{"step", m.Step, true}, textField{"reason", m.Reason, m.Skip})
}

func (m Decide) check() error {
	return checkTexts(byField(m.By), textField{"step", m.Step, true}, textField{"reason", m.Reason, !m.Approve})
}

func (m Escalate) check() error {
	return checkTexts(byField(m.By), textField{"reason", m.Reason, false})
}

func (m Extend) check() error {
	if err := checkTexts(byField(m.By), textField{"clock", m.Clock, true}, textField{"reason", m.Reason, true}); err != nil {
		return err
	}
	if m.For <= 0 {
		return refused("for is missing: how much longer, such as 15m")
	}
	return nil
}

func (m Note) check() error { return checkTexts(byField(m.By), textField{"text", m.Text, true}) }

func (m Update) check() error { return checkTexts(byField(m.By), textField{"text", m.Text, true}) }

func (m ChangeSeverity) check() error {
	return checkTexts(byField(m.By), textField{"severity", m.Severity, true}, textField{"reason", m.Reason, true})
}

func (m Resolve) check() error {
	return checkTexts(byField(m.By), textField{"resolution", m.Resolution, true})
}

func (m Handover) check() error {
	if m.Until != nil && !sane(*m.Until) {
		return refused("until is too far away")
	}
	return checkTexts(byField(m.By), textField{"to", m.To, true})
}

// sane says whether a time can be written down again whatever the zone, and is one of this world.
func sane(t time.Time) bool { return t.UTC().Year() >= 1970 && t.UTC().Year() < 9000 }

func (m Abort) check() error { return checkTexts(byField(m.By), textField{"reason", m.Reason, true}) }

func (m Alert) check() error {
	if err := checkTexts(textField{"key", m.Key, true}, textField{"summary", m.Summary, false}); err != nil {
		return err
	}
	if m.Status != AlertFiring && m.Status != AlertResolved {
		return refused("status is %q; it is %s or %s", m.Status, AlertFiring, AlertResolved)
	}
	if m.StartsAt != nil && !sane(*m.StartsAt) {
		return refused("starts_at is no time of this world")
	}
	if len(m.Labels) > maxLabels {
		return refused("it has %d labels; at most %d are kept", len(m.Labels), maxLabels)
	}
	return nil
}

package screen

import (
	"regexp"
	"strings"

	"github.com/fatih/color"

	"github.com/orderly-ops/orderly/workflows"
)

// Tone is what a piece of text stands for. Colour only repeats what the words beside it say.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Dim
	Bold
	Good
	Bad
	Busy
)

// Painter colours text, or leaves it alone. The zero value leaves it alone.
type Painter struct{ On bool }

// Tone colours the text.
func (p Painter) Tone(t Tone, text string) string {
	if !p.On || strings.TrimSpace(text) == "" {
		return text
	}
	c := toneColor(t)
	if c == nil {
		return text
	}
	c.EnableColor()
	return c.Sprint(text)
}

func toneColor(t Tone) *color.Color {
	switch t {
	case Dim:
		return color.New(color.Faint)
	case Bold:
		return color.New(color.Bold)
	case Good:
		return color.New(color.FgGreen)
	case Bad:
		return color.New(color.FgRed)
	case Busy:
		return color.New(color.FgCyan)
	default:
		return nil
	}
}

// Glyph is the one-cell sign of a state. It is always printed beside the state's word.
func Glyph(s workflows.State) string {
	switch s {
	case workflows.Running:
		return "●"
	case workflows.Succeeded:
		return "✓"
	case workflows.Failed:
		return "✗"
	case workflows.Skipped:
		return "–"
	case workflows.Cancelled:
		return "⊘"
	default:
		return "○"
	}
}

// StateTone is the tone of a state.
func StateTone(s workflows.State) Tone {
	switch s {
	case workflows.Running:
		return Busy
	case workflows.Succeeded:
		return Good
	case workflows.Failed, workflows.Cancelled:
		return Bad
	default:
		return Dim
	}
}

// SeverityTone is the tone of a finding's severity.
func SeverityTone(severity string) Tone {
	switch severity {
	case "critical":
		return Bad
	case "warning":
		return Bold
	default:
		return Plain
	}
}

var colorCodes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Uncolored takes the colour codes out again, to measure what was painted.
func Uncolored(s string) string { return colorCodes.ReplaceAllString(s, "") }

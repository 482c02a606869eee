package activities

import (
	"encoding/json"
	"errors"
	"strings"

	"go.temporal.io/sdk/temporal"
)

// words is an error's text without the "(type: …, retryable: …)" that Temporal adds: that is told by
// the failure itself.
func words(err error) string {
	text := err.Error()
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return text
	}
	plain := app.Message()
	if cause := errors.Unwrap(app); cause != nil {
		plain += ": " + words(cause)
	}
	return strings.Replace(text, app.Error(), plain, 1)
}

// redactDetails copies the details of an error with redacted strings, as JSON-shaped values.
func redactDetails(app *temporal.ApplicationError, redact func(string) string) []any {
	details := detailsOf(app)
	for i, d := range details {
		raw, err := json.Marshal(d)
		if err != nil {
			details[i] = redact(err.Error())
			continue
		}
		var shape any
		if err := json.Unmarshal(raw, &shape); err != nil {
			details[i] = redact(err.Error())
			continue
		}
		details[i] = redactStrings(shape, redact)
	}
	return details
}

// maxDetails bounds how many details of one error are looked for; the SDK does not tell their number.
const maxDetails = 16

// detailsOf reads an error's details of whatever types.
func detailsOf(app *temporal.ApplicationError) []any {
	var found []any
	for n := 1; n <= maxDetails && app.HasDetails(); n++ {
		values, pointers := make([]any, n), make([]any, n)
		for i := range values {
			pointers[i] = &values[i]
		}
		if app.Details(pointers...) != nil {
			break // fewer than n
		}
		found = values
	}
	return found
}

// redactStrings takes the secrets out of every string of a JSON-shaped value, keys included.
func redactStrings(v any, redact func(string) string) any {
	switch v := v.(type) {
	case string:
		return redact(v)
	case []any:
		for i := range v {
			v[i] = redactStrings(v[i], redact)
		}
		return v
	case map[string]any:
		clean := make(map[string]any, len(v))
		for k, item := range v {
			clean[redact(k)] = redactStrings(item, redact)
		}
		return clean
	default:
		return v
	}
}

package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// The types of the failures with which a run ends in Temporal.
const (
	ErrInput            = "InvalidInput"     // the start input does not fit the procedure
	ErrUnknownProcedure = "UnknownProcedure" // no file serves the workflow type
	ErrUnreadable       = "Unreadable"       // the procedures could not be read
	ErrProcedure        = "InvalidProcedure" // the file has problems
	ErrCancelled        = "Cancelled"        // what a step waited for was cancelled, though the run was not
	ErrStep             = "StepFailed"
)

// permanent makes a failure that nobody retries.
func permanent(kind, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
}

// startInput is the first argument of a run, split into the procedure's inputs and our own keys.
type startInput struct {
	inputs map[string]any
	by     string
	drill  bool
	key    string

	requester string
	raw       json.RawMessage
}

func decodeArguments(args converter.EncodedValues) (startInput, *Carried, *Alert, error) {
	var raw json.RawMessage
	var carried *Carried
	var alert *Alert
	if args != nil && args.HasValues() {
		if err := args.Get(&raw, &carried, &alert); err != nil {
			return startInput{}, nil, nil, permanent(ErrInput,
				`the start input must be one JSON object, such as {"database": "docs-db"}: %v`, err)
		}
	}
	in, err := decodeInput(raw)
	return in, carried, alert, err
}

func decodeInput(raw json.RawMessage) (startInput, error) {
	in := startInput{raw: raw, inputs: map[string]any{}}
	if len(raw) == 0 || string(raw) == "null" {
		return in, nil
	}
	if err := json.Unmarshal(raw, &in.inputs); err != nil {
		return in, permanent(ErrInput,
			`the start input must be one JSON object, such as {"database": "docs-db"}; got %s`, shorten(string(raw), 80))
	}
	var problems []string
	take := func(key string, into any, want string) {
		v, given := in.inputs[key]
		if !given {
			return
		}
		delete(in.inputs, key)
		ok := false
		switch p := into.(type) {
		case *string:
			*p, ok = v.(string)
		case *bool:
			*p, ok = v.(bool)
		}
		if !ok {
			problems = append(problems, fmt.Sprintf("%s must be %s", key, want))
		}
	}
	take(InputBy, &in.by, "text: who starts the run")
	take(InputDrill, &in.drill, "true or false")
	take(InputKey, &in.key, "text")
	take(InputRequester, &in.requester, "text: who asked for it first")
	problems = append(problems, unfit(InputBy, in.by, maxBy)...)
	problems = append(problems, unfit(InputRequester, in.requester, maxBy)...)
	if len(problems) > 0 {
		return in, permanent(ErrInput, "%s", joinLines(problems))
	}
	return in, nil
}

// How many bytes the engine's own inputs may have. Workflow ids, which may be given as _by, have at most
// 1,000, and a key is part of one.
const (
	maxBy  = 1000
	maxKey = 200
)

// CheckKey says what is wrong with the key of a run, given or made from inputs.
func CheckKey(key string) error {
	if problems := unfit("key", key, maxKey); len(problems) > 0 {
		return errors.New(problems[0])
	}
	return nil
}

// unfit says why a text can't be a name that is shown on one line.
func unfit(key, text string, most int) []string {
	switch {
	case len(text) > most:
		return []string{fmt.Sprintf("%s has %d bytes, more than %d", key, len(text), most)}
	case strings.ContainsFunc(text, unicode.IsControl):
		return []string{key + " has control characters or line breaks in it"}
	}
	return nil
}

package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

const secret = "s3cret-word"

func redact(text string) string { return strings.ReplaceAll(text, secret, "…") }

type greeting struct {
	Name  string        `json:"name" doc:"Whom to greet."`
	Times int           `json:"times,omitempty" doc:"How often."`
	Pause sops.Duration `json:"pause,omitempty" doc:"Between two."`
	Extra []item        `json:"extra,omitempty" doc:"More."`
}

type item struct {
	Size int `json:"size" doc:"Size."`
}

type reply struct {
	Text string `json:"text" doc:"The greeting."`
}

// setup registers one action, test.greet, in a test environment of its own.
func setup(t *testing.T, greet func(context.Context, greeting) (reply, error)) *testsuite.TestActivityEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	activities.Register(env, []action.Definition{action.Define("test.greet", "Greets.", greet)}, redact)
	return env
}

func failure(t *testing.T, env *testsuite.TestActivityEnvironment, input any) *temporal.ApplicationError {
	t.Helper()
	_, err := env.ExecuteActivity("test.greet", input)
	require.Error(t, err)
	testenv.AssertNoSecret(t, secret, err)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	return app
}

func returning(err error) func(context.Context, greeting) (reply, error) {
	return func(context.Context, greeting) (reply, error) { return reply{}, err }
}

func TestRegisteredAction(t *testing.T) {
	t.Parallel()

	t.Run("TakesAndGivesJSON", func(t *testing.T) {
		t.Parallel()
		env := setup(t, func(_ context.Context, in greeting) (reply, error) {
			return reply{Text: fmt.Sprintf("%s %d %s %v", in.Name, in.Times, time.Duration(in.Pause), in.Extra)}, nil
		})
		for _, input := range []any{
			map[string]any{"name": "Ann", "times": 2, "pause": "1m30s", "extra": []any{map[string]any{"size": 3}}},
			json.RawMessage(`{"name":"Ann","times":2,"pause":"90s","extra":[{"size":3}]}`),
		} {
			value, err := env.ExecuteActivity("test.greet", input)
			require.NoError(t, err)
			require.Equal(t, "Ann 2 1m30s [{3}]", textOf(t, value))
		}
	})

	t.Run("RefusesWhatItDoesNotKnowByName", func(t *testing.T) {
		t.Parallel()
		env := setup(t, returning(nil))
		for input, want := range map[string]string{
			`{"nam":"Ann","name":"Ann"}`:             `unknown key "nam"; did you mean "name"?`,
			`{"name":"Ann","Times":1}`:               `unknown key "Times"`,
			`{}`:                                     `the key "name" is missing`,
			`null`:                                   `the key "name" is missing`,
			`{"name":5}`:                             "name: want text, found the number 5",
			`{"name":"Ann","extra":[{"size":"x"}]}`:  "extra[0].size: want a whole number",
			`{"name":"Ann","times":1.5,"pause":"x"}`: "; times: want a whole number, found the number 1.5",
			`{"name":"Ann","times":5000000000000000000000}`: "times: want a whole number",
			`["name"]`: "want a mapping, found a list",
		} {
			app := failure(t, env, json.RawMessage(input))
			require.Equal(t, action.ErrInput, app.Type(), input)
			require.True(t, app.NonRetryable(), input)
			require.Contains(t, app.Message(), want, input)
		}
	})

	t.Run("HidesSecretsInErrors", func(t *testing.T) {
		t.Parallel()
		app := failure(t, setup(t, returning(fmt.Errorf("connect: %w", errors.New("password "+secret+" refused")))), greeting{Name: "Ann"})
		require.Equal(t, "connect: password … refused", app.Message())
		require.False(t, app.NonRetryable())
	})

	t.Run("HidesSecretsInDetailsAndCausesAndKeepsTheRest", func(t *testing.T) {
		t.Parallel()
		cause := errors.New("cause " + secret)
		app := failure(t, setup(t, returning(fmt.Errorf("outer: %w", temporal.NewApplicationErrorWithOptions("inner "+secret, "Kind", temporal.ApplicationErrorOptions{
			NonRetryable: true, NextRetryDelay: time.Minute, Cause: cause, Category: temporal.ApplicationErrorCategoryBenign,
			Details: []any{map[string]any{"dsn": "postgres://u:" + secret + "@h", "list": []string{secret}}, 7, item{Size: 3}},
		})))), greeting{Name: "Ann"})
		require.Equal(t, "outer: inner …: cause …", app.Message())
		require.Equal(t, "Kind", app.Type())
		require.True(t, app.NonRetryable())
		require.Equal(t, time.Minute, app.NextRetryDelay())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category())
		var shape map[string]any
		var number int
		var kept item
		require.NoError(t, app.Details(&shape, &number, &kept))
		require.Equal(t, map[string]any{"dsn": "postgres://u:…@h", "list": []any{"…"}}, shape)
		require.Equal(t, 7, number)
		require.Equal(t, item{Size: 3}, kept)
	})

	t.Run("TurnsAPanicIntoAFinalError", func(t *testing.T) {
		t.Parallel()
		app := failure(t, setup(t, func(context.Context, greeting) (reply, error) { panic("index " + secret) }), greeting{Name: "Ann"})
		require.Equal(t, action.ErrPanic, app.Type())
		require.True(t, app.NonRetryable())
		require.Contains(t, app.Message(), "test.greet: a fault in Orderly, please report it: index …")
	})

	t.Run("RefusesAnOutputThatIsTooLarge", func(t *testing.T) {
		t.Parallel()
		app := failure(t, setup(t, func(context.Context, greeting) (reply, error) {
			return reply{Text: strings.Repeat("x", activities.MaxOutput)}, nil
		}), greeting{Name: "Ann"})
		require.Equal(t, action.ErrOutput, app.Type())
		require.True(t, app.NonRetryable())
		require.Contains(t, app.Message(), "a run keeps at most 512 KiB of it: ask for less, or save it as an artifact")
	})

	t.Run("KeepsAnOutputThatJustFits", func(t *testing.T) {
		t.Parallel()
		value, err := setup(t, func(context.Context, greeting) (reply, error) {
			return reply{Text: strings.Repeat("x", activities.MaxOutput-len(`{"text":""}`))}, nil
		}).ExecuteActivity("test.greet", greeting{Name: "Ann"})
		require.NoError(t, err)
		require.NotEmpty(t, textOf(t, value))
	})

	t.Run("LeavesCancellationWhatItIs", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, consequence := range []error{
			fmt.Errorf("ask %s: %w", secret, context.Canceled),
			action.Permanent(action.ErrCommand, "ended by a signal"),
		} {
			_, err := invoke(ctx, t, returning(consequence))
			require.Equal(t, context.Canceled, err)
		}
	})
}

// capture is a registry that keeps the one function registered.
type capture struct {
	fn func(context.Context, json.RawMessage) (json.RawMessage, error)
}

func (c *capture) RegisterActivityWithOptions(fn any, _ activity.RegisterOptions) {
	c.fn = fn.(func(context.Context, json.RawMessage) (json.RawMessage, error))
}

// invoke calls the registered function itself, with a context that the test environment can't give.
func invoke(ctx context.Context, t *testing.T, greet func(context.Context, greeting) (reply, error)) (json.RawMessage, error) {
	t.Helper()
	var taken capture
	activities.Register(&taken, []action.Definition{action.Define("test.greet", "Greets.", greet)}, redact)
	return taken.fn(ctx, json.RawMessage(`{"name":"Ann"}`))
}

func textOf(t *testing.T, value converter.EncodedValue) string {
	t.Helper()
	var out reply
	require.NoError(t, value.Get(&out))
	return out.Text
}

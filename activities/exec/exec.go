// Package exec runs commands on the machine the worker stands on: only those that orderly.yaml lists
// under exec, without a shell, in a clean environment, and never longer than they are given.
package exec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/process"
)

const (
	defaultTimeout = time.Minute
	defaultOutput  = 64 << 10
	maxOutput      = 128 << 10
	temporaryExit  = 75 // EX_TEMPFAIL of sysexits.h: "try again later"
)

// Actions declares the actions of this package for the commands of orderly.yaml.
func Actions(commands map[string]config.Command) []action.Definition {
	r := &runner{commands: commands, grace: 5 * time.Second}
	return []action.Definition{
		action.Define("exec.run",
			"Runs one of the commands that orderly.yaml allows under `exec`, without a shell, on the worker's machine. When its time is over or the run is cancelled, the command and everything it started is told to end, and killed 5 s later. Should the worker die meanwhile, the command is started again.",
			r.run, action.Timeout(time.Hour), action.Heartbeat(30*time.Second), action.Destructive()),
	}
}

// RunInput is the input of exec.run.
type RunInput struct {
	Command   string   `json:"command" target:"command" doc:"Name of the command under exec in orderly.yaml."`
	Args      []string `json:"args,omitempty" doc:"Arguments appended to the command's own, at most its max_args."`
	AllowExit []int    `json:"allow_exit,omitempty" doc:"Exit codes besides 0 that are no failure."`
	RetryExit []int    `json:"retry_exit,omitempty" doc:"Exit codes after which the command is worth another attempt; any other failure of it is final." default:"75 (EX_TEMPFAIL)"`
	MaxOutput int      `json:"max_output,omitempty" doc:"Bytes kept of stdout and of stderr each: the first and the last half. At most 131072." default:"65536"`
	DryRun    bool     `json:"dry_run,omitempty" doc:"Check everything, start nothing."`
}

// RunOutput is the output of exec.run.
type RunOutput struct {
	Command       string  `json:"command" doc:"Name of the command."`
	Started       bool    `json:"started" doc:"False when dry_run kept it from being started; everything below is empty then."`
	ExitCode      int     `json:"exit_code" doc:"Exit code."`
	Stdout        string  `json:"stdout" doc:"What it wrote to stdout, bounded by max_output."`
	Stderr        string  `json:"stderr" doc:"What it wrote to stderr, bounded by max_output."`
	StdoutLeftOut int64   `json:"stdout_left_out" doc:"Bytes left out of the middle of stdout."`
	StderrLeftOut int64   `json:"stderr_left_out" doc:"Bytes left out of the middle of stderr."`
	Seconds       float64 `json:"seconds" doc:"How long it ran, in seconds."`
}

// runner starts commands. grace is the time between asking one to end and killing it.
type runner struct {
	commands map[string]config.Command
	grace    time.Duration
}

// run is the action exec.run.
func (r *runner) run(ctx context.Context, in RunInput) (RunOutput, error) {
	command, err := r.allowed(in)
	if err != nil {
		return RunOutput{}, err
	}
	path, err := exec.LookPath(command.Argv[0])
	if err != nil {
		return RunOutput{}, action.Permanent(action.ErrNotConfigured, "exec.run: %s can't be started: %v", in.Command, unwrapped(err))
	}
	if in.DryRun {
		return RunOutput{Command: in.Command}, nil
	}
	defer action.KeepAlive(ctx)()
	limit := in.MaxOutput
	if limit == 0 {
		limit = defaultOutput
	}
	stdout, stderr := newKept(limit), newKept(limit)
	started := time.Now()
	code, err := r.start(ctx, in, command, path, stdout, stderr)
	if err != nil {
		return RunOutput{}, err
	}
	hide := hider(command)
	out := RunOutput{
		Command: in.Command, Started: true, ExitCode: code, Seconds: time.Since(started).Round(time.Millisecond).Seconds(),
		Stdout: hide(stdout.String()), StdoutLeftOut: stdout.leftOut(),
		Stderr: hide(stderr.String()), StderrLeftOut: stderr.leftOut(),
	}
	return out, judge(in, out)
}

// allowed finds the command and checks the arguments, before anything is started.
func (r *runner) allowed(in RunInput) (config.Command, error) {
	refuse := func(format string, args ...any) (config.Command, error) {
		return config.Command{}, action.Permanent(action.ErrInput, "exec.run: "+format, args...)
	}
	command, ok := r.commands[in.Command]
	switch {
	case !ok:
		return refuse("orderly.yaml allows no command %q%s", in.Command, action.Suggest(in.Command, slices.Sorted(maps.Keys(r.commands))))
	case len(command.Argv) == 0:
		return config.Command{}, action.Permanent(action.ErrNotConfigured, "exec.run: exec.%s.argv in orderly.yaml is empty", in.Command)
	case len(in.Args) > command.MaxArgs:
		return refuse("%s takes at most %d arguments, found %d: see exec.%s.max_args in orderly.yaml", in.Command, command.MaxArgs, len(in.Args), in.Command)
	case in.MaxOutput < 0 || in.MaxOutput > maxOutput:
		return refuse("max_output is %d, want at most %d", in.MaxOutput, maxOutput)
	}
	for i, arg := range in.Args {
		if strings.ContainsRune(arg, 0) {
			return refuse("args[%d] has a NUL in it, which no command can be given", i)
		}
	}
	return command, nil
}

// start runs the command to its end and returns its exit code.
func (r *runner) start(ctx context.Context, in RunInput, command config.Command, path string, stdout, stderr *kept) (int, error) {
	limit := command.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	//nolint:gosec // starting what orderly.yaml allows is what this is for; there is no shell to mislead
	cmd := exec.CommandContext(bounded, path, slices.Concat(command.Argv[1:], in.Args)...)
	cmd.Args[0] = command.Argv[0]
	cmd.Dir, cmd.Env = command.Dir, environment(command)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// WaitDelay bounds two waits: for a command told to end, and for the pipes of one that has ended
	// but left something behind that holds them (a daemon it started).
	cmd.WaitDelay = r.grace
	process.Lead(cmd)
	err := process.Run(bounded, cmd)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case bounded.Err() != nil:
		return 0, action.Permanent(action.ErrCommand, "exec.run: %s did not end within %s and was stopped%s", in.Command, limit, lastWords(hider(command)(stderr.String())))
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case errors.As(err, &exit):
		return 0, action.Permanent(action.ErrCommand, "exec.run: %s was ended by a %s%s", in.Command, exit.ProcessState, lastWords(hider(command)(stderr.String())))
	default:
		return 0, action.Permanent(action.ErrNotConfigured, "exec.run: %s can't be started: %v", in.Command, unwrapped(err))
	}
}

// judge makes an error of an exit code that is a failure.
func judge(in RunInput, out RunOutput) error {
	if out.ExitCode == 0 || slices.Contains(in.AllowExit, out.ExitCode) {
		return nil
	}
	text := fmt.Sprintf("exec.run: %s ended with exit code %d%s", in.Command, out.ExitCode, lastWords(out.Stderr))
	again := in.RetryExit
	if len(again) == 0 {
		again = []int{temporaryExit}
	}
	if slices.Contains(again, out.ExitCode) {
		return errors.New(text)
	}
	return action.Permanent(action.ErrCommand, "%s", text)
}

// environment is what a command sees: where programs and the home are, the language, and what
// orderly.yaml says. The worker's own environment holds secrets that are none of its business.
func environment(command config.Command) []string {
	vars := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
	for _, name := range []string{"PATH", "HOME", "LANG"} {
		if value := os.Getenv(name); value != "" {
			vars[name] = value
		}
	}
	for name, value := range command.Env {
		vars[name] = value.Reveal()
	}
	env := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, name+"="+vars[name])
	}
	return env
}

// hider takes the values of the command's own environment out of what it printed.
func hider(command config.Command) func(string) string {
	const shortest = 4 // hiding every "on" or "1" would make output unreadable
	var values []string
	for _, value := range command.Env {
		if len(value.Reveal()) >= shortest {
			values = append(values, value.Reveal())
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) }) // the longest first
	return func(text string) string {
		for _, v := range values {
			text = strings.ReplaceAll(text, v, "…")
		}
		return text
	}
}

// lastWords is the last line a command wrote to stderr, for an error.
func lastWords(stderr string) string {
	const most = 300
	stderr = strings.TrimSpace(stderr)
	line := []rune(strings.TrimSpace(stderr[strings.LastIndex(stderr, "\n")+1:]))
	if len(line) == 0 {
		return ""
	}
	return ": " + string(line[:min(len(line), most)])
}

// unwrapped is an error of the system without the path that os puts before it.
func unwrapped(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var look *exec.Error
	if errors.As(err, &look) {
		return look.Err
	}
	return err
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/workflows"
)

// rollout is a procedure that is in the middle of something for as long as anybody looks.
const rollout = `
sop: rollout
title: Roll out version 2 of the API
within: 2h
phases:
  - id: before
    title: Before the window
    steps:
      - {id: room, title: The machine has room, uses: host.resources, expect: outputs.memory.percent < 0, on_failure: continue}
  - id: window
    title: The window
    within: 90m
    steps:
      - {id: soak, title: Let it settle, wait: 1h}
      - {id: after, title: The machine still has room, uses: host.resources}
`

// odd is a procedure whose title would like to be Markdown.
const odd = `
sop: odd
title: "<b>odd</b> *one* & [web_ui](http://127.0.0.1:1) \\ --json"
phases: [{id: only, steps: [{id: nap, wait: 1s}]}]
`

// TestTemporalUIShowsWhatAnOperatorMustSee looks at a finished and at a running run in the Temporal UI.
func TestTemporalUIShowsWhatAnOperatorMustSee(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	t.Cleanup(service.Close)
	testenv.RunContainer(t, testenv.ContainerSpec{Name: pictured("docs-web"), Health: true})
	ill := testenv.RunContainer(t, testenv.ContainerSpec{Name: pictured("docs-search"), Health: true, Args: []string{"-sick"}})
	testenv.AwaitContainer(t, ill.ID, func(s *container.State) bool { return s.Health != nil && s.Health.Status == container.Unhealthy })
	h := open(t, setting{
		withUI: true, config: platform(t, service.URL),
		procedures: map[string]string{"daily-check.yaml": read(t, "../sops/library/daily-check.yaml"), "rollout.yaml": rollout, "odd.yaml": odd},
	})
	check, running, strange := h.start("daily-check"), h.start("rollout"), h.start("odd")
	h.finished(check)
	h.finished(strange)
	h.await("the rollout to settle", time.Minute, func() bool {
		return stepOf(t, h.record(h.temporal(), running.WorkflowID), "soak").State == workflows.Running
	})

	browser := browse(t)
	t.Run("TheListOfRuns", func(t *testing.T) {
		browser.shows(t, h.ui+"/namespaces/default/workflows",
			"DailyCheck", check.WorkflowID, "COMPLETED", "Rollout", running.WorkflowID, "RUNNING")
	})
	t.Run("AFinishedRunsChecklist", func(t *testing.T) {
		page := browser.shows(t, check.page(h, "user-metadata"),
			"Looks at this machine and at every container", "✅ Daily health check", "✅ Look at everything", "\u2003✅ What there is to look at", "\u2003✅ docs-db\n", "docs-cache: It answers",
			"critical containers: "+ill.Name+" fails its own health check", "Judge, and write it down")
		page.hides("&lt;", "&amp;", `\`, "**", "docs-api is not well")
		page.picture("temporal-ui", 1600)
	})
	t.Run("AFinishedRunsTimelineNamesItsSteps", func(t *testing.T) {
		page := browser.shows(t, check.page(h, "timeline"),
			"docker.containers", "State and health", "What happened since yesterday", "Look at everything is due")
		page.picture("temporal-ui-timeline", 1500)
	})
	t.Run("AFinishedRunsHistoryNamesItsSteps", func(t *testing.T) {
		browser.shows(t, check.page(h, "history"),
			"journal.measure", "Findings", "Workflow Execution Completed")
	})
	t.Run("AFinishedRunsSearchAttributes", func(t *testing.T) {
		browser.shows(t, check.page(h, "search-attributes"),
			`"OrderlyProcedure": "daily-check"`, `"OrderlyState": "succeeded"`)
	})
	t.Run("ARunningRunsChecklist", func(t *testing.T) {
		page := browser.shows(t, running.page(h, "user-metadata"),
			"▶️ Roll out version 2 of the API", "the run is due", "The window is due",
			"❌ The machine has room: what was expected does not hold: outputs.memory.percent < 0",
			"▶️ The window", "▶️ Let it settle (until ", "⬜ The machine still has room")
		page.hides("&lt;", "&amp;", `\`, "**")
		page.picture("temporal-ui-running", 900)
	})
	t.Run("TextThatLooksLikeMarkdownStaysText", func(t *testing.T) {
		browser.shows(t, strange.page(h, "user-metadata"), `✅ <b>odd</b> *one* & [web_ui](http://127.0.0.1:1) \ --json`)
	})
	t.Run("ARunningRunsTimelineNamesItsTimers", func(t *testing.T) {
		browser.shows(t, running.page(h, "timeline"),
			"Let it settle", "The window is due", "The machine has room")
	})
	t.Run("ARunningRunsSearchAttributes", func(t *testing.T) {
		browser.shows(t, running.page(h, "search-attributes"),
			`"OrderlyPhase": "window"`, `"OrderlyProcedure": "rollout"`, `"OrderlyState": "running"`)
	})
}

// started is what `orderly start --json` says.
type started struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

func (h *house) start(procedure string) started {
	h.t.Helper()
	said := h.orderly("start", procedure, "--json")
	require.Zero(h.t, said.exit, said.stderr)
	var run started
	require.NoError(h.t, json.Unmarshal([]byte(said.stdout), &run), said.stdout)
	return run
}

func (h *house) finished(run started) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	require.NoError(h.t, h.temporal().GetWorkflow(ctx, run.WorkflowID, run.RunID).Get(ctx, nil))
}

// page is the address of a tab of the run's page.
func (run started) page(h *house, tab string) string {
	return fmt.Sprintf("%s/namespaces/default/workflows/%s/%s/%s", h.ui, url.PathEscape(run.WorkflowID), run.RunID, tab)
}

// screenshots is the folder for pictures of what the tests see; without it there are none. `make pictures`
// sets it.
var screenshots = os.Getenv("ORDERLY_SCREENSHOTS")

// pictured is the name of a container: a new one, unless there is a picture to look well in.
func pictured(name string) string {
	if screenshots == "" {
		return ""
	}
	return name
}

// browser is a tab of a browser of its own.
type browser struct {
	ctx context.Context //nolint:containedctx // chromedp's handle of the tab
}

func browse(t *testing.T) browser {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox, // the tests may run as root, and look at nothing but their own server
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	// Tall, because the UI's timeline leaves out what would not be in sight.
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 3000)))
	return browser{ctx}
}

// page is what the browser shows.
type page struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // chromedp's handle of the tab
}

// attempts is how often a page is loaded before it counts as broken: Chromium gives up what it is loading
// whenever a network interface comes or goes, and the containers of other tests make that happen. A page
// whose own requests were given up stays as empty as it is then, so it is loaded again as well.
const attempts = 5

// shows opens a page and waits until it shows all of this.
func (b browser) shows(t *testing.T, address string, wanted ...string) page {
	t.Helper()
	list, err := json.Marshal(wanted)
	require.NoError(t, err)
	shown := fmt.Sprintf(`(text => text.includes("Uh oh.") ? "broken" : %s.every(w => text.includes(w)) ? "shown" : "")(%s)`, list, everyText)
	poll := chromedp.Poll[string](shown, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(25*time.Second))
	p := page{t, b.ctx}
	for range attempts {
		state := ""
		if err = chromedp.Do(b.ctx, chromedp.Navigate(address)); err == nil {
			state, err = chromedp.Run(b.ctx, poll)
		}
		if state == "shown" {
			return p
		}
		if b.ctx.Err() != nil {
			break
		}
	}
	text := p.text()
	for _, w := range wanted {
		require.Contains(t, text, w)
	}
	require.NoError(t, err)
	return p
}

// chromium is the browser that `.ci/deps` installs, or another of its family.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("this test looks at the Temporal UI and there is no Chromium: run `make deps`, or apt-get install chromium")
	return ""
}

// everyText is what a reader of the page sees. The UI shows Markdown in frames.
const everyText = `(function text(d) {
	const frames = [...d.querySelectorAll('iframe')].map(f => f.contentDocument?.body ? text(f.contentDocument) : '');
	return [d.body.innerText, ...frames].join('\n');
})(document)`

func (p page) text() string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](everyText))
	require.NoError(p.t, err)
	return text
}

// hides wants none of this on the page as it is.
func (p page) hides(unwanted ...string) {
	p.t.Helper()
	text := p.text()
	for _, w := range unwanted {
		require.NotContains(p.t, text, w)
	}
}

// width is that of a window, in pixels.
const width = 1280

// picture keeps what the page looks like in a window of that height, where pictures are wanted.
func (p page) picture(name string, height int64) {
	p.t.Helper()
	if screenshots == "" {
		return
	}
	require.NoError(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(width, height)))
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(filepath.Join(screenshots, name+".png"), png, 0o644))
}

package diagram_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/diagram"
)

var update = flag.Bool("update", false, "write the pictures of testdata anew")

// requireSVG reads a picture and gives all text in it. It stands alone: no element and no attribute that loads or
// runs anything.
func requireSVG(t *testing.T, svg string) string {
	t.Helper()
	var texts []string
	var in []string
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			in = append(in, token.Name.Local)
			require.Contains(t, []string{"svg", "title", "desc", "style", "rect", "text", "path", "g", "circle"}, token.Name.Local)
			for _, a := range token.Attr {
				require.Contains(t, []string{
					"xmlns", "width", "height", "viewBox", "role", "aria-labelledby", "id", "class", "x", "y", "rx", "d", "cx", "cy", "r",
				}, a.Name.Local)
			}
		case xml.EndElement:
			in = in[:len(in)-1]
		case xml.CharData:
			if slices.Contains(in, "style") {
				require.NotContains(t, string(token), "url(")
				require.NotContains(t, string(token), "@import")
			} else if text := strings.TrimSpace(string(token)); text != "" {
				texts = append(texts, text)
			}
		}
	}
	require.Contains(t, svg, "<title id=")
	require.Contains(t, svg, "<desc id=")
	return strings.Join(texts, "\n")
}

func TestSVG(t *testing.T) {
	t.Parallel()
	t.Run("DrawsEveryShippedProcedure", func(t *testing.T) {
		t.Parallel()
		for _, p := range shipped(t) {
			text := requireSVG(t, diagram.Flow(p).SVG())
			require.Contains(t, text, p.Title)
			for s := range p.Steps() {
				require.Contains(t, text, strings.Fields(s.Name())[0], p.ID)
			}
		}
	})
	t.Run("KeepsTextText", func(t *testing.T) {
		t.Parallel()
		for _, text := range hostile {
			said := requireSVG(t, diagram.Timeline(tainted(text)).SVG())
			if short := seen(text); len([]rune(short)) < 20 {
				require.Contains(t, said, short)
			}
			p := parse(t, "sop: test\ntitle: "+quote("a "+text)+"\nphases: [{id: one, steps: [{id: x, title: "+quote("c "+text)+", wait: 1s}]}]\n")
			require.Contains(t, requireSVG(t, diagram.Flow(p).SVG()), strings.TrimSpace("a "+seen(text)))
		}
	})
	t.Run("SaysInWordsWhatItShows", func(t *testing.T) {
		t.Parallel()
		said := requireSVG(t, diagram.Timeline(night()).SVG())
		for _, want := range []string{
			"emergency-response/api, failed after 41m", "+5m paged as tier 2 of level-1: slack failed, email failed",
			"+16m acknowledged by Ana", "broken +5m, met +16m", "Undo: Move it", "Restart it: connection refused: failed, +4s to +12s",
		} {
			require.Contains(t, said, want)
		}
	})
	t.Run("SaysWhatIsLeftOut", func(t *testing.T) {
		t.Parallel()
		said := requireSVG(t, diagram.Timeline(month()).SVG())
		require.Contains(t, said, "more are left out")
		require.Contains(t, said, "later marks are left out")
		require.Contains(t, said, "in time 0×, late 1440×")
	})
	t.Run("OfARunThatGoesOnIsDrawnUpToNow", func(t *testing.T) {
		t.Parallel()
		rec := night()
		rec.State, rec.Ended = "running", nil
		require.Contains(t, requireSVG(t, diagram.Timeline(rec).SVG()), "goes on; drawn up to +20m")
	})
}

// TestPicturesLookAsTheyDid keeps pictures that somebody has looked at; -update writes them anew.
func TestPicturesLookAsTheyDid(t *testing.T) {
	t.Parallel()
	p := parse(t, look)
	for name, got := range map[string]string{
		"flow.svg": diagram.Flow(p).SVG(), "flow.mmd": diagram.Flow(p).Mermaid(),
		"timeline.svg": diagram.Timeline(night()).SVG(), "timeline.mmd": diagram.Timeline(night()).Mermaid(),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "look at it, then run the test with -update")
	}
}

// look is a procedure with everything in it that is drawn.
const look = `
sop: test
title: Move a house
schedules: [{id: weekly, cron: "0 2 * * 0"}]
inputs: {doors: {type: list, default: [front, back]}}
within: 2h
on_failure: rollback
incident: {respond: 15m}
phases:
  - id: prepare
    within: 15m
    steps:
      - {id: look, title: Look at everything, uses: host.resources, retry: {attempts: 3}, on_failure: continue}
      - id: beside
        title: Meanwhile
        parallel:
          - {id: ready, title: "Are you ready?", ask: "Say so.", of: ann, within: 10m, remind: 5m, on_expire: skip}
          - {id: may, title: "May we?", approve: May we, by: [ann, bob], quorum: 2, within: 10m, on_expire: fail}
  - id: move
    if: steps.ready.status == "succeeded"
    steps:
      - id: doors
        title: Every door
        each: {in: "${{ inputs.doors }}", as: door, at_once: 2, steps: [{id: shut, title: Shut it, wait: 1s}]}
      - id: lift
        title: Lift it
        uses: host.resources
        expect: outputs.cpu.percent < 90.0
        undo: {uses: host.resources, if: "failure.phase == \"move\"", approve: {by: [ann]}}
      - {id: watch, title: Watch it, repeat: {every: 1m, for: 10m, until: steps.see.outputs.cpu.percent < 50.0, steps: [{id: see, title: See, uses: host.resources}]}}
      - {id: over, title: It is over, wait: {for: resolved}}
finally: [{id: later, title: Tidy up, start: tidy, if_missing: finding}]
rollback: {then: [{id: why, title: Find out why, run: tidy, if_missing: finding}]}
`

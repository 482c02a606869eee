package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bareWorld is a world without any settings: what it has is the library that ships.
func bareWorld(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.write("orderly.yaml", "temporal: {address: \"127.0.0.1:1\"}\n")
	return b
}

var (
	docBlock = regexp.MustCompile("(?s)```yaml\n(scenario: .*?)```")
	docShell = regexp.MustCompile("(?s)<!-- example: ([a-z]+) -->\n```sh\n(.*?)```")
	docWord  = regexp.MustCompile(`'[^']*'|(?:[^\s']|'[^']*')+`)
)

// TestTheSimulationPageIsTrue rehearses the scenarios of docs/simulate.md and types its commands.
func TestTheSimulationPageIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/simulate.md")
	require.NoError(t, err)
	blocks := docBlock.FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		name := strings.Fields(block[1])[1]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bareWorld(t)
			got := b.orderly("test", b.write("tests/page/"+name+".yaml", block[1]))
			require.Equal(t, exitOK, got.code, got.out+got.notice)
		})
	}
	for _, shell := range docShell.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(shell[2]) {
			t.Run(line, func(t *testing.T) {
				t.Parallel()
				command, _, _ := strings.Cut(strings.TrimSpace(line), " > ")
				words := docWord.FindAllString(command, -1)
				for i := range words {
					words[i] = strings.ReplaceAll(words[i], "'", "")
				}
				require.Equal(t, "orderly", words[0])
				got := bareWorld(t).orderly(words[1:]...)
				require.Equal(t, exitOK, got.code, got.notice)
				require.NotEmpty(t, got.out)
			})
		}
	}
}

func TestPicturesOfProceduresAndRuns(t *testing.T) {
	t.Parallel()
	b := bareWorld(t)
	require.Contains(t, b.orderly("simulate", "backup", "--flow").out, "flowchart TD\n")
	require.Contains(t, b.orderly("simulate", "backup", "--flow", "--format", "svg").out, "<svg xmlns=")
	require.Contains(t, b.orderly("simulate", "backup", "--format", "mermaid").out, "gantt\n")
	require.Equal(t, exitUsage, b.orderly("simulate", "backup", "--format", "png").code)
	require.Equal(t, exitUsage, b.orderly("show", "backup", "--format", "png").code)
	require.Equal(t, exitUsage, b.orderly("simulate", "--flow").code)
	require.Equal(t, exitNotFound, b.orderly("simulate", "bakcup", "--flow").code)
}

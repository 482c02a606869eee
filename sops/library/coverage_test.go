package library_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/sops/library"
)

// demanded are all rows of the two written procedures: a letter pair, and how many it has.
var demanded = []struct {
	rows  string
	count int
}{
	{"HC", 8}, {"WM", 9}, {"ER", 5}, {"PD", 5}, {"SI", 5}, {"ES", 3}, {"CD", 3}, {"CH", 3}, {"SV", 3}, {"TL", 6}, {"RB", 2}, {"RP", 2},
	{"MR", 3}, {"MS", 1}, {"DU", 2}, {"SP", 2}, {"BK", 2}, {"IR", 6}, {"RO", 3}, {"PM", 1}, {"RT", 1}, {"CL", 1}, {"OC", 1},
}

// coverage is the file coverage.yaml.
type coverage struct {
	Rows []coveredRow `yaml:"rows"`
}

// coveredRow is a row of a written procedure, and what carries it out.
type coveredRow struct {
	Row    string   `yaml:"row"`
	Demand string   `yaml:"demand"`
	By     []string `yaml:"by"`
}

// carriers knows what there is that could carry a row.
type carriers struct {
	library *sops.Library
	org     map[string]any
	actions *sops.Catalogue
}

// repository is the root of this module, seen from here.
const repository = "../.."

func readCoverage(t *testing.T, from fs.FS) coverage {
	t.Helper()
	file, err := from.Open("coverage.yaml")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	dec := yaml.NewDecoder(file)
	dec.KnownFields(true)
	var c coverage
	require.NoError(t, dec.Decode(&c))
	return c
}

func TestEveryRowIsCarriedByWhatExists(t *testing.T) {
	t.Parallel()
	all := carriers{library: loaded(t), actions: activities.Catalogue()}
	text, err := fs.ReadFile(library.FS, "org.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &all.org))
	require.Empty(t, all.faults(readCoverage(t, library.FS)))
}

// TestTheCoverageIsReallyChecked leaves things out and makes them up.
func TestTheCoverageIsReallyChecked(t *testing.T) {
	t.Parallel()
	all := carriers{library: loaded(t), actions: activities.Catalogue(), org: map[string]any{"roles": map[string]any{"lead": nil}}}
	faults := all.faults(coverage{Rows: []coveredRow{
		{Row: "HC-1", Demand: "x", By: nil},
		{Row: "HC-2", Demand: "x", By: []string{
			"daily-check/probes", "daily-check/gone", "gone", "daily-check#schedules/noon", "daily-check#incident", "org.yaml#roles/lead", "org.yaml#roles/gone",
			"action/http.check", "action/http.gone", "report/findings", "report/gone", "cli/start", "cli/gone", "message/note", "message/gone",
			"docs/incidents.md#the-states", "docs/incidents.md#gone", "docs/gone.md", "repository/go.mod", "repository/gone",
		}},
		{Row: "HC-2", Demand: "x", By: []string{"daily-check"}},
		{Row: "XX-1", Demand: "x", By: []string{"daily-check"}},
	}})
	for _, want := range []string{
		"HC-1: nothing carries it", "HC-2: daily-check has no phase or step gone", "HC-2: there is no procedure gone", "HC-2: daily-check has no schedule noon",
		"HC-2: daily-check has no incident", "HC-2: org.yaml has no roles/gone", "HC-2: there is no action http.gone", "HC-2: there is no action report.gone",
		"HC-2: there is no command gone", "HC-2: there is no message gone", "HC-2: docs/incidents.md has no heading gone", "HC-2: there is no docs/gone.md",
		"HC-2: there is no gone", "HC-2: is there twice", "XX-1: no written procedure has such a row", "HC-3: is missing",
		"daily-check covers HC-3, which does not name it", "XX-1 names daily-check, which does not cover it",
	} {
		require.Contains(t, faults, want)
	}
	for _, f := range faults {
		require.NotContains(t, f, "probes")
		require.NotContains(t, f, "roles/lead")
	}
}

// faults are all that is wrong with the coverage, a sentence each.
func (c *carriers) faults(list coverage) (faults []string) {
	named := map[string][]string{} // the procedures that a row names
	for _, row := range list.Rows {
		if _, twice := named[row.Row]; twice {
			faults = append(faults, row.Row+": is there twice")
		}
		named[row.Row] = append(named[row.Row], c.procedures(row)...)
		if len(row.By) == 0 {
			faults = append(faults, row.Row+": nothing carries it")
		}
		if row.Demand == "" {
			faults = append(faults, row.Row+": does not say what it demands")
		}
		for _, by := range row.By {
			if why := c.missing(by); why != "" {
				faults = append(faults, row.Row+": "+why)
			}
		}
	}
	return append(append(faults, allRows(named)...), c.bothWays(named)...)
}

// allRows compares with what is demanded.
func allRows(named map[string][]string) (faults []string) {
	known := map[string]bool{}
	for _, d := range demanded {
		for i := range d.count {
			id := fmt.Sprintf("%s-%d", d.rows, i+1)
			known[id] = true
			if _, there := named[id]; !there {
				faults = append(faults, id+": is missing")
			}
		}
	}
	for id := range named {
		if !known[id] {
			faults = append(faults, id+": no written procedure has such a row")
		}
	}
	return faults
}

// bothWays holds the rows' carriers against what procedures say that they cover.
func (c *carriers) bothWays(named map[string][]string) (faults []string) {
	for _, id := range c.library.IDs() {
		p, _ := c.library.Get(id)
		says := covered(p)
		for _, row := range says {
			if !slices.Contains(named[row], id) {
				faults = append(faults, fmt.Sprintf("%s covers %s, which does not name it", id, row))
			}
		}
		for row, procedures := range named {
			if slices.Contains(procedures, id) && !slices.Contains(says, row) {
				faults = append(faults, fmt.Sprintf("%s names %s, which does not cover it", row, id))
			}
		}
	}
	return faults
}

// procedures are those that a row names.
func (c *carriers) procedures(row coveredRow) (ids []string) {
	for _, by := range row.By {
		id, _, _ := strings.Cut(by, "#")
		id, _, _ = strings.Cut(id, "/")
		if _, ok := c.library.Get(id); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// missing says why a carrier does not exist, and nothing when it does.
func (c *carriers) missing(by string) string {
	place, detail, _ := strings.Cut(by, "#")
	kind, name, inside := strings.Cut(place, "/")
	switch {
	case place == "org.yaml":
		if !within(c.org, strings.Split(detail, "/")) {
			return "org.yaml has no " + detail
		}
	case kind == "action" && inside:
		return c.noAction(name)
	case kind == "report" && inside:
		return c.noAction("report." + name)
	case kind == "cli" && inside:
		return noCommand(name)
	case kind == "message" && inside:
		return noneIn(filepath.Join(repository, "workflows", "messages.go"), fmt.Sprintf(`(?m)^\tMessage\w+ += "%s"$`, regexp.QuoteMeta(name)), "there is no message "+name)
	case kind == "docs" && inside:
		return noPage(place, detail)
	case kind == "repository" && inside:
		if _, err := os.Stat(filepath.Join(repository, name)); err != nil {
			return "there is no " + name
		}
	default:
		return c.notIn(kind, name, detail)
	}
	return ""
}

// notIn looks for a part of a procedure.
func (c *carriers) notIn(id, part, section string) string {
	p, ok := c.library.Get(id)
	if !ok {
		return "there is no procedure " + id
	}
	if part != "" && !hasPart(p, part) {
		return fmt.Sprintf("%s has no phase or step %s", id, part)
	}
	kind, name, _ := strings.Cut(section, "/")
	there := map[string]bool{
		"":            true,
		"incident":    p.Incident != nil,
		"maintenance": p.Maintenance != nil,
		"rollback":    p.Rollback != nil,
		"inputs":      p.Inputs[name].Type != "",
		"schedules":   slices.ContainsFunc(p.Schedules, func(s sops.Schedule) bool { return s.ID == name }),
	}
	switch {
	case there[kind]:
		return ""
	case name != "":
		return fmt.Sprintf("%s has no %s %s", id, strings.TrimSuffix(kind, "s"), name)
	default:
		return fmt.Sprintf("%s has no %s", id, kind)
	}
}

func hasPart(p *sops.Procedure, part string) bool {
	if slices.ContainsFunc(p.Phases, func(ph sops.Phase) bool { return ph.ID == part }) {
		return true
	}
	for s := range p.Steps() {
		if s.ID == part {
			return true
		}
	}
	return false
}

// within says whether a path leads somewhere: by keys of maps, and by the id of what is in a list.
func within(node any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch n := node.(type) {
	case map[string]any:
		inner, ok := n[path[0]]
		return ok && within(inner, path[1:])
	case []any:
		return slices.ContainsFunc(n, func(item any) bool {
			m, ok := item.(map[string]any)
			return ok && m["id"] == path[0] && within(m, path[1:])
		})
	default:
		return false
	}
}

func (c *carriers) noAction(name string) string {
	if _, ok := c.actions.Action(name); !ok {
		return "there is no action " + name
	}
	return ""
}

// noCommand looks for a command of orderly.
func noCommand(name string) string {
	files, err := filepath.Glob(filepath.Join(repository, "starter", "*.go"))
	if err != nil {
		return err.Error()
	}
	use := fmt.Sprintf(`Use:\s+"%s[" ]`, regexp.QuoteMeta(name))
	for _, file := range files {
		if noneIn(file, use, "no") == "" {
			return ""
		}
	}
	return "there is no command " + name
}

// noPage looks for a page, and for the heading that an anchor leads to.
func noPage(page, anchor string) string {
	if anchor == "" {
		return noneIn(filepath.Join(repository, page), "", "")
	}
	heading := strings.ReplaceAll(regexp.QuoteMeta(anchor), "-", "[- ]")
	return noneIn(filepath.Join(repository, page), `(?im)^#+ `+heading+`$`, fmt.Sprintf("%s has no heading %s", page, anchor))
}

// noneIn says why when nothing in a file looks like that.
func noneIn(file, like, why string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "there is no " + filepath.ToSlash(strings.TrimPrefix(file, repository+"/"))
	}
	if !regexp.MustCompile(like).Match(text) {
		return why
	}
	return ""
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/orderly-ops/orderly/starter/screen"
)

// writeJUnit writes the verdicts as JUnit XML: a suite a procedure.
func writeJUnit(file string, r *rehearsed) error {
	var text bytes.Buffer
	all := suites(r)
	if err := all.WriteXML(&text); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644) //nolint:gosec // a report that CI reads
}

func suites(r *rehearsed) *junit.Testsuites {
	all := &junit.Testsuites{Name: "orderly test", Time: seconds(r.TookMS)}
	var suite *junit.Testsuite
	took := int64(0)
	end := func() {
		if suite != nil {
			suite.Time = seconds(took)
			all.AddSuite(*suite)
		}
	}
	for _, v := range r.Scenarios {
		if suite == nil || suite.Name != v.Procedure {
			end()
			suite, took = &junit.Testsuite{Name: v.Procedure, ID: len(all.Suites)}, 0
		}
		suite.AddTestcase(v.testcase())
		took += v.TookMS
	}
	end()
	return all
}

func (v *verdict) testcase() junit.Testcase {
	c := junit.Testcase{Name: v.Scenario, Classname: v.Procedure, Time: seconds(v.TookMS)}
	if v.Verdict == verdictOK {
		return c
	}
	lines := v.wrong(screen.Painter{}, endless)
	for i := range lines {
		lines[i] = screen.CleanLines(strings.TrimPrefix(lines[i], strings.Repeat(" ", wrongIndent)))
	}
	why := &junit.Result{Message: lines[0], Type: v.Verdict, Data: strings.Join(lines, "\n")}
	if v.Verdict == verdictFailed {
		c.Failure = why
	} else {
		c.Error = why
	}
	return c
}

func seconds(ms int64) string { return fmt.Sprintf("%.3f", float64(ms)/1000) }

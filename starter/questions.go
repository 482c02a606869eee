package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

// asks says that there is a person at the terminal who can be asked.
func (a *app) asks() bool {
	w, ok := a.stdin.(io.Writer) // a terminal is a file
	if !ok || a.json {
		return false
	}
	_, in := terminal(w)
	_, out := terminal(a.stderr)
	return in && out
}

// questions asks a person for the answers of a form, one by one.
type questions struct {
	in  io.Reader
	out io.Writer

	lines *bufio.Scanner
}

// ask fills in the fields that are named. A wrong answer is asked for again.
func (q *questions) ask(fields map[string]sops.FormField, names []string, answers map[string]any) error {
	q.lines = bufio.NewScanner(q.in)
	for _, name := range names {
		value, err := q.one(name, fields[name])
		if err != nil {
			return err
		}
		answers[name] = value
	}
	return nil
}

func (q *questions) one(name string, f sops.FormField) (any, error) {
	title := name
	if f.Title != "" {
		title = f.Title
	}
	if f.Description != "" {
		fmt.Fprintln(q.out, screen.Clean(f.Description))
	}
	for {
		fmt.Fprintf(q.out, "%s (%s): ", screen.Clean(title), screen.Clean(kindOfAnswer(f)))
		if !q.lines.Scan() {
			return nil, exit(exitUsage, "%s was not answered; nothing was sent", name)
		}
		value, err := typedAnswer(strings.TrimSpace(q.lines.Text()), f.Type)
		if err == nil {
			_, err = sops.CheckForm(map[string]sops.FormField{name: f}, map[string]any{name: value})
		}
		if err == nil {
			return value, nil
		}
		fmt.Fprintln(q.out, screen.Clean(err.Error()))
	}
}

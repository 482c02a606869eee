package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// idShape is what a procedure's id looks like.
var idShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// plural counts things: "1 run", "2 runs".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// exactly wants one argument, and says what it is when it is missing.
func exactly(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("say which %s", what)
		case 1:
			return nil
		default:
			return fmt.Errorf("one %s at a time; found %s", what, strings.Join(args, ", "))
		}
	}
}

package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/schedules"
	"github.com/orderly-ops/orderly/internal/setup"
)

func (a *app) setupCommand() *cobra.Command {
	var retention time.Duration
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Make a Temporal namespace ready: search attributes and schedules",
		Long: `Make a Temporal namespace ready: add Orderly's search attributes, wait until they
can be used, and apply the schedules of the files. It may be run as often as one
likes. Where the cluster does not let us add search attributes (Temporal Cloud)
the commands to add them by hand are printed.

On a Temporal of your own --create 720h makes the namespace, too, unless it is
there; Temporal then keeps histories for so long after a run has ended.

With --json: {namespace, attributes_added, plan, applied}.`,
		Example: examples(
			"orderly setup",
			"orderly setup --address temporal.example.org:7233 --namespace ops"),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.setup(cmd.Context(), retention) },
	}
	cmd.Flags().DurationVar(&retention, "create", 0, "create the namespace where it is missing; how long it keeps histories")
	return cmd
}

// patience is how long a new search attribute may take to be known everywhere.
const patience = 90 * time.Second

// setup makes the namespace ready, and makes it where it is missing when retention says for how long.
func (a *app) setup(ctx context.Context, retention time.Duration) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := a.createNamespace(ctx, c, retention); err != nil {
		return err
	}
	added, err := setup.Attributes(ctx, c, c.namespace)
	var refused *setup.Refused
	if errors.As(err, &refused) {
		return exit(exitFailed, "%w", err)
	}
	if err != nil {
		return failed("set up namespace "+c.namespace, err)
	}
	if len(added) == 0 {
		added = []string{}
		a.say("search attributes: all there")
	} else {
		a.say("search attributes added: %s", strings.Join(added, ", "))
	}
	k, err := a.keeping(cfg, c)
	if err != nil {
		return err
	}
	plan, err := a.carryOut(ctx, k, false, false)
	if err != nil {
		return err
	}
	if a.json {
		done := readiness{Namespace: c.namespace, AttributesAdded: added, Plan: plan, Applied: true}
		if err := a.printJSON(done); err != nil {
			return err
		}
	}
	return k.leftOver(plan)
}

func (a *app) createNamespace(ctx context.Context, c *cluster, retention time.Duration) error {
	if retention == 0 {
		return nil
	}
	made, err := setup.Namespace(ctx, c, c.namespace, retention)
	if err != nil {
		return failed("set up namespace "+c.namespace, err)
	}
	if made {
		a.say("namespace %s: created", c.namespace)
	}
	return nil
}

// readiness is what `orderly setup --json` says. Its fields are stable.
type readiness struct {
	Namespace       string         `json:"namespace"`
	AttributesAdded []string       `json:"attributes_added"`
	Plan            schedules.Plan `json:"plan"`
	Applied         bool           `json:"applied"`
}

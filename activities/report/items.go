package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
)

// ItemsInput is the input of report.items.
type ItemsInput struct {
	Text string `json:"text,omitempty" doc:"One item a line: what | who | YYYY-MM-DD. Who is a role, team or person of org.yaml. The word none says that there is nothing to do." default:"what people wrote last into a field items of the run that asks"`
}

// Items is the output of report.items.
type Items struct {
	Items    []DueItem `json:"items" doc:"The items, in the order given."`
	Count    int       `json:"count" doc:"How many there are."`
	None     bool      `json:"none" doc:"It was said that there is nothing to do."`
	OK       bool      `json:"ok" doc:"Every line could be taken."`
	Problems []string  `json:"problems" doc:"The lines that could not be taken, each with the reason."`
}

// DueItem is an item with the moment when its owner is asked.
type DueItem struct {
	write.Item
	At time.Time `json:"at" doc:"09:00 UTC of the day it is due."`
}

// askedAt is the hour of the day (UTC) when owners of items are asked.
const askedAt = 9 * time.Hour

func (a actions) items(ctx context.Context, in ItemsInput) (Items, error) {
	o, err := a.staff()
	if err != nil {
		return Items{}, err
	}
	if !write.Said(in.Text) && activity.IsActivity(ctx) {
		if rec := a.told(ctx, activity.GetInfo(ctx).WorkflowExecution.ID, ""); rec != nil {
			in.Text = write.ItemsSaid(rec)
		}
	}
	found, problems := write.ParseItems(in.Text, func(who string) (string, error) { return entry(o, who) })
	out := Items{Items: []DueItem{}, Count: len(found), None: write.NoItems(in.Text), OK: len(problems) == 0, Problems: problems}
	for _, item := range found {
		day, err := time.Parse(time.DateOnly, item.Due)
		if err != nil {
			return Items{}, fmt.Errorf("report.items: %w", err)
		}
		out.Items = append(out.Items, DueItem{Item: item, At: day.Add(askedAt)})
	}
	return out, nil
}

// staff is org.yaml as it is now. While somebody edits it, the next attempt may find it mended.
func (a actions) staff() (*sops.Org, error) {
	if a.org == nil {
		return nil, action.Permanent(action.ErrNotConfigured, "report.items: this worker has no org.yaml")
	}
	return a.org()
}

// entry is the role, team or person that a name means.
func entry(o *sops.Org, who string) (string, error) {
	id := strings.TrimPrefix(strings.TrimSpace(who), "@")
	if _, ok := o.Roles[id]; ok {
		return id, nil
	}
	if _, ok := o.Teams[id]; ok {
		return id, nil
	}
	if person, _, ok := o.Who(id); ok {
		return person, nil
	}
	known := slices.Concat(slices.Sorted(maps.Keys(o.Roles)), slices.Sorted(maps.Keys(o.Teams)), slices.Sorted(maps.Keys(o.People)))
	return "", fmt.Errorf("org.yaml has no role, team or person %q%s", id, yamldoc.Hint(id, known))
}

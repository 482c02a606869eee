package schedules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// Verb is what applying a plan does with a schedule.
type Verb string

// The verbs.
const (
	Create    Verb = "create"
	Update    Verb = "update"
	Remove    Verb = "remove"
	Unchanged Verb = "unchanged"
	Orphan    Verb = "orphan"  // its file is gone; only pruning removes it
	Foreign   Verb = "foreign" // somebody else made a schedule with this id: left alone
)

// Drift is one field in which the cluster differs from the file.
type Drift struct {
	Field string `json:"field"`
	Have  string `json:"have"` // in the cluster
	Want  string `json:"want"` // in the file
}

// Change is what is to become of one schedule.
type Change struct {
	ID     string  `json:"id"`
	Verb   Verb    `json:"verb"`
	Fields []Drift `json:"fields,omitempty"`
	// ByHand says that the file is as it was applied last: somebody changed the schedule in the cluster.
	ByHand bool `json:"by_hand,omitempty"`
	// Paused says that it is paused now, whatever the file says; Note is why.
	Paused bool   `json:"paused,omitempty"`
	Note   string `json:"note,omitempty"`

	want     Schedule
	setPause bool // the file's paused was edited since it was applied
}

// Plan is everything that applying would do, sorted by schedule.
type Plan []Change

// Pending says whether applying would change anything.
func (p Plan) Pending() bool {
	return slices.ContainsFunc(p, func(c Change) bool {
		return c.Verb == Create || c.Verb == Update || c.Verb == Remove
	})
}

// Foreign lists the ids that are taken by schedules which are not Orderly's.
func (p Plan) Foreign() []string {
	var ids []string
	for _, c := range p {
		if c.Verb == Foreign {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// Keeper keeps schedules in one namespace.
type Keeper struct{ client client.ScheduleClient }

// New makes a keeper.
func New(c client.ScheduleClient) *Keeper { return &Keeper{client: c} }

// Plan compares what the files want with what the cluster has. With prune, schedules of ours whose file
// is gone are to be removed.
func (k *Keeper) Plan(ctx context.Context, wanted []Schedule, prune bool) (Plan, error) {
	plan := make(Plan, 0, len(wanted))
	known := map[string]bool{}
	for _, w := range wanted {
		c, err := k.compare(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("schedule %s: %w", w.ID, err)
		}
		plan = append(plan, c)
		known[w.ID] = true
	}
	managed, err := k.Managed(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range managed {
		if known[id] {
			continue
		}
		verb := Orphan
		if prune {
			verb = Remove
		}
		plan = append(plan, Change{ID: id, Verb: verb})
	}
	slices.SortFunc(plan, func(a, b Change) int { return cmp.Compare(a.ID, b.ID) })
	return plan, nil
}

// Managed lists the ids of the schedules that Orderly made, sorted. A schedule made or removed a moment
// ago may not show yet.
func (k *Keeper) Managed(ctx context.Context) ([]string, error) {
	list, err := k.client.List(ctx, client.ScheduleListOptions{PageSize: 100})
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	var ids []string
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		managed := false
		readMemo(entry.Memo.GetFields(), memoManaged, &managed)
		if managed {
			ids = append(ids, entry.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (k *Keeper) compare(ctx context.Context, want Schedule) (Change, error) {
	c := Change{ID: want.ID, want: want}
	d, err := k.client.GetHandle(ctx, want.ID).Describe(ctx)
	if isMissing(err) {
		c.Verb, c.Paused = Create, want.Paused
		return c, nil
	}
	if err != nil {
		return c, err
	}
	have, err := read(d)
	if err != nil {
		return c, err
	}
	c.Paused, c.Note = have.paused, have.note
	if !have.managed {
		c.Verb = Foreign
		return c, nil
	}
	c.diff(have)
	return c, nil
}

// diff notes the fields that differ.
func (c *Change) diff(have actual) {
	want := c.want.fields()
	for _, name := range fieldNames {
		if have.fields[name] != want[name] {
			c.Fields = append(c.Fields, Drift{Field: name, Have: have.fields[name], Want: want[name]})
		}
	}
	if c.want.Paused != have.applied && c.want.Paused != have.paused {
		c.setPause = true
		c.Fields = append(c.Fields, Drift{
			Field: "paused", Have: strconv.FormatBool(have.paused), Want: strconv.FormatBool(c.want.Paused),
		})
	}
	edited := have.digest != c.want.digest()
	switch {
	case len(c.Fields) > 0:
		c.Verb, c.ByHand = Update, !edited
	case edited: // written differently, meaning the same; the cluster should know the new digest
		c.Verb = Update
	default:
		c.Verb = Unchanged
	}
}

func isMissing(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

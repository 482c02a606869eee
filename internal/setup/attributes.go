// Package setup makes a Temporal namespace ready for Orderly: its search attributes. It may be run as
// often as one likes.
package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/workflows"
)

// Refused says that the cluster does not let us add search attributes: Temporal Cloud, or missing
// rights. Its text says what to do by hand.
type Refused struct {
	Namespace string
	Missing   []string
	Cause     error
}

func (r *Refused) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the cluster does not let us add search attributes (%v). Add them yourself, then run `orderly setup` again:\n", r.Cause)
	fmt.Fprintf(&b, "  Temporal Cloud:\n    tcld namespace search-attributes add --namespace %s", r.Namespace)
	for _, name := range r.Missing {
		fmt.Fprintf(&b, " \\\n      --search-attribute %q", name+"="+typeWord(workflows.SearchAttributes()[name]))
	}
	fmt.Fprintf(&b, "\n  self-hosted, with an administrator's rights:\n    temporal operator search-attribute create --namespace %s", r.Namespace)
	for _, name := range r.Missing {
		fmt.Fprintf(&b, " \\\n      --name %s --type %s", name, typeWord(workflows.SearchAttributes()[name]))
	}
	return b.String()
}

func (r *Refused) Unwrap() error { return r.Cause }

// Conflict says that a search attribute exists with another type. Temporal can't change one.
type Conflict struct {
	Name       string
	Have, Want enumspb.IndexedValueType
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("search attribute %s is %s here, it must be %s; remove it, or use another namespace",
		c.Name, typeWord(c.Have), typeWord(c.Want))
}

// Attributes adds the search attributes that the namespace lacks and waits until every part of the
// cluster knows them. It returns those it added, sorted. The context bounds the wait.
func Attributes(ctx context.Context, c client.Client, namespace string) ([]string, error) {
	missing, err := Missing(ctx, c, namespace)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	want := workflows.SearchAttributes()
	add := make(map[string]enumspb.IndexedValueType, len(missing))
	for _, name := range missing {
		add[name] = want[name]
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: add,
	})
	var exists *serviceerror.AlreadyExists // another setup was faster
	switch {
	case isRefusal(err):
		return nil, &Refused{Namespace: namespace, Missing: missing, Cause: err}
	case err != nil && !errors.As(err, &exists):
		return nil, fmt.Errorf("add search attributes to namespace %s: %w", namespace, err)
	}
	return missing, await(ctx, c, namespace, missing)
}

// Missing lists the search attributes that the namespace lacks, sorted. It is a Conflict when one has
// another type.
func Missing(ctx context.Context, c client.Client, namespace string) ([]string, error) {
	have, err := list(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	want := workflows.SearchAttributes()
	var missing []string
	var conflicts []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch kind, ok := have[name]; {
		case !ok:
			missing = append(missing, name)
		case kind != want[name]:
			conflicts = append(conflicts, &Conflict{Name: name, Have: kind, Want: want[name]})
		}
	}
	return missing, errors.Join(conflicts...)
}

// list asks the operator service, or, where that is closed to us (Temporal Cloud), the frontend.
func list(ctx context.Context, c client.Client, namespace string) (map[string]enumspb.IndexedValueType, error) {
	answer, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err == nil {
		return answer.GetCustomAttributes(), nil
	}
	if !isRefusal(err) {
		return nil, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, err)
	}
	all, err := c.WorkflowService().GetSearchAttributes(ctx, &workflowservice.GetSearchAttributesRequest{})
	if err != nil {
		return nil, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, err)
	}
	return all.GetKeys(), nil
}

func isRefusal(err error) bool {
	var denied *serviceerror.PermissionDenied
	var unknown *serviceerror.Unimplemented
	return errors.As(err, &denied) || errors.As(err, &unknown)
}

// askEvery is how often a namespace is asked whether new attributes can be used yet.
const askEvery = 250 * time.Millisecond

// await waits until queries may use the attributes: that an attribute is listed does not mean that the
// frontend's cache has it, and a run that sets an unknown one gets stuck.
func await(ctx context.Context, c client.Client, namespace string, names []string) error {
	conditions := make([]string, len(names))
	for i, name := range names {
		conditions[i] = name + " IS NULL"
	}
	query := strings.Join(conditions, " AND ")
	ask := time.NewTicker(askEvery)
	defer ask.Stop()
	for {
		_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: query})
		var notYet *serviceerror.InvalidArgument
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &notYet):
			return fmt.Errorf("wait for the search attributes: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the search attributes were added but can't be used yet; run `orderly setup` again: %w", ctx.Err())
		case <-ask.C:
		}
	}
}

// typeWord is a type as temporal's and tcld's command lines write it.
func typeWord(t enumspb.IndexedValueType) string {
	switch t {
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		return "KeywordList"
	default:
		return t.String()
	}
}

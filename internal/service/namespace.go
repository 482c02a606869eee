package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/workflows"
)

// checkNamespace refuses a namespace that is missing, or that lacks Orderly's search attributes: the
// first run would hang there on a failing workflow task, and nobody would see why.
func (s *Service) checkNamespace(ctx context.Context) error {
	problems, err := attributeProblems(ctx, s.client, s.namespace)
	var missing *serviceerror.NamespaceNotFound
	var unsupported *serviceerror.Unimplemented
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("temporal has no namespace %q: run `orderly setup`, or set temporal.namespace in orderly.yaml", s.namespace)
	case errors.As(err, &unsupported), errors.As(err, &denied):
		// Hosted Temporal keeps its operator API to itself: there the check can't be made.
		s.opts.Logger.Warn("search attributes can't be checked here", "namespace", s.namespace, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("list the search attributes of namespace %q: %w", s.namespace, err)
	case len(problems) > 0:
		return fmt.Errorf("namespace %q is not set up, search attributes %s: run `orderly setup`", s.namespace, strings.Join(problems, ", "))
	}
	return nil
}

// attributeProblems lists the search attributes that are missing or have another type, sorted.
func attributeProblems(ctx context.Context, c client.Client, namespace string) ([]string, error) {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	want := workflows.SearchAttributes()
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch got, ok := have.GetCustomAttributes()[name]; {
		case !ok:
			problems = append(problems, name+" (missing)")
		case got != want[name]:
			problems = append(problems, fmt.Sprintf("%s (is %s, has to be %s)", name, got, want[name]))
		}
	}
	return problems, nil
}

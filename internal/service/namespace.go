package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"

	"github.com/orderly-ops/orderly/internal/setup"
)

// checkNamespace refuses a namespace that is missing, or that lacks Orderly's search attributes: the
// first run would hang there on a failing workflow task, and nobody would see why.
func (s *Service) checkNamespace(ctx context.Context) error {
	absent, err := setup.Missing(ctx, s.client, s.namespace)
	var unknown *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("temporal has no namespace %q: create it, or set temporal.namespace in orderly.yaml", s.namespace)
	case err != nil:
		return err
	case len(absent) > 0:
		return fmt.Errorf("namespace %q is not set up, it lacks the search attributes %s: run `orderly setup`",
			s.namespace, strings.Join(absent, ", "))
	}
	return nil
}

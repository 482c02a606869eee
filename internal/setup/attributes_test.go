package setup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/server/temporaltest"

	"github.com/orderly-ops/orderly/internal/setup"
	"github.com/orderly-ops/orderly/workflows"
)

func TestAttributesAreAddedOnceAndCanBeUsedThen(t *testing.T) {
	t.Parallel()
	s := temporaltest.NewServer(temporaltest.WithT(t))
	c, namespace := s.GetDefaultClient(), s.GetDefaultNamespace()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	added, err := setup.Attributes(ctx, c, namespace)
	require.NoError(t, err)
	require.Len(t, added, len(workflows.SearchAttributes()))
	again, err := setup.Attributes(ctx, c, namespace)
	require.NoError(t, err)
	require.Empty(t, again)
}

func TestAnAttributeOfAnotherTypeIsNamed(t *testing.T) {
	t.Parallel()
	s := temporaltest.NewServer(temporaltest.WithT(t))
	c, namespace := s.GetDefaultClient(), s.GetDefaultNamespace()
	_, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace:        namespace,
		SearchAttributes: map[string]enumspb.IndexedValueType{workflows.AttrState.GetName(): enumspb.INDEXED_VALUE_TYPE_INT},
	})
	require.NoError(t, err)
	_, err = setup.Attributes(t.Context(), c, namespace)
	var conflict *setup.Conflict
	require.ErrorAs(t, err, &conflict)
	require.EqualError(t, conflict, "search attribute OrderlyState is Int here, it must be Keyword; remove it, or use another namespace")
}

func TestARefusalSaysWhatToType(t *testing.T) {
	t.Parallel()
	err := &setup.Refused{Namespace: "ops.a1b2c", Missing: []string{"OrderlyServices"}, Cause: errors.New("denied")}
	require.ErrorContains(t, err, "tcld namespace search-attributes add --namespace ops.a1b2c")
	require.ErrorContains(t, err, `--search-attribute "OrderlyServices=KeywordList"`)
	require.ErrorContains(t, err, "temporal operator search-attribute create --namespace ops.a1b2c")
	require.ErrorContains(t, err, "--name OrderlyServices --type KeywordList")
}

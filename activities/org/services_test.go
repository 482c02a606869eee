package org

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

func TestServices(t *testing.T) {
	t.Parallel()
	a := actions{org: func() (*sops.Org, error) {
		return &sops.Org{Services: map[string]sops.Service{
			"web": {Owner: "frontend-lead"},
			"api": {Title: "API", Owner: "backend-lead", HTTP: "docs-api", Docker: "local", Containers: []string{"docs-api"}},
		}}, nil
	}}
	t.Run("AreAllUnlessSomeAreNamed", func(t *testing.T) {
		t.Parallel()
		out, err := a.services(t.Context(), ServicesInput{})
		require.NoError(t, err)
		require.Equal(t, []Service{
			{ID: "api", Title: "API", Owner: "backend-lead", HTTP: "docs-api", Docker: "local", Containers: []string{"docs-api"}},
			{ID: "web", Title: "web", Owner: "frontend-lead", Containers: []string{}},
		}, out.Services)
		require.Equal(t, out.Services[0], out.By["api"])
	})
	t.Run("NameTheOnesThatAreNotThere", func(t *testing.T) {
		t.Parallel()
		out, err := a.services(t.Context(), ServicesInput{Only: []string{"api", " api", "mail"}})
		require.NoError(t, err)
		require.Len(t, out.Services, 1)
		require.Equal(t, []string{"mail"}, out.Unknown)
	})
	t.Run("AreNoneWithoutAnOrg", func(t *testing.T) {
		t.Parallel()
		out, err := actions{}.services(t.Context(), ServicesInput{})
		require.NoError(t, err)
		require.Empty(t, out.Services)
	})
}

package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

func TestWhatAStepSendsReachesEverybodyItIsFor(t *testing.T) {
	t.Parallel()
	email := emailFake()
	email.send = only("press")
	p := peopleOf(t, orgFolder(orgText), email)
	order := notify.Order{To: []string{"customers", "nobody"}, Message: message}

	dry, err := p.Tell(t.Context(), order, true)
	require.NoError(t, err)
	require.Len(t, dry.Told, 2)
	require.Empty(t, email.to(), "a drill only looks them up")

	got, err := p.Tell(t.Context(), order, false)
	require.NoError(t, err)
	require.Equal(t, []string{"nobody: org.yaml has no such role, team or person"}, got.Nobody)
	require.True(t, got.Told[0].Reached)
	require.Equal(t, "press", got.Told[0].ID)
	require.False(t, got.Told[1].Reached)
	require.NotContains(t, got.Told[1].Outcomes[0].Error, "hunter2")
}

func TestAProcedureIsCheckedAnewWhenTheOrgHasChanged(t *testing.T) {
	t.Parallel()
	files := orgFolder(orgText)
	files["wake.yaml"] = orgFolder(asking)["org.yaml"]
	a := setup(files)
	load := func() error {
		_, err := a.load(t.Context(), workflows.LoadRequest{WorkflowType: "Wake"})
		return err
	}
	require.NoError(t, load())
	files["org.yaml"] = orgFolder(strings.ReplaceAll(orgText, "devops-lead", "dev-lead"))["org.yaml"]
	require.ErrorContains(t, load(), `no role, team or person "devops-lead"`)
	files["org.yaml"] = orgFolder(orgText)["org.yaml"]
	require.NoError(t, load())
}

package docker

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
)

func TestContainersTellHowEachOneStands(t *testing.T) {
	t.Parallel()
	a := setup(t)
	compose := map[string]string{labelProject: "docs", labelService: "api"}
	well := testenv.RunContainer(t, testenv.ContainerSpec{Health: true, Labels: compose})
	sick := testenv.RunContainer(t, testenv.ContainerSpec{Health: true, Args: []string{"-sick"}})
	plain := testenv.RunContainer(t, testenv.ContainerSpec{})
	ended := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-exit", "3"}})
	looping := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-exit", "1"}, Restart: "always"})
	created := testenv.RunContainer(t, testenv.ContainerSpec{Created: true})
	testenv.AwaitContainer(t, well.ID, health(container.Healthy))
	testenv.AwaitContainer(t, sick.ID, health(container.Unhealthy))
	testenv.AwaitContainer(t, ended.ID, exited)
	testenv.AwaitContainer(t, looping.ID, func(s *container.State) bool { return s.Restarting })

	out, err := a.containers(t.Context(), ContainersInput{Host: "local", Filter: only(t)})
	require.NoError(t, err)
	require.Empty(t, out.Unread)
	require.Equal(t, 6, out.Total)
	require.Equal(t, 1, out.Unhealthy)
	by := map[string]Container{}
	for _, c := range out.Containers {
		by[c.Name] = c
	}
	require.Equal(t, stateRunning, by[well.Name].State)
	require.Equal(t, healthGood, by[well.Name].Health)
	require.Equal(t, "docs", by[well.Name].Project)
	require.Equal(t, "api", by[well.Name].Service)
	require.NotNil(t, by[well.Name].StartedAt)
	require.Contains(t, by[well.Name].Image, "orderly-test/probe")
	require.Len(t, by[well.Name].ImageID, 12)
	require.Len(t, by[well.Name].ID, 12)
	require.Equal(t, healthBad, by[sick.Name].Health)
	require.Equal(t, healthNone, by[plain.Name].Health)
	require.Equal(t, "exited", by[ended.Name].State)
	require.Equal(t, 3, by[ended.Name].ExitCode)
	require.Zero(t, by[ended.Name].Uptime)
	require.Contains(t, []string{"restarting", "running"}, by[looping.Name].State)
	require.Positive(t, by[looping.Name].Restarts)
	require.Equal(t, "created", by[created.Name].State)
	require.Nil(t, by[created.Name].StartedAt)

	no := false
	out, err = a.containers(t.Context(), ContainersInput{Host: "local", Filter: only(t), All: &no})
	require.NoError(t, err)
	for _, c := range out.Containers {
		require.NotEqual(t, ended.Name, c.Name)
		require.NotEqual(t, created.Name, c.Name)
	}
}

func TestContainersAreChosenByNameAndLabel(t *testing.T) {
	t.Parallel()
	all := []summary{
		{name: "docs-web", labels: map[string]string{"tier": "front"}},
		{name: "docs-api", labels: map[string]string{"tier": "back", "team": ""}},
		{name: "mail"},
	}
	cases := map[string]struct {
		filter Filter
		want   []string
	}{
		"Everything":       {Filter{}, []string{"docs-api", "docs-web", "mail"}},
		"ByPattern":        {Filter{Names: []string{"docs-*"}}, []string{"docs-api", "docs-web"}},
		"ByOneOfNames":     {Filter{Names: []string{"mail", "docs-web"}}, []string{"docs-web", "mail"}},
		"ByLabel":          {Filter{Labels: []string{"tier"}}, []string{"docs-api", "docs-web"}},
		"ByLabelAndValue":  {Filter{Labels: []string{"tier=back"}}, []string{"docs-api"}},
		"ByEmptyValue":     {Filter{Labels: []string{"team="}}, []string{"docs-api"}},
		"ByNameAndLabel":   {Filter{Names: []string{"docs-*"}, Labels: []string{"tier=front"}}, []string{"docs-web"}},
		"NothingIsMatched": {Filter{Labels: []string{"tier=front", "team"}}, []string{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := []string{}
			for _, s := range c.filter.choose(all) {
				got = append(got, s.name)
			}
			require.Equal(t, c.want, got)
		})
	}
	_, err := at(t, "tcp://127.0.0.1:1", answerWithin).containers(t.Context(), ContainersInput{Host: "local", Filter: Filter{Names: []string{"["}}})
	testenv.RequirePermanent(t, err, action.ErrInput)
}

func TestAThousandContainersFitTheOutput(t *testing.T) {
	t.Parallel()
	fake := newFake(t, 1000)
	out, err := at(t, fake.host, time.Minute).containers(t.Context(), ContainersInput{Host: "local"})
	require.NoError(t, err)
	require.Len(t, out.Containers, 1000)
	require.Empty(t, out.Unread)
	encoded, err := json.Marshal(out)
	require.NoError(t, err)
	require.Less(t, len(encoded), 500_000)
	require.LessOrEqual(t, fake.most(), inspectAtOnce)
}

func TestMoreThanTwoThousandContainersLeaveOutTheWell(t *testing.T) {
	t.Parallel()
	fake := newFake(t, 2100)
	fake.ended["c2050"] = true
	out, err := at(t, fake.host, time.Minute).containers(t.Context(), ContainersInput{Host: "local"})
	require.NoError(t, err)
	require.Equal(t, 2100, out.Total)
	require.Equal(t, 100, out.LeftOut)
	names := []string{}
	for _, c := range out.Containers {
		names = append(names, c.Name)
	}
	require.Contains(t, names, "c2050")
	require.IsIncreasing(t, names)
}

func TestContainerThatHangsDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	fake := newFake(t, 3)
	fake.hang["c0001"] = true
	fake.gone["c0002"] = true
	a := at(t, fake.host, 3*time.Second)
	out, err := a.containers(t.Context(), ContainersInput{Host: "local"})
	require.NoError(t, err)
	require.Len(t, out.Containers, 1)
	require.Equal(t, []Unread{{Name: "c0001", ID: fake.id(1)[:12], Why: "the engine did not answer in time"}}, out.Unread)

	usage, err := a.stats(t.Context(), StatsInput{Host: "local"})
	require.NoError(t, err)
	require.Len(t, usage.Containers, 1)
	require.Len(t, usage.Unread, 1)
}

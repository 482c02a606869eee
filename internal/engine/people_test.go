package engine

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

const orgText = `
people:
  ann:  {name: Ann, slack: U01, email: ann@example.org}
  bob:  {name: Bob, slack: U02, email: bob@example.org}
  carl: {name: Carl, email: carl@example.org}
roles:
  first-line:  {primary: ann, backup: devops-lead}
  devops-lead: {primary: bob, backup: manager}
  manager:     {primary: carl}
teams: {leads: [devops-lead]}
channels:
  health: {title: System health, slack: "#health"}
  press:  {email: press@example.org}
stakeholders: {customers: [press, manager]}
services: {api: {owner: devops-lead}}
policies: {level-1: {tiers: [{page: [first-line], wait: 5m}]}}
defaults: {policy: level-1}
`

// transport is a transport that keeps what it is given.
type transport struct {
	name    string
	reaches func(notify.Recipient) bool
	send    func(notify.Delivery) error

	mu  sync.Mutex
	got []notify.Delivery
}

func (f *transport) Name() string { return f.name }

func (f *transport) Reaches(r notify.Recipient) bool { return f.reaches(r) }

func (f *transport) Send(_ context.Context, d notify.Delivery) (notify.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, d)
	if f.send != nil {
		if err := f.send(d); err != nil {
			return notify.Receipt{}, err
		}
	}
	return notify.Receipt{Ref: d.ID}, nil
}

// to lists whom it was given messages for, in order.
func (f *transport) to() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, d := range f.got {
		ids = append(ids, d.To.ID)
	}
	return ids
}

func slackFake() *transport {
	return &transport{name: "slack", reaches: func(r notify.Recipient) bool { return r.Slack != "" }}
}

func emailFake() *transport {
	return &transport{name: "email", reaches: func(r notify.Recipient) bool { return r.Email != "" }}
}

// only refuses everybody else for good.
func only(ids ...string) func(notify.Delivery) error {
	return func(d notify.Delivery) error {
		for _, id := range ids {
			if d.To.ID == id {
				return nil
			}
		}
		return action.Permanent(action.ErrNotFound, "no such member with token hunter2")
	}
}

func orgFolder(text string) fstest.MapFS {
	return fstest.MapFS{sops.OrgFile: &fstest.MapFile{Data: []byte(text)}}
}

func peopleOf(t *testing.T, files fs.FS, transports ...notify.Transport) *People {
	t.Helper()
	redact := func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") }
	quiet := slog.New(slog.DiscardHandler)
	hub := notify.NewHub(transports, notify.Options{Redact: redact, Logger: quiet})
	t.Cleanup(func() { require.NoError(t, hub.Close(context.Background())) })
	return NewPeople([]sops.Source{{Name: "here", FS: files}}, hub, PeopleOptions{Redact: redact, Logger: quiet})
}

var (
	now     = time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	message = notify.Message{ID: "run:1", Kind: notify.KindPage, Headline: "API down", Run: "er/api", Thread: "er/api", At: now}
)

func ids(people []workflows.PagedPerson) []string {
	var all []string
	for _, p := range people {
		all = append(all, p.ID)
	}
	return all
}

func TestPage(t *testing.T) {
	t.Parallel()
	page := func(t *testing.T, p *People, request workflows.PageRequest) workflows.PageResult {
		t.Helper()
		request.At, request.Message = now, message
		got, err := p.page(t.Context(), request)
		require.NoError(t, err)
		return got
	}
	t.Run("GoesToWhoIsOnCallBehindRolesTeamsAndServices", func(t *testing.T) {
		t.Parallel()
		slack, email := slackFake(), emailFake()
		p := peopleOf(t, orgFolder(orgText), slack, email)
		got := page(t, p, workflows.PageRequest{Page: []string{"first-line", "service.owner", "carl"}, Services: []string{"api"}})
		require.Equal(t, []string{"ann", "bob", "carl"}, ids(got.People))
		require.Equal(t, "first-line", got.People[0].As)
		require.Equal(t, "Ann", got.People[0].Name)
		require.Len(t, got.People[0].Outcomes, 2)
		require.Empty(t, got.Nobody)
		require.ElementsMatch(t, []string{"ann", "bob"}, slack.to())
		require.ElementsMatch(t, []string{"ann", "bob", "carl"}, email.to())
	})
	t.Run("SaysBehindWhichEntryThereIsNobody", func(t *testing.T) {
		t.Parallel()
		p := peopleOf(t, orgFolder(orgText), emailFake())
		got := page(t, p, workflows.PageRequest{Page: []string{"first-line", "service.owner"}})
		require.Equal(t, []string{"ann"}, ids(got.People))
		require.Equal(t, []string{"service.owner: no service is named"}, got.Nobody)
	})
	t.Run("LeavesOutThoseWhoWerePagedAlready", func(t *testing.T) {
		t.Parallel()
		email := emailFake()
		p := peopleOf(t, orgFolder(orgText), email)
		got := page(t, p, workflows.PageRequest{Page: []string{"first-line", "leads"}, Except: []string{"ann"}})
		require.Equal(t, []string{"bob"}, ids(got.People))
		require.Equal(t, []string{"bob"}, email.to())
	})
	t.Run("GoesToTheBackupOfWhomNothingReached", func(t *testing.T) {
		t.Parallel()
		slack := slackFake()
		slack.send = only("bob")
		p := peopleOf(t, orgFolder(orgText), slack)
		got := page(t, p, workflows.PageRequest{Page: []string{"first-line"}})
		require.Equal(t, []string{"ann", "bob"}, ids(got.People))
		require.True(t, got.People[1].Backup)
		require.Equal(t, "first-line", got.People[1].As)
		require.Equal(t, notify.Failed, got.People[0].Outcomes[0].State)
		require.Equal(t, "no such member with token …", got.People[0].Outcomes[0].Error)
	})
	t.Run("GoesOnToTheBackupOfTheBackup", func(t *testing.T) {
		t.Parallel()
		email := emailFake()
		email.send = only("carl")
		p := peopleOf(t, orgFolder(orgText), email)
		got := page(t, p, workflows.PageRequest{Page: []string{"first-line", "leads"}})
		require.Equal(t, []string{"ann", "bob", "carl"}, ids(got.People), "each once, although two roles want them")
	})
	t.Run("LooksNoFurtherThanABackupWhoWasReachedAnyway", func(t *testing.T) {
		t.Parallel()
		email := emailFake()
		email.send = only("bob")
		p := peopleOf(t, orgFolder(orgText), email)
		got := page(t, p, workflows.PageRequest{Page: []string{"first-line", "devops-lead"}})
		require.Equal(t, []string{"ann", "bob"}, ids(got.People))

		got = page(t, p, workflows.PageRequest{Page: []string{"first-line"}, Except: []string{"bob"}})
		require.Equal(t, []string{"ann"}, ids(got.People))
	})
	t.Run("GoesToTheBackupsOfEveryRoleOfSomebodyWhomNothingReached", func(t *testing.T) {
		t.Parallel()
		email := emailFake()
		email.send = only("bob", "carl")
		p := peopleOf(t, orgFolder(strings.Replace(orgText, "roles:\n", "roles:\n  dba: {primary: ann, backup: manager}\n", 1)), email)
		got := page(t, p, workflows.PageRequest{Page: []string{"first-line", "dba"}})
		require.Equal(t, []string{"ann", "bob", "carl"}, ids(got.People))
	})
	t.Run("NeedsNoBackupWhileSomethingIsUnderWay", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slow := emailFake()
			slow.send = func(notify.Delivery) error { time.Sleep(10 * time.Second); return nil }
			p := peopleOf(t, orgFolder(orgText), slow)
			got := page(t, p, workflows.PageRequest{Page: []string{"first-line"}})
			require.Equal(t, []string{"ann"}, ids(got.People))
			require.Equal(t, notify.Sending, got.People[0].Outcomes[0].State)
		})
	})
	t.Run("WithoutAnOrgIsTriedAgain", func(t *testing.T) {
		t.Parallel()
		p := peopleOf(t, fstest.MapFS{}, emailFake())
		_, err := p.page(t.Context(), workflows.PageRequest{Page: []string{"first-line"}, At: now, Message: message})
		require.False(t, application(t, err).NonRetryable())
		require.ErrorContains(t, err, "there is no org.yaml")
	})
}

func TestDeliverLooksAddressesUpAnew(t *testing.T) {
	t.Parallel()
	files := orgFolder(strings.ReplaceAll(orgText, "slack: U01, ", ""))
	slack := slackFake()
	p := peopleOf(t, files, slack)
	first, err := p.page(t.Context(), workflows.PageRequest{Page: []string{"ann"}, At: now, Message: message})
	require.NoError(t, err)
	require.Empty(t, first.People[0].Outcomes)

	files[sops.OrgFile].Data = []byte(orgText)
	got, err := p.deliver(t.Context(), workflows.DeliverRequest{Message: message, Owed: first.People})
	require.NoError(t, err)
	require.Equal(t, notify.Sent, got.People[0].Outcomes[0].State)
	require.Equal(t, "Ann", got.People[0].Name)
	require.Empty(t, first.People[0].Outcomes)
}

func TestPerson(t *testing.T) {
	t.Parallel()
	ask := func(t *testing.T, p *People, by string, behind ...string) workflows.Person {
		t.Helper()
		got, err := p.person(t.Context(), workflows.PersonRequest{By: by, Behind: behind, Services: []string{"api"}})
		require.NoError(t, err)
		return got
	}
	p := peopleOf(t, orgFolder(orgText))
	require.Equal(t, workflows.Person{ID: "bob", Name: "Bob", As: "leads"}, ask(t, p, "BOB@example.org", "carl", "leads"))
	require.Equal(t, workflows.Person{ID: "bob", Name: "Bob", As: "service.owner"}, ask(t, p, "U02", "service.owner"))
	require.Equal(t, workflows.Person{ID: "ann", Name: "Ann"}, ask(t, p, "ann", "leads"))
	require.Contains(t, ask(t, p, "anna").Problem, `nobody called "anna"; did you mean`)
	require.True(t, ask(t, peopleOf(t, fstest.MapFS{}), "ann").NoOrg)
	_, err := peopleOf(t, orgFolder("people: 1\n")).person(t.Context(), workflows.PersonRequest{By: "ann"})
	require.Equal(t, workflows.ErrUnreadable, application(t, err).Type())
}

func TestTell(t *testing.T) {
	t.Parallel()
	t.Run("ReachesChannelsGroupsAndPeopleOnceEach", func(t *testing.T) {
		t.Parallel()
		slack, email := slackFake(), emailFake()
		p := peopleOf(t, orgFolder(orgText), slack, email)
		got, err := p.tell(t.Context(), workflows.TellRequest{To: []string{"customers", "health", "press", "carl"}, At: now, Message: message})
		require.NoError(t, err)
		require.Equal(t, []string{"press", "health", "carl"}, ids(got.People))
		require.Equal(t, "System health", got.People[1].Name)
		require.Equal(t, []string{"health"}, slack.to())
		require.ElementsMatch(t, []string{"press", "carl"}, email.to())
	})
	t.Run("SaysWhoMayStillBeReached", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			email := emailFake()
			email.send = func(d notify.Delivery) error {
				if d.To.ID == "press" {
					return errors.New("connection refused for hunter2")
				}
				return nil
			}
			p := peopleOf(t, orgFolder(orgText), email)
			got, err := p.tell(t.Context(), workflows.TellRequest{To: []string{"press", "carl"}, At: now, Message: message})
			require.NoError(t, err)
			require.Equal(t, notify.Failed, got.People[0].Outcomes[0].State)
			require.False(t, got.People[0].Outcomes[0].Permanent)
			require.Contains(t, got.People[0].Outcomes[0].Error, "connection refused for …")
			require.Equal(t, notify.Sent, got.People[1].Outcomes[0].State)

			email.send = nil
			_, err = p.tell(t.Context(), workflows.TellRequest{To: []string{"press", "carl"}, At: now, Message: message})
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(strings.Join(email.to(), " "), "carl"), "nobody is told twice")
		})
	})
	t.Run("DoesNotFailForWhomNothingCanBeDone", func(t *testing.T) {
		t.Parallel()
		email := emailFake()
		email.send = only("carl")
		p := peopleOf(t, orgFolder(orgText), email)
		got, err := p.tell(t.Context(), workflows.TellRequest{To: []string{"press", "health", "carl", "nobody"}, At: now, Message: message})
		require.NoError(t, err)
		require.True(t, got.People[0].Outcomes[0].Permanent)
		require.Empty(t, got.People[1].Outcomes, "there is no Slack")
		require.Equal(t, []string{"nobody: org.yaml has no such role, team or person"}, got.Nobody)
	})
}

func TestTheOrg(t *testing.T) {
	t.Parallel()
	t.Run("IsTheLastGoodOneWhileTheFileIsBroken", func(t *testing.T) {
		t.Parallel()
		files, log := orgFolder(orgText), &bytes.Buffer{}
		o := &orgs{sources: []sops.Source{{Name: "here", FS: files}}, logger: slog.New(slog.NewTextHandler(log, nil))}
		good, err := o.Now()
		require.NoError(t, err)

		for _, broken := range []string{"peple: {}\n", "peple: {}\n", "people: [\n"} {
			files[sops.OrgFile].Data = []byte(broken)
			got, err := o.Now()
			require.NoError(t, err)
			require.Same(t, good, got)
		}
		require.Equal(t, 2, strings.Count(log.String(), "level=WARN"), "once each")
		require.Contains(t, log.String(), `did you mean \"people\"`)

		delete(files, sops.OrgFile)
		got, err := o.Now()
		require.NoError(t, err)
		require.Same(t, good, got)

		files[sops.OrgFile] = &fstest.MapFile{Data: []byte(orgText + "\n# mended\n")}
		got, err = o.Now()
		require.NoError(t, err)
		require.NotSame(t, good, got)
		require.Contains(t, log.String(), "org.yaml is good again")
	})
	t.Run("IsParsedOnceForTheSameText", func(t *testing.T) {
		t.Parallel()
		o := &orgs{sources: []sops.Source{{Name: "here", FS: orgFolder(orgText)}}, logger: slog.Default()}
		first, err := o.Now()
		require.NoError(t, err)
		second, err := o.Now()
		require.NoError(t, err)
		require.Same(t, first, second)
	})
	t.Run("IsAnErrorWhereThereNeverWasAGoodOne", func(t *testing.T) {
		t.Parallel()
		_, err := (&orgs{sources: []sops.Source{{Name: "here", FS: orgFolder("peple: {}\n")}}, logger: slog.New(slog.DiscardHandler)}).Now()
		require.ErrorContains(t, err, `did you mean "people"`)
		_, err = (&orgs{logger: slog.New(slog.DiscardHandler)}).Now()
		require.ErrorIs(t, err, sops.ErrNoOrg)
	})
}

const asking = "sop: wake\ntitle: Wake\nphases: [{id: a, steps: [{id: b, ask: \"Ready?\", of: devops-lead}]}]\n"

func TestLoadPinsTheRulesOfWhatAsksPeople(t *testing.T) {
	t.Parallel()
	load := func(t *testing.T, files fs.FS, workflowType string) (workflows.Pinned, error) {
		t.Helper()
		a := New([]sops.Source{{Name: "here", FS: files}}, sops.Env{Catalogue: sops.NewCatalogue()}, nil)
		first, err := a.load(t.Context(), workflows.LoadRequest{WorkflowType: workflowType})
		again, errAgain := a.load(t.Context(), workflows.LoadRequest{WorkflowType: workflowType})
		require.Equal(t, first, again)
		require.Equal(t, err == nil, errAgain == nil)
		return first, err
	}
	with := func(org string) fstest.MapFS {
		files := fstest.MapFS{"wake.yaml": {Data: []byte(asking)}, "nap.yaml": {Data: []byte(nap)}}
		if org != "" {
			files[sops.OrgFile] = &fstest.MapFile{Data: []byte(org)}
		}
		return files
	}
	pin, err := load(t, with(orgText), "Wake")
	require.NoError(t, err)
	require.Contains(t, pin.Rules.Policies, "level-1")
	pin, err = load(t, with(orgText), "Nap")
	require.NoError(t, err)
	require.Nil(t, pin.Rules)

	_, err = load(t, with(""), "Nap")
	require.NoError(t, err, "it needs nobody")
	_, err = load(t, with(""), "Wake")
	require.Equal(t, workflows.ErrProcedure, application(t, err).Type())
	require.ErrorContains(t, err, "Wake needs an org.yaml: there is no org.yaml")
	_, err = load(t, with("peple: {}\n"), "Wake")
	require.True(t, application(t, err).NonRetryable())
	require.ErrorContains(t, err, `did you mean "people"`)
	_, err = load(t, with(strings.ReplaceAll(orgText, "devops-lead", "dev-lead")), "Wake")
	require.ErrorContains(t, err, `no role, team or person "devops-lead"`)
}

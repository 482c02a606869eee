package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

func (a *app) onCallCommand() *cobra.Command {
	at := ""
	cmd := &cobra.Command{
		Use:   "oncall [role]",
		Short: "Show who is on call, until when, and how they are reached",
		Long: `Show who has every role of org.yaml, or one: until when, who follows, who stands
in, and over what they are reached. Times are UTC.

With --json: {role, title, respond, phone, rotation, person, from, until, next,
backups}, a list of them without a role. person, next and backups are {id, name,
phone, via: [transport]}; no via means that nothing reaches them.`,
		Example: examples(
			"orderly oncall",
			"orderly oncall maintenance-coordinator --at 2026-12-24T18:00:00Z",
			"orderly oncall --json | jq -r '.[] | select(.person.via == []) | .role'"),
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRoles,
		RunE: func(_ *cobra.Command, args []string) error {
			when, err := timeAt(at)
			if err != nil {
				return err
			}
			return a.onCall(args, when)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", atHelp)
	return cmd
}

// org reads the org.yaml that counts.
func org(cfg *config.Config) (*sops.Org, error) {
	o, err := sops.FindOrg(sources(cfg))
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, sops.ErrNoOrg):
		return nil, exit(exitNotFound, "%w", err)
	default:
		return nil, exit(exitFailed, "%w", err)
	}
}

// onCallInfo is a role as `orderly oncall --json` shows it. Its fields are stable.
type onCallInfo struct {
	Role     string       `json:"role"`
	Title    string       `json:"title"`
	Respond  string       `json:"respond,omitempty"`
	Phone    string       `json:"phone,omitempty"`
	Rotation string       `json:"rotation,omitempty"`
	Person   *personInfo  `json:"person,omitempty"` // left out when nobody has the role
	From     time.Time    `json:"from,omitzero"`
	Until    time.Time    `json:"until,omitzero"`
	Next     *personInfo  `json:"next,omitempty"`
	Backups  []personInfo `json:"backups"`
}

// personInfo is somebody and how they are reached.
type personInfo struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Phone string   `json:"phone,omitempty"`
	Via   []string `json:"via"`

	addresses []string
}

func describePerson(id string, p sops.Person) *personInfo {
	if id == "" {
		return nil
	}
	info := &personInfo{ID: id, Name: cmp.Or(p.Name, id), Phone: p.Phone, Via: []string{}}
	for _, way := range []struct{ via, address string }{{"slack", p.Slack}, {"email", p.Email}, {"webhook", p.Webhook}} {
		if way.address == "" {
			continue
		}
		if u, err := url.Parse(way.address); err == nil && u.Host != "" {
			way.address = u.Host // the rest of such an address is often what lets one post
		}
		info.Via = append(info.Via, way.via)
		info.addresses = append(info.addresses, way.via+" "+way.address)
	}
	return info
}

func describeRole(o *sops.Org, id string, at time.Time) onCallInfo {
	r := o.Roles[id]
	duty, _ := o.Duty(id, at)
	info := onCallInfo{
		Role: id, Title: r.Title, Phone: r.Phone, Rotation: r.Rotation, Backups: []personInfo{},
		Person: describePerson(duty.Person, o.People[duty.Person]), Next: describePerson(duty.Next, o.People[duty.Next]),
		From: duty.From.UTC(), Until: duty.Until.UTC(),
	}
	if r.Respond > 0 {
		info.Respond = r.Respond.String()
	}
	for _, c := range o.Backups(id, at) {
		info.Backups = append(info.Backups, *describePerson(c.ID, c.Person))
	}
	return info
}

func (a *app) onCall(args []string, at time.Time) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	o, err := org(cfg)
	if err != nil {
		return err
	}
	known := slices.Sorted(maps.Keys(o.Roles))
	if len(args) == 0 {
		return a.onCallList(o, known, at)
	}
	if !slices.Contains(known, args[0]) {
		return exit(exitNotFound, "%s has no role %q%s", o.File, args[0], cmp.Or(didYouMean(args[0], known), "; `orderly oncall` lists them"))
	}
	info := describeRole(o, args[0], at)
	if a.json {
		return a.printJSON(info)
	}
	a.onCallRole(info)
	return nil
}

func (a *app) onCallList(o *sops.Org, roles []string, at time.Time) error {
	infos := make([]onCallInfo, 0, len(roles))
	table := &screen.Table{Header: []string{"ROLE", "ON CALL", "BACKUP", "REACHED BY", "UNTIL"}, Wraps: 4, Paint: a.paint()}
	for _, id := range roles {
		info := describeRole(o, id, at)
		infos = append(infos, info)
		table.Add(id, info.who(), info.standIn(), info.reached(), info.until())
	}
	if a.json {
		return a.printJSON(infos)
	}
	a.print(table.Lines(a.width())...)
	return nil
}

func (i onCallInfo) who() string {
	if i.Person == nil {
		return "nobody"
	}
	return i.Person.ID
}

func (i onCallInfo) standIn() string {
	if len(i.Backups) == 0 {
		return "none"
	}
	return i.Backups[0].ID
}

func (i onCallInfo) reached() string {
	if i.Person == nil || len(i.Person.Via) == 0 {
		return "nothing"
	}
	return strings.Join(i.Person.Via, ", ")
}

func (i onCallInfo) until() string {
	switch {
	case i.Until.IsZero():
		return "always"
	case i.Next == nil:
		return minute(i.Until)
	}
	return minute(i.Until) + ", then " + i.Next.ID
}

// minute is a time without its seconds: turns change on the minute.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

// onCallRole explains one role.
func (a *app) onCallRole(i onCallInfo) {
	title := i.Title + " (" + i.Role + ")"
	if i.Respond != "" {
		title += ", answers within " + i.Respond
	}
	a.print(screen.Wrap(screen.Clean(title), a.width())...)
	line := func(key, value string) {
		const indent = 10
		for n, part := range screen.Wrap(screen.Clean(value), a.width()-indent) {
			if n > 0 {
				key = ""
			}
			a.print(fmt.Sprintf("%-*s%s", indent, key, part))
		}
	}
	line("on call", i.Person.line())
	if i.Phone != "" {
		line("phone", i.Phone)
	}
	if !i.From.IsZero() {
		line("since", minute(i.From))
	}
	if i.Rotation != "" && !i.Until.IsZero() {
		line("until", minute(i.Until)+", then "+i.Next.called())
	}
	for _, b := range i.Backups {
		line("backup", b.line())
	}
	if len(i.Backups) == 0 {
		line("backup", "none")
	}
}

// line is a person and every way to reach them.
func (p *personInfo) line() string {
	if p == nil {
		return "nobody"
	}
	ways := p.addresses
	if len(ways) == 0 {
		ways = []string{"nothing reaches them"}
	}
	if p.Phone != "" {
		ways = append(slices.Clip(ways), "telephone "+p.Phone)
	}
	return p.called() + ": " + strings.Join(ways, ", ")
}

func (p *personInfo) called() string {
	if p == nil {
		return "nobody"
	}
	return p.Name + " (" + p.ID + ")"
}

// completeRoles offers the roles of org.yaml.
func (a *app) completeRoles(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cfg, err := a.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	o, err := org(cfg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var roles []string
	for _, id := range slices.Sorted(maps.Keys(o.Roles)) {
		roles = append(roles, id+"\t"+o.Roles[id].Title)
	}
	return roles, cobra.ShellCompDirectiveNoFileComp
}

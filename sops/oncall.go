package sops

import (
	"fmt"
	"slices"
	"time"
)

// Reachable says whether the person has any address that a message can be sent to.
func (p Person) Reachable() bool { return p.Slack != "" || p.Email != "" || p.Webhook != "" }

// OnCall finds who is on duty behind entries at a time: everybody once, in the order of the entries. Where
// nobody is on duty or that person has no address, those who stand in are given instead, as backups.
// nobody has a line for every entry that leads to no one, saying why.
func (o *Org) OnCall(entries, services []string, at time.Time) (contacts []Contact, nobody []string) {
	f := finder{org: o, at: at}
	for _, entry := range o.expand(entries, services, &f.nobody) {
		f.entry(entry, nil)
	}
	return f.found, f.nobody
}

// expand puts the owners of the services in the place of service.owner.
func (o *Org) expand(entries, services []string, nobody *[]string) []string {
	var out []string
	for _, e := range entries {
		if e != ServiceOwner {
			out = append(out, e)
			continue
		}
		if len(services) == 0 {
			*nobody = append(*nobody, ServiceOwner+": no service is named")
		}
		for _, s := range services {
			if _, known := o.Services[s]; !known {
				*nobody = append(*nobody, fmt.Sprintf("%s: org.yaml has no service %q", ServiceOwner, s))
			}
		}
		out = append(out, o.rules.Owners(services)...)
	}
	return out
}

// finder collects the people behind entries.
type finder struct {
	org    *Org
	at     time.Time
	found  []Contact
	nobody []string
}

// entry adds who is behind a role, team or person. in are the teams it was reached through.
func (f *finder) entry(entry string, in []string) {
	if p, ok := f.org.People[entry]; ok {
		f.person(entry, p, in)
		return
	}
	if _, ok := f.org.Roles[entry]; ok {
		f.role(entry, in)
		return
	}
	members, ok := f.org.Teams[entry]
	if !ok {
		f.nobody = append(f.nobody, entry+": org.yaml has no such role, team or person")
		return
	}
	if slices.Contains(in, entry) {
		return
	}
	for _, m := range members {
		f.entry(m, append(slices.Clip(in), entry))
	}
}

func (f *finder) person(id string, p Person, in []string) {
	if !p.Reachable() {
		f.nobody = append(f.nobody, as(in, id)+": no slack, email or webhook")
		return
	}
	why := ""
	if len(in) > 0 {
		why = as(in, "")
	}
	f.add(Contact{ID: id, Person: p, As: why})
}

func (f *finder) role(role string, in []string) {
	id := f.org.duty(role, f.at)
	if p, ok := f.org.People[id]; ok && p.Reachable() {
		f.add(Contact{ID: id, Person: p, As: as(in, role)})
		return
	}
	why := "nobody is on duty"
	if id != "" {
		why = id + " has no slack, email or webhook"
	}
	if standIns := f.org.Backups(role, f.at); len(standIns) > 0 {
		c := standIns[0]
		c.As = as(in, role)
		f.add(c)
		return
	}
	f.nobody = append(f.nobody, fmt.Sprintf("%s: %s, and there is no backup", as(in, role), why))
}

func (f *finder) add(c Contact) {
	if !slices.ContainsFunc(f.found, func(o Contact) bool { return o.ID == c.ID }) {
		f.found = append(f.found, c)
	}
}

// as names the way that led to a role: "leads / devops-lead".
func as(teams []string, role string) string {
	text := ""
	for _, name := range append(slices.Clip(teams), role) {
		if text != "" && name != "" {
			text += " / "
		}
		text += name
	}
	return text
}

// duty is the person who has a role at a time, "" when nobody does.
func (o *Org) duty(role string, at time.Time) string {
	r := o.Roles[role]
	if r.Rotation == "" {
		return r.Primary
	}
	who, _, _, _ := o.Shift(r.Rotation, at)
	return who
}

// Backups are those who stand in for a role, nearest first: its backup, the backup of that, and so on. The
// person who has the role at that time is not among them, nor is anybody without an address.
func (o *Org) Backups(role string, at time.Time) []Contact {
	var out []Contact
	first, seen := o.duty(role, at), []string{role}
	for next := o.Roles[role].Backup; next != "" && !slices.Contains(seen, next); next = o.Roles[next].Backup {
		seen = append(seen, next)
		id := next
		if _, isRole := o.Roles[next]; isRole {
			id = o.duty(next, at)
		}
		p, known := o.People[id]
		taken := id == first || slices.ContainsFunc(out, func(c Contact) bool { return c.ID == id })
		if known && !taken && p.Reachable() {
			out = append(out, Contact{ID: id, Person: p, As: role, Backup: true})
		}
	}
	return out
}

// Shift is who is on call in a rotation at a time, covers included, and from when until when that is so. A
// zero from means since ever; who is "" before the first turn. ok is false for an unknown rotation.
func (o *Org) Shift(rotation string, at time.Time) (who string, from, until time.Time, ok bool) {
	t, ok := o.turns[rotation]
	if !ok {
		return "", time.Time{}, time.Time{}, false
	}
	who, from, until = t.shift(at)
	return who, from, until, true
}

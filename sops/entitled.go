package sops

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Behind says whether a person may act for one of the entries, on duty now or not, and for which: they are
// that person, or their turn comes in the rotation of that role, they cover in it, or stand in for it.
func (o *Org) Behind(person string, entries, services []string) (entry string, ok bool) {
	if _, known := o.People[person]; !known {
		return "", false
	}
	for _, e := range entries {
		for _, inside := range o.expand([]string{e}, services, new([]string)) {
			if o.behind(person, inside, map[string]bool{}) {
				return e, true
			}
		}
	}
	return "", false
}

// behind follows teams and backups; seen are the entries looked at already.
func (o *Org) behind(person, entry string, seen map[string]bool) bool {
	if entry == person {
		return true
	}
	if seen[entry] {
		return false
	}
	seen[entry] = true
	for _, m := range o.Teams[entry] {
		if o.behind(person, m, seen) {
			return true
		}
	}
	role, ok := o.Roles[entry]
	if !ok {
		return false
	}
	rotation := o.Rotations[role.Rotation]
	return role.Primary == person || slices.Contains(rotation.Members, person) ||
		slices.ContainsFunc(rotation.Covers, func(c Cover) bool { return c.By == person }) ||
		role.Backup != "" && o.behind(person, role.Backup, seen)
}

// Duties lists the roles and teams that a person may act for, sorted: what may wait for them.
func (o *Org) Duties(person string) []string {
	var out []string
	for _, id := range append(sortedKeys(o.Roles), sortedKeys(o.Teams)...) {
		if o.behind(person, id, map[string]bool{}) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Who finds a person by id, e-mail address (whatever its case), Slack member id, or name, if only one
// person has it.
func (o *Org) Who(by string) (id string, p Person, ok bool) {
	by = strings.TrimSpace(by)
	if p, ok := o.People[by]; ok {
		return by, p, true
	}
	if by == "" {
		return "", Person{}, false
	}
	for _, same := range []func(Person) bool{
		func(p Person) bool { return strings.EqualFold(p.Email, by) },
		func(p Person) bool { return p.Slack == by },
		func(p Person) bool { return p.Name == by },
	} {
		var found []string
		for id, p := range o.People {
			if same(p) {
				found = append(found, id)
			}
		}
		if len(found) == 1 {
			return found[0], o.People[found[0]], true
		}
	}
	return "", Person{}, false
}

// Unknown says that Who finds nobody, and who was perhaps meant.
func (o *Org) Unknown(by string) string {
	if by = strings.TrimSpace(by); by == "" {
		return "it does not say who: give by, the id of a person in org.yaml"
	}
	var same, others []string
	ids := sortedKeys(o.People)
	for _, id := range ids {
		p := o.People[id]
		if p.Name == by {
			same = append(same, id)
		}
		others = append(others, p.Name, p.Email)
	}
	if len(same) > 1 {
		return fmt.Sprintf("%q is the name of several people; say one of %s", by, strings.Join(same, ", "))
	}
	text := fmt.Sprintf("org.yaml has nobody called %q", by)
	if near := cmp.Or(yamldoc.Suggest(by, ids), yamldoc.Suggest(by, others)); near != "" {
		return text + fmt.Sprintf("; did you mean %q?", near)
	}
	return text
}

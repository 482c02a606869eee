package sops

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

var (
	slackMember  = regexp.MustCompile(`^[UW][A-Z0-9]+$`)
	slackChannel = regexp.MustCompile(`^(#[^\s#A-Z]{1,80}|[CG][A-Z0-9]+)$`)
)

// ids checks the shape of every id, and that what a list of people may name is one thing only.
func (c *orgChecker) ids() {
	o := c.org
	for _, part := range []struct {
		key  string
		at   any
		ids  []string
		kind string // of what lists may name
	}{
		{"people", &o.People, sortedKeys(o.People), "a person"},
		{"roles", &o.Roles, sortedKeys(o.Roles), "a role"},
		{"teams", &o.Teams, sortedKeys(o.Teams), "a team"},
		{"channels", &o.Channels, sortedKeys(o.Channels), "a channel"},
		{"stakeholders", &o.Stakeholders, sortedKeys(o.Stakeholders), "a group of stakeholders"},
		{"rotations", &o.Rotations, sortedKeys(o.Rotations), ""},
		{"vendors", &o.Vendors, sortedKeys(o.Vendors), ""},
		{"services", &o.Services, sortedKeys(o.Services), ""},
		{"severities", &o.Severities, sortedKeys(o.Severities), ""},
		{"policies", &o.Policies, sortedKeys(o.Policies), ""},
		{"calendars", &o.Calendars, sortedKeys(o.Calendars), ""},
	} {
		for _, id := range part.ids {
			at := c.places.Key(part.at, id)
			if !idPattern.MatchString(id) || len(id) > maxID {
				c.problems.Add(at, "%q is not an id: it begins with a small letter and has at most %d small letters, digits, - and _", id, maxID)
			}
			if part.kind == "" {
				continue
			}
			if other, taken := c.kinds[id]; taken {
				c.problems.Add(at, "%q is %s already; lists of people could mean either, so rename one", id, other)
				continue
			}
			c.kinds[id] = part.kind
		}
	}
}

// member is an item of a list that names people and the like.
type member struct {
	id    string
	at    Pos
	allow []string // kinds, as ids notes them
	owner bool     // service.owner is allowed
}

var (
	asked   = []string{"a person", "a role", "a team"}
	inTurns = []string{"a person"}
	backing = []string{"a person", "a role"}
	told    = []string{"a person", "a role", "a team", "a channel"}
)

// refer checks that what is named is there and of the right kind. where says who counts on it.
func (c *orgChecker) refer(m member, where string) {
	if m.id == ServiceOwner && m.owner {
		return
	}
	kind, known := c.kinds[m.id]
	switch {
	case !known:
		var candidates []string
		for id, kind := range c.kinds {
			if slices.Contains(m.allow, kind) {
				candidates = append(candidates, id)
			}
		}
		if m.owner {
			candidates = append(candidates, ServiceOwner)
		}
		c.problems.Add(m.at, "there is no %s %q%s", oneOf(m.allow), m.id, yamldoc.Hint(m.id, candidates))
	case !slices.Contains(m.allow, kind):
		c.problems.Add(m.at, "%q is %s; want %s", m.id, kind, withArticles(m.allow))
	case kind == "a person":
		if _, told := c.duties[m.id]; !told {
			c.duties[m.id] = where
		}
	}
}

// oneOf words kinds: "role, team or person".
func oneOf(kinds []string) string {
	return strings.NewReplacer("a ", "").Replace(withArticles(kinds))
}

func withArticles(kinds []string) string {
	if len(kinds) == 1 {
		return kinds[0]
	}
	return strings.Join(kinds[:len(kinds)-1], ", ") + " or " + kinds[len(kinds)-1]
}

// members checks a list of references. list must be the slice that was decoded: items are found by address.
func (c *orgChecker) members(list []string, like member, where string) {
	if len(list) > maxMembers {
		c.problems.Add(c.places.Of(&list[maxMembers]), "%s lists more than %d", where, maxMembers)
		return
	}
	for i := range list {
		m := like
		m.id, m.at = list[i], c.places.Of(&list[i])
		if slices.Contains(list[:i], m.id) {
			c.problems.Add(m.at, "%q is listed twice", m.id)
			continue
		}
		c.refer(m, where)
	}
}

func (c *orgChecker) person(id string, p Person) {
	at := func(key string) Pos { return c.places.Value(&c.org.People, id, key) }
	if p.Slack != "" && !slackMember.MatchString(p.Slack) {
		c.problems.Add(at("slack"), "%q is not a Slack member id; it looks like U01ABCDEF and is in the person's Slack profile", p.Slack)
	}
	c.email(at, p.Email)
	c.webhook(at, p.Webhook)
	c.zone(at, p.TimeZone)
	if where, counted := c.duties[id]; counted && !p.Reachable() {
		c.problems.Add(c.places.Key(&c.org.People, id), "nobody could reach %s, who is in %s; add slack, email or webhook", id, where)
	}
}

// keyPos is where a key of something stands. Looking takes time, so it is only done for a problem.
type keyPos func(key string) Pos

// strangers refuses two people with one address: an answer from it could be either's.
func (c *orgChecker) strangers() {
	people := &c.org.People
	for key, of := range map[string]func(Person) string{
		"slack": func(p Person) string { return p.Slack },
		"email": func(p Person) string { return strings.ToLower(p.Email) },
	} {
		first := map[string]string{}
		for _, id := range sortedKeys(*people) {
			address := of((*people)[id])
			if other, taken := first[address]; taken && address != "" {
				c.problems.Add(c.places.Value(people, id, key), "%s has the same %s: who answered could not be told", other, key)
				continue
			}
			first[address] = id
		}
	}
}

func (c *orgChecker) email(at keyPos, address string) {
	if address == "" {
		return
	}
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
		c.problems.Add(at("email"), "%q is not an e-mail address; write it like ann@example.org", address)
	}
}

func (c *orgChecker) webhook(at keyPos, address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		c.problems.Add(at("webhook"), "this is not an address that can be posted to; write it like https://pager.example.org/ann")
	case u.User != nil:
		c.problems.Add(at("webhook"), "a password has no place in org.yaml; webhooks are signed with notify.webhook.secret of orderly.yaml")
	}
}

// zone is the zone of a name; UTC when there is none, or when it is wrong, which is noted.
func (c *orgChecker) zone(at keyPos, name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	zone, known := c.zones[name]
	if !known {
		var err error
		if zone, err = time.LoadLocation(name); err != nil || name == "Local" {
			zone = nil
		}
		c.zones[name] = zone // reading one takes longer than all other checks of a person
	}
	if zone == nil {
		c.problems.Add(at("time_zone"), "%q is not a time zone; write it like Europe/Berlin or UTC", name)
		return time.UTC
	}
	return zone
}

func (c *orgChecker) channel(id string, ch Channel) {
	at := func(key string) Pos { return c.places.Value(&c.org.Channels, id, key) }
	if ch.Slack != "" && !slackChannel.MatchString(ch.Slack) {
		c.problems.Add(at("slack"), "%q is not a Slack channel; write \"#name\" or its id", ch.Slack)
	}
	c.email(at, ch.Email)
	c.webhook(at, ch.Webhook)
	if ch.Slack == "" && ch.Email == "" && ch.Webhook == "" {
		c.problems.Add(c.places.Key(&c.org.Channels, id), "channel %q leads nowhere; add slack, email or webhook", id)
	}
}

func (c *orgChecker) stakeholders(id string, list []string) {
	if len(list) == 0 {
		c.problems.Add(c.places.Key(&c.org.Stakeholders, id), "group %q is empty", id)
	}
	c.members(list, member{allow: told}, "stakeholders "+id)
}

func (c *orgChecker) rotation(id string, r Rotation) {
	at := func(key string) Pos { return c.places.Value(&c.org.Rotations, id, key) }
	where := "rotation " + id
	if len(r.Members) == 0 && c.places.Has(&c.org.Rotations, id) && !r.From.IsZero() {
		c.problems.Add(c.places.Key(&c.org.Rotations, id), "rotation %q has no members", id)
	}
	c.turnMembers(r.Members, where)
	zone := c.zone(at, r.TimeZone)
	c.promise(&c.org.Rotations, []string{id, "every"}, r.Every)
	if c.text(&c.org.Rotations, []string{id, "from"}) == (Date{}).Format(time.DateOnly) {
		c.problems.Add(at("from"), "the first turn was not that long ago")
	}
	if r.Every > 0 && !r.From.IsZero() {
		t, key, err := newTurns(r, zone)
		if err != nil {
			c.problems.Add(at(key), "%v", err)
		}
		c.org.turns[id] = t
	}
	c.covers(r, where)
}

// turnMembers are people; one may come round more often than others.
func (c *orgChecker) turnMembers(list []string, where string) {
	if len(list) > maxMembers {
		c.problems.Add(c.places.Of(&list[maxMembers]), "%s lists more than %d", where, maxMembers)
		return
	}
	for i := range list {
		c.refer(member{id: list[i], at: c.places.Of(&list[i]), allow: inTurns}, where)
	}
}

func (c *orgChecker) covers(r Rotation, where string) {
	if len(r.Covers) > maxCovers {
		c.problems.Add(c.places.Of(&r.Covers[maxCovers]), "%s has more than %d covers; remove those that are over", where, maxCovers)
		return
	}
	for i := range r.Covers {
		cover := &r.Covers[i]
		if cover.By != "" {
			c.refer(member{id: cover.By, at: c.places.Value(cover, "by"), allow: inTurns}, where)
		}
		if cover.For != "" && !slices.Contains(r.Members, cover.For) {
			c.problems.Add(c.places.Value(cover, "for"), "%q is no member of the %s%s", cover.For, where, yamldoc.Hint(cover.For, r.Members))
		}
		if !cover.From.IsZero() && !cover.Until.IsZero() && !cover.Until.After(cover.From) {
			c.problems.Add(c.places.Value(cover, "until"), "the cover ends before it begins")
		}
	}
}

func (c *orgChecker) role(id string, r Role) {
	at := func(key string) Pos { return c.places.Value(&c.org.Roles, id, key) }
	here, where := c.places.Key(&c.org.Roles, id), "role "+id
	switch {
	case r.Primary == "" && r.Rotation == "":
		c.problems.Add(here, "nobody has the %s; give it a primary (a person) or a rotation", where)
	case r.Primary != "" && r.Rotation != "":
		c.problems.Add(here, "%s has both a primary and a rotation; keep one", where)
	case r.Primary != "":
		c.refer(member{id: r.Primary, at: at("primary"), allow: inTurns}, where)
	default:
		if _, ok := c.org.Rotations[r.Rotation]; !ok {
			c.problems.Add(at("rotation"), "there is no rotation %q%s", r.Rotation, yamldoc.Hint(r.Rotation, sortedKeys(c.org.Rotations)))
		}
	}
	if r.Backup != "" {
		c.refer(member{id: r.Backup, at: at("backup"), allow: backing}, where)
	}
	if r.Backup != "" && r.Backup == r.Primary {
		c.problems.Add(at("backup"), "%s stands in for nobody else: %s has the role already", r.Backup, r.Primary)
	}
}

func (c *orgChecker) backups() {
	next := func(id string) []string {
		if b := c.org.Roles[id].Backup; b != "" {
			return []string{b}
		}
		return nil
	}
	at := func(id string) Pos { return c.places.Value(&c.org.Roles, id, "backup") }
	c.circles(sortedKeys(c.org.Roles), at, next, "backups go round in a circle: %s; end it with a person")
}

func (c *orgChecker) teams() {
	for _, id := range sortedKeys(c.org.Teams) {
		if len(c.org.Teams[id]) == 0 {
			c.problems.Add(c.places.Key(&c.org.Teams, id), "team %q is empty", id)
		}
		c.members(c.org.Teams[id], member{allow: asked}, "team "+id)
	}
	next := func(id string) []string { return c.org.Teams[id] }
	at := func(id string) Pos { return c.places.Key(&c.org.Teams, id) }
	c.circles(sortedKeys(c.org.Teams), at, next, "a team can't be inside itself: %s")
}

func (c *orgChecker) services() {
	o := c.org
	for _, id := range sortedKeys(o.Services) {
		if owner := o.Services[id].Owner; owner != "" {
			c.refer(member{id: owner, at: c.places.Value(&o.Services, id, "owner"), allow: asked}, "service "+id)
		}
	}
	for _, id := range sortedKeys(o.Vendors) {
		v := o.Vendors[id]
		c.email(func(key string) Pos { return c.places.Value(&o.Vendors, id, key) }, v.Email)
		for i := range v.Services {
			if s := v.Services[i]; !has(o.Services, s) {
				c.problems.Add(c.places.Of(&v.Services[i]), "there is no service %q%s", s, yamldoc.Hint(s, sortedKeys(o.Services)))
			}
		}
	}
}

func has[V any](m map[string]V, key string) bool { _, ok := m[key]; return ok }

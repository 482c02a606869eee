package sops

import "time"

// Org is org.yaml: who there is, who answers for what, and whom a policy pages when. It is only ever made
// by ParseOrg or a Library and never changed afterwards.
//
// Wherever a list names whom to page or tell, an entry is a role, a team, a person, or "service.owner",
// which stands for the owners of the incident's services.
type Org struct {
	People         map[string]Person     `yaml:"people" json:"people,omitempty" doc:"Everybody who can be reached, by id."`
	Rotations      map[string]Rotation   `yaml:"rotations" json:"rotations,omitempty" doc:"Who is on call in turns."`
	Roles          map[string]Role       `yaml:"roles" json:"roles,omitempty" doc:"What procedures ask and page; who stands behind one is looked up when it is needed."`
	Teams          map[string][]string   `yaml:"teams" json:"teams,omitempty" doc:"Roles, people and other teams, by name of the team."`
	Channels       map[string]Channel    `yaml:"channels" json:"channels,omitempty" doc:"Where many are told at once: Slack channels, mailing lists, webhooks."`
	Stakeholders   map[string][]string   `yaml:"stakeholders" json:"stakeholders,omitempty" doc:"Groups to be kept informed: channels, roles, teams, people."`
	Vendors        map[string]Vendor     `yaml:"vendors" json:"vendors,omitempty" doc:"Companies outside, and how they are reached."`
	Services       map[string]Service    `yaml:"services" json:"services,omitempty" doc:"What the organisation runs, and who owns it."`
	Severities     map[string][]Severity `yaml:"severities" json:"severities,omitempty" doc:"Severity scales, each from the gravest down."`
	Policies       map[string]Policy     `yaml:"policies" json:"policies,omitempty" doc:"Ladders of tiers: who is paged, over what, how long each has."`
	Calendars      map[string]Calendar   `yaml:"calendars" json:"calendars,omitempty" doc:"Business hours and holidays."`
	Classification []Classification      `yaml:"classification" json:"classification,omitempty" doc:"Rules that say how grave findings are; the first that holds decides."`
	Defaults       OrgDefaults           `yaml:"defaults" json:"defaults,omitzero" doc:"What counts where a procedure says nothing."`

	// Source is the text it was read from, and Digest its SHA-256 as "sha256:<hex>".
	Source string `yaml:"-" json:"-"`
	Digest string `yaml:"-" json:"-"`
	File   string `yaml:"-" json:"-"`

	turns map[string]*turns // by rotation
	rules Rules
}

// Person is somebody who can be reached.
type Person struct {
	Name     string `yaml:"name" json:"name" doc:"What people call them. Default: the id."`
	Slack    string `yaml:"slack" json:"slack,omitempty" doc:"Slack member id, such as U01ABCDEF."`
	Email    string `yaml:"email" json:"email,omitempty" doc:"E-mail address."`
	Phone    string `yaml:"phone" json:"phone,omitempty" doc:"Telephone number, for people to read: Orderly does not call."`
	Webhook  string `yaml:"webhook" json:"webhook,omitempty" doc:"URL that is posted to: a bridge to a telephone, a pager, a chat."`
	TimeZone string `yaml:"time_zone" json:"time_zone,omitempty" doc:"IANA name. Default: UTC."`
}

// Rotation is people on call in turns.
type Rotation struct {
	Members  []string `yaml:"members" json:"members" required:"true" doc:"People, in turn."`
	Every    Duration `yaml:"every" json:"every" required:"true" doc:"How long a turn is, by the clock on the wall: '1w', '1d', '12h'."`
	HandOff  string   `yaml:"hand_off" json:"hand_off,omitempty" doc:"When turns change: 'Mon 09:00' (of whole weeks), '09:00'. Default: '00:00'."`
	TimeZone string   `yaml:"time_zone" json:"time_zone,omitempty" doc:"IANA name; hand-offs keep to its wall clock. Default: UTC."`
	From     Date     `yaml:"from" json:"from" required:"true" doc:"The day of the first member's first turn; before it nobody is on call."`
	Covers   []Cover  `yaml:"covers" json:"covers,omitempty" doc:"Somebody stands in; the last one listed wins."`
}

// Cover is somebody standing in.
type Cover struct {
	By    string    `yaml:"by" json:"by" required:"true" doc:"The person who stands in."`
	For   string    `yaml:"for" json:"for,omitempty" doc:"Only when this member's turn it is. Default: whoever's turn it is."`
	From  time.Time `yaml:"from" json:"from" required:"true" doc:"RFC 3339."`
	Until time.Time `yaml:"until" json:"until" required:"true" doc:"RFC 3339."`
}

// Role is a duty that people take on.
type Role struct {
	Title    string   `yaml:"title" json:"title,omitempty" doc:"What people read. Default: made from the id."`
	Primary  string   `yaml:"primary" json:"primary,omitempty" doc:"A person; or use rotation."`
	Rotation string   `yaml:"rotation" json:"rotation,omitempty" doc:"Whose turn it is stands for the role."`
	Backup   string   `yaml:"backup" json:"backup,omitempty" doc:"A role or person that stands in when nobody of the first can be reached."`
	Phone    string   `yaml:"phone" json:"phone,omitempty" doc:"The duty's own telephone number, for people to read."`
	Respond  Duration `yaml:"respond" json:"respond,omitempty" doc:"Within which it answers, as the directory promises."`
}

// Channel is where many are told at once.
type Channel struct {
	Title   string `yaml:"title" json:"title,omitempty" doc:"What people read. Default: made from the id."`
	Slack   string `yaml:"slack" json:"slack,omitempty" doc:"A Slack channel: '#name' or its id."`
	Email   string `yaml:"email" json:"email,omitempty" doc:"A mailing list."`
	Webhook string `yaml:"webhook" json:"webhook,omitempty" doc:"URL that is posted to."`
}

// Vendor is a company outside.
type Vendor struct {
	Name     string   `yaml:"name" json:"name" required:"true" doc:"What people call it."`
	For      string   `yaml:"for" json:"for,omitempty" doc:"What it is called for."`
	Phone    string   `yaml:"phone" json:"phone,omitempty" doc:"Telephone number."`
	Email    string   `yaml:"email" json:"email,omitempty" doc:"E-mail address."`
	URL      string   `yaml:"url" json:"url,omitempty" doc:"Support page."`
	Contract string   `yaml:"contract" json:"contract,omitempty" doc:"Number to name when calling."`
	Services []string `yaml:"services" json:"services,omitempty" doc:"Services that depend on it."`
}

// Service is something the organisation runs.
type Service struct {
	Title      string   `yaml:"title" json:"title,omitempty" doc:"What people read. Default: made from the id."`
	Owner      string   `yaml:"owner" json:"owner" required:"true" doc:"A role, team or person."`
	HTTP       string   `yaml:"http" json:"http,omitempty" doc:"Its target under targets.http."`
	Postgres   string   `yaml:"postgres" json:"postgres,omitempty" doc:"Its target under targets.postgres."`
	Redis      string   `yaml:"redis" json:"redis,omitempty" doc:"Its target under targets.redis."`
	Docker     string   `yaml:"docker" json:"docker,omitempty" doc:"The target under targets.docker that its containers run on."`
	Containers []string `yaml:"containers" json:"containers,omitempty" doc:"Names of its containers."`
}

// Severity is one grade of a scale.
type Severity struct {
	ID      string   `yaml:"id" json:"id" required:"true" doc:"Such as P1."`
	Title   string   `yaml:"title" json:"title,omitempty" doc:"What people read."`
	When    string   `yaml:"when" json:"when,omitempty" doc:"What counts as it, for people to read."`
	Respond Span     `yaml:"respond" json:"respond,omitzero" doc:"Within which a first mitigation is due: a duration or 'next-business-day'."`
	Resolve Span     `yaml:"resolve" json:"resolve,omitzero" doc:"Within which the resolution is due."`
	Policy  string   `yaml:"policy" json:"policy,omitempty" doc:"Who is paged."`
	Updates Duration `yaml:"updates" json:"updates,omitempty" doc:"How often stakeholders are told. Default: the policy's."`
}

// Policy is a ladder of tiers.
type Policy struct {
	Title        string   `yaml:"title" json:"title,omitempty" doc:"What people read. Default: made from the id."`
	Tiers        []Tier   `yaml:"tiers" json:"tiers" required:"true" doc:"Served in order."`
	Channels     []string `yaml:"channels" json:"channels,omitempty" doc:"Where it is shown while it goes on."`
	Stakeholders []string `yaml:"stakeholders" json:"stakeholders,omitempty" doc:"Groups that status updates go to."`
	Updates      Duration `yaml:"updates" json:"updates,omitempty" doc:"How often stakeholders are told."`
	Acknowledge  Duration `yaml:"acknowledge" json:"acknowledge,omitempty" doc:"Within which somebody has to acknowledge. Default: the first tier's wait."`
	Respond      Duration `yaml:"respond" json:"respond,omitempty" doc:"Within which a first mitigation is due, where the severity says nothing."`
	Lease        Duration `yaml:"lease" json:"lease,omitempty" doc:"How long an acknowledgement holds without a sign of life. Default: for ever."`
	Next         string   `yaml:"next" json:"next,omitempty" doc:"The policy that follows when nobody answered. Without one the last tier is paged again and again."`
}

// Tier is who is paged together.
type Tier struct {
	Page []string `yaml:"page" json:"page" required:"true" doc:"Roles, teams, people, or service.owner."`
	Via  []string `yaml:"via" json:"via,omitempty" doc:"slack, email, webhook, console. Default: every one that reaches the person."`
	Wait Duration `yaml:"wait" json:"wait" required:"true" doc:"How long they have before the next tier is paged."`
}

// Calendar is business hours and holidays.
type Calendar struct {
	TimeZone string `yaml:"time_zone" json:"time_zone,omitempty" doc:"IANA name. Default: UTC."`
	Hours    string `yaml:"hours" json:"hours" required:"true" doc:"Such as 'Mon-Fri 09:00-17:00', or 'Mon-Thu 09:00-17:00, Fri 09:00-15:00'."`
	Holidays []Date `yaml:"holidays" json:"holidays,omitempty" doc:"Days without business."`
}

// Classification says how grave it is when its expression holds over `findings` (a list with severity,
// check, text) and `facts` (numbers by name).
type Classification struct {
	ID       string   `yaml:"id" json:"id" required:"true" doc:"Names the rule."`
	If       Expr     `yaml:"if" json:"if" required:"true" doc:"An expression over 'findings' and 'facts'. A fact that is not there decides nothing."`
	Level    string   `yaml:"level" json:"level" required:"true" doc:"A policy."`
	Severity string   `yaml:"severity" json:"severity,omitempty" doc:"A grade of the default scale."`
	Services []string `yaml:"services" json:"services,omitempty" doc:"What is affected then."`
}

// OrgDefaults is what counts where a procedure says nothing.
type OrgDefaults struct {
	Policy   string `yaml:"policy" json:"policy,omitempty" doc:"Who is paged."`
	Scale    string `yaml:"scale" json:"scale,omitempty" doc:"The severity scale."`
	Calendar string `yaml:"calendar" json:"calendar,omitempty" doc:"The calendar of next-business-day. Default: the only one."`
}

// Rules are the parts of an org that a run pins when it begins: how it escalates and what is due when.
// Who stands behind a role is no part of it. They are plain data, so that they travel in history.
type Rules struct {
	Digest     string                `json:"digest"`
	Policies   map[string]Policy     `json:"policies,omitempty"`
	Severities map[string][]Severity `json:"severities,omitempty"`
	Services   map[string]Service    `json:"services,omitempty"`
	Calendars  map[string]Calendar   `json:"calendars,omitempty"`
	Defaults   OrgDefaults           `json:"defaults,omitzero"`
}

// Contact is a person as found behind a role, and why they were chosen.
type Contact struct {
	ID string `json:"id"`
	Person
	// As is what they were found by: the role, or the team and role.
	As string `json:"as,omitempty"`
	// Backup says that they stand in for those before them of the same As.
	Backup bool `json:"backup,omitempty"`
}

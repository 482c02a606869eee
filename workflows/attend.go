package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// needsRules says whether a procedure pages or asks people, so that org.yaml's rules are pinned with it.
func needsRules(p *sops.Procedure) bool {
	if p.Incident != nil {
		return true
	}
	for s := range p.Steps() {
		if k := s.Kind(); k == sops.KindAsk || k == sops.KindApprove || s.Undo != nil && s.Undo.Approve != nil {
			return true
		}
	}
	return false
}

// attendPeople starts what looks after people, or takes it over from the execution before.
func (r *run) attendPeople(ctx workflow.Context) {
	if r.record.Incident != nil {
		if r.record.Board == nil {
			r.record.Board = &Board{}
		}
		r.watchLease(ctx)
		r.watchReturn(ctx)
		r.showBoard(ctx)
	}
	for _, l := range r.record.Ladders {
		if !l.Closed {
			r.climb(ctx, l)
		}
	}
	r.retell(ctx)
	if c := r.updateClock(); c.running() {
		r.askForUpdate(ctx, c.ID)
	}
	if r.record.Incident != nil && len(r.record.Ladders) == 0 && !r.record.Incident.State.Over() {
		r.openIncident(ctx)
		if r.first != nil {
			r.newAlert(ctx, *r.first)
		}
	}
}

func (r *run) closeLadders(ctx workflow.Context) {
	for _, l := range r.record.Ladders {
		r.closeLadder(ctx, l.ID)
	}
}

// walk visits every step of the record until visit says that it is enough.
func (rec *Record) walk(visit func(*Step) bool) {
	for _, p := range rec.Phases {
		if !walkSteps(p.Steps, visit) {
			return
		}
	}
	if !walkSteps(rec.Questions, visit) || rec.Rollback != nil && !walkSteps(rec.Rollback.Then, visit) {
		return
	}
	walkSteps(rec.Finally, visit)
}

func walkSteps(steps []*Step, visit func(*Step) bool) bool {
	for _, s := range steps {
		if !visit(s) || !walkSteps(s.Steps, visit) {
			return false
		}
		for _, item := range s.Items {
			if !walkSteps(item.Steps, visit) {
				return false
			}
		}
	}
	return true
}

// stepAt finds a step by its path.
func (rec *Record) stepAt(path string) (found *Step) {
	rec.walk(func(s *Step) bool {
		if s.Path == path {
			found = s
		}
		return found == nil
	})
	return found
}

// stepOf finds what the procedure says of a step.
func (r *run) stepOf(rec *Step) *sops.Step {
	for s := range r.proc.Steps() {
		if s.ID == rec.ID {
			return s
		}
	}
	return nil
}

// view is the incident as expressions see it.
func (inc *Incident) view(started time.Time) *sops.IncidentView {
	v := &sops.IncidentView{
		Severity: inc.Severity, Level: inc.Level, State: string(inc.State), Services: inc.Services,
		UserImpact: inc.UserImpact, BusinessImpact: inc.BusinessImpact, Summary: inc.Summary, Started: started,
	}
	if inc.Owner != nil {
		v.Owner = inc.Owner.ID
	}
	if inc.Room != nil {
		v.Channel = inc.Room.Name
	}
	return v
}

// summary is the incident without what only matters while it goes on.
func (inc *Incident) summary() *Incident {
	if inc == nil {
		return nil
	}
	short := *inc
	short.Updates, short.Alerts = nil, nil
	return &short
}

// maxPages bounds the pages that a record keeps: the first of them and the latest.
const maxPages = 600

// maxOutcomes bounds the deliveries that a record accounts for one by one.
const maxOutcomes = 6000

// addPage keeps a page. When there are too many, one from the middle makes way; when they went to very many
// people, older ones only say whom they were for.
func (rec *Record) addPage(p *Page) {
	const first = maxPages / 3
	for i := range p.People {
		for j := range p.People[i].Outcomes {
			o := &p.People[i].Outcomes[j]
			o.Error = shorten(o.Error, errorLength)
		}
	}
	rec.trimOutcomes(maxOutcomes - p.outcomes())
	rec.Pages = append(rec.Pages, p)
	if len(rec.Pages) > maxPages {
		rec.Pages = slices.Delete(rec.Pages, first, first+1)
		rec.LeftOut.Pages++
	}
}

func (p *Page) outcomes() (n int) {
	for _, person := range p.People {
		n += len(person.Outcomes)
	}
	return n
}

// trimOutcomes takes the deliveries out of the oldest pages until so many are left.
func (rec *Record) trimOutcomes(most int) {
	n := 0
	for i, p := range slices.Backward(rec.Pages) {
		if n += p.outcomes(); n <= most {
			continue
		}
		short := *p
		short.People = slices.Clone(p.People)
		for j := range short.People {
			n -= len(short.People[j].Outcomes)
			short.People[j].Outcomes = nil
		}
		short.Trimmed = true
		rec.Pages[i] = &short
	}
}

func (rec *Record) page(id string) *Page {
	for _, p := range slices.Backward(rec.Pages) {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// showAttributes brings the search attributes that have to do with people up to date, where they changed.
func (r *run) showAttributes(ctx workflow.Context) {
	if r.pin.Rules == nil {
		return
	}
	if r.shown == nil {
		r.shown = map[string]any{}
	}
	var updates []temporal.SearchAttributeUpdate
	keyword := func(key temporal.SearchAttributeKeyKeyword, value string) {
		if r.shown[key.GetName()] != value {
			r.shown[key.GetName()] = value
			updates = append(updates, key.ValueSet(value))
		}
	}
	list := func(key temporal.SearchAttributeKeyKeywordList, values []string) {
		before, _ := r.shown[key.GetName()].([]string)
		if !slices.Equal(before, values) {
			r.shown[key.GetName()] = slices.Clone(values)
			updates = append(updates, key.ValueSet(values))
		}
	}
	if inc := r.record.Incident; inc != nil {
		keyword(AttrSeverity, inc.Severity)
		keyword(AttrLevel, inc.Level)
		list(AttrServices, inc.Services)
		owner := ""
		if inc.Owner != nil {
			owner = inc.Owner.ID
		}
		keyword(AttrOwner, owner)
	}
	list(AttrWaitingFor, r.waitsFor())
	if len(updates) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not updated", "error", err)
	}
}

// waitsFor are the entries of org.yaml whose answer the run waits for: where a ladder climbs, everybody
// whom it has reached or may reach, so that this is not written anew with each tier.
func (r *run) waitsFor() []string {
	var entries []string
	add := func(more []string) {
		for _, e := range more {
			if !slices.Contains(entries, e) {
				entries = append(entries, e)
			}
		}
	}
	for _, s := range r.waiting() {
		add(r.asked(s.Ask))
	}
	climbing := r.climbing()
	for _, l := range climbing {
		add(l.Page)
	}
	if len(climbing) > 0 {
		for _, id := range r.policies() {
			for _, tier := range r.rules().Policies[id].Tiers {
				add(tier.Page)
			}
		}
	}
	slices.Sort(entries)
	return entries
}

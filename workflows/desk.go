package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// desk is where messages come in. They are taken one at a time, in the order of their tickets: a ladder that
// is due waits behind every message that was there before it.
type desk struct {
	in      []inbox
	tickets int // given out so far
	served  int
}

// queue waits for its turn. Whoever has had it leaves.
func (d *desk) queue(ctx workflow.Context) error {
	ticket := d.tickets
	d.tickets++
	return workflow.Await(ctx, func() bool { return d.served == ticket })
}

func (d *desk) leave() { d.served++ }

// inbox is where the signals of one name arrive.
type inbox struct {
	name    string
	channel workflow.ReceiveChannel
	take    func(workflow.Context, json.RawMessage) (Answer, error)
}

// payload is what a message carries.
type payload interface {
	// check says what is wrong with the payload itself, whatever the state of the run.
	check() error
	// from is who says they send it; "" for messages that come from programs.
	from() string
}

// openDesk lets the run take every message, as signal and as Update.
func (r *run) openDesk(ctx workflow.Context) error {
	err := errors.Join(
		accept(ctx, r, MessageAcknowledge, r.acknowledge),
		accept(ctx, r, MessageComplete, r.complete),
		accept(ctx, r, MessageDecide, r.decide),
		accept(ctx, r, MessageEscalate, r.escalate),
		accept(ctx, r, MessageExtend, r.extend),
		accept(ctx, r, MessageNote, r.note),
		accept(ctx, r, MessageUpdate, r.update),
		accept(ctx, r, MessageSeverity, r.changeSeverity),
		accept(ctx, r, MessageResolve, r.resolve),
		accept(ctx, r, MessageHandover, r.handover),
		accept(ctx, r, MessageAbort, r.abort),
		accept(ctx, r, MessageAlert, r.alert),
	)
	if err != nil {
		return err
	}
	r.attend(ctx)
	return nil
}

// accept makes one kind of message known.
func accept[T payload](ctx workflow.Context, r *run, name string, take func(workflow.Context, T) (Answer, error)) error {
	update := func(ctx workflow.Context, m T) (Answer, error) {
		ctx, _ = workflow.NewDisconnectedContext(ctx) // a run that was cancelled still listens: its last steps may ask
		if err := r.open(ctx); err != nil {
			return Answer{}, err
		}
		defer r.desk.leave()
		answer, err := take(ctx, m)
		r.considerDraining(ctx)
		if err != nil {
			r.event(ctx, Event{Kind: "message", By: m.from(), Text: fmt.Sprintf("%s refused: %s", name, cause(err))})
			return Answer{}, refusal(err)
		}
		return answer, nil
	}
	signal := func(ctx workflow.Context, raw json.RawMessage) (Answer, error) {
		m, err := decodePayload[T](raw)
		if err == nil {
			err = m.check()
		}
		if err != nil {
			return Answer{}, err
		}
		return take(ctx, m)
	}
	r.desk.in = append(r.desk.in, inbox{name: name, channel: workflow.GetSignalChannel(ctx, name), take: signal})
	validate := func(_ workflow.Context, m T) error { return refusal(m.check()) }
	return workflow.SetUpdateHandlerWithOptions(ctx, name, update, workflow.UpdateHandlerOptions{Validator: validate})
}

// open waits for its turn at the desk, and at the beginning until there is a record to write to.
func (r *run) open(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return r.ready }); err != nil {
		return err
	}
	return r.desk.queue(ctx)
}

// attend takes signals as they come.
func (r *run) attend(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "messages", func(ctx workflow.Context) {
		if workflow.Await(ctx, func() bool { return r.ready }) != nil {
			return
		}
		selector := workflow.NewSelector(ctx)
		for _, in := range r.desk.in {
			selector.AddReceive(in.channel, func(workflow.ReceiveChannel, bool) {})
		}
		for {
			err := workflow.Await(ctx, func() bool { return selector.HasPending() || unknown(ctx) != "" })
			if err != nil {
				return
			}
			r.takeMessages(ctx)
		}
	})
}

// takeMessages takes all that has arrived by now.
func (r *run) takeMessages(ctx workflow.Context) {
	yield(ctx)
	ctx, _ = workflow.NewDisconnectedContext(ctx) // nobody leaves the queue without having had their turn
	if err := r.desk.queue(ctx); err != nil {
		return
	}
	defer r.desk.leave()
	for r.takeOne(ctx) {
	}
}

func (r *run) takeOne(ctx workflow.Context) bool {
	if name := unknown(ctx); name != "" {
		r.refuseUnknown(ctx, name)
		return true
	}
	for _, in := range r.desk.inOrder(ctx) {
		var carried converter.RawValue // takes whatever was sent: what can't be read has to be answered, too
		if !in.channel.ReceiveAsync(&carried) {
			continue
		}
		taken(ctx, in.name)
		raw, err := readable(carried)
		if err == nil {
			_, err = in.take(ctx, raw)
		}
		if err != nil {
			r.event(ctx, Event{Kind: "message", By: sender(raw), Text: fmt.Sprintf("%s refused: %s", in.name, cause(err))})
			r.checklist()
		}
		r.considerDraining(ctx)
		return true
	}
	return false
}

// readable is the JSON that a signal carries.
func readable(carried converter.RawValue) (json.RawMessage, error) {
	var raw json.RawMessage
	if err := converter.GetDefaultDataConverter().FromPayload(carried.Payload(), &raw); err != nil {
		return nil, refused("its payload can't be read; send one JSON object such as {\"by\": \"ann\"}: %v", err)
	}
	return raw, nil
}

// yield lets everything that is ready to run do so first, Updates that arrived with this workflow task
// among it.
func yield(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	last := false
	workflow.GoNamed(ctx, "last", func(workflow.Context) { last = true })
	_ = workflow.Await(ctx, func() bool { return last }) // can't be cancelled
}

// decodePayload reads what a signal carries. A key that means nothing is passed over, as in Updates: an
// acknowledgement counts whatever else somebody typed at night.
func decodePayload[T payload](raw json.RawMessage) (T, error) {
	var m T
	if len(raw) == 0 || string(raw) == "null" {
		return m, refused("it carries nothing; send one JSON object such as {\"by\": \"ann\"}")
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, refused("its payload can't be read: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return m, nil
}

// sender is who a payload says it is from, as far as it can be read.
func sender(raw json.RawMessage) string {
	var m struct {
		By string `json:"by"`
	}
	if json.Unmarshal(raw, &m) != nil {
		return ""
	}
	return shorten(oneLine(m.By), maxBy)
}

// refused is why a message was not taken.
func refused(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), ErrRefused, nil)
}

// refusal makes any error the answer to an Update.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok && app.Type() == ErrRefused {
		return app
	}
	return refused("%s", cause(err))
}

// who finds the person behind a `by` who stands behind one of the entries or whom the run has given a part
// in it; no entries means that anybody known will do.
func (r *run) who(ctx workflow.Context, by string, behind []string) (Party, error) {
	party, err := r.whoOf(ctx, by, behind)
	if party.ID != "" && err != nil && r.mayAct(party.ID) {
		return party, nil
	}
	return party, err
}

// whoOf finds the person behind a `by` who stands behind one of the entries. When they do not, the error
// comes with the person.
func (r *run) whoOf(ctx workflow.Context, by string, behind []string) (Party, error) {
	var person Person
	request := PersonRequest{By: by, Behind: behind, Services: r.services()}
	err := workflow.ExecuteLocalActivity(local(ctx, "who is "+by, readAttempts), ActivityPerson, request).Get(ctx, &person)
	switch {
	case err != nil:
		return Party{}, refused("it can't be found out who %q is: %s", by, cause(err))
	case person.NoOrg:
		// Nobody can be told apart, and nobody is to be locked out by that.
		return Party{ID: strings.ToLower(strings.TrimSpace(by)), Name: by, Unknown: true}, nil
	case person.ID == "":
		return Party{}, refused("%s", orElse(person.Problem, fmt.Sprintf("org.yaml has nobody called %q", by)))
	}
	party := Party{ID: person.ID, Name: orElse(person.Name, person.ID)}
	if len(behind) > 0 && person.As == "" {
		return party, refused("%s is not entitled: this is for %s", party.Name, strings.Join(behind, ", "))
	}
	return party, nil
}

// mayAct says whether the run itself has given somebody a part in it.
func (r *run) mayAct(person string) bool {
	inc := r.record.Incident
	if inc != nil && (inc.Owner != nil && inc.Owner.ID == person || inc.Returns != nil && inc.Returns.To.ID == person) {
		return true
	}
	return slices.Contains(r.record.HandedTo, person) || r.hasPaged(person)
}

// hasPaged says whether the run has reached somebody with a page: who was woken may answer, whoever is on call
// by now.
func (r *run) hasPaged(person string) bool {
	return slices.ContainsFunc(r.record.Pages, func(p *Page) bool {
		return slices.ContainsFunc(p.People, func(o PagedPerson) bool { return o.ID == person && (o.reached() || p.Trimmed) })
	})
}

// responders are all entries that the run may page, from the level it is at upwards and downwards, with
// those who answer for the procedure.
func (r *run) responders() []string {
	var entries []string
	add := func(more ...string) {
		for _, e := range more {
			if e != "" && !slices.Contains(entries, e) {
				entries = append(entries, e)
			}
		}
	}
	add(r.proc.Owners...)
	rules := r.rules()
	for _, id := range r.policies() {
		for _, tier := range rules.Policies[id].Tiers {
			add(tier.Page...)
		}
	}
	for _, s := range r.waiting() {
		add(r.asked(s.Ask)...)
	}
	for _, service := range r.services() {
		add(rules.Services[service].Owner)
	}
	return entries
}

// chain is a policy with all that follow it.
func (r *run) chain(id string) []string {
	var ids []string
	for id != "" && !slices.Contains(ids, id) {
		ids = append(ids, id)
		id = r.rules().Policies[id].Next
	}
	return ids
}

// policies are those that the run's ladders have gone through or may still reach.
func (r *run) policies() []string {
	var ids, from []string
	add := func(id string) {
		if slices.Contains(from, id) { // hundreds of pages are of a few policies
			return
		}
		from = append(from, id)
		for _, next := range r.chain(id) {
			if !slices.Contains(ids, next) {
				ids = append(ids, next)
			}
		}
	}
	if r.proc.Incident != nil {
		add(r.proc.Incident.Policy)
	}
	for _, l := range r.record.Ladders {
		add(l.Policy)
	}
	for _, p := range r.record.Pages {
		add(p.Policy)
	}
	if r.record.Incident != nil {
		add(r.record.Incident.Level)
	}
	return ids
}

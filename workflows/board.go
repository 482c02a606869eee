package workflows

import (
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
)

// Board is where an incident is shown: one message a channel, edited in place, and what happens in its
// thread.
type Board struct {
	Refs    map[string]string `json:"refs,omitempty"`
	Events  int               `json:"events"`            // how many lines there have been
	Pending []BoardEvent      `json:"pending,omitempty"` // those that no channel shows yet
	Invited []string          `json:"invited,omitempty"` // to the incident's own channel
	Closed  bool              `json:"closed,omitempty"`  // the channel was archived
	Problem string            `json:"problem,omitempty"` // the last one, so that it is noted once

	// known says that everybody was invited when somebody looked last, and that no page has reached anybody else since;
	// involved is how many had a part then. It saves going through hundreds of pages for everything that happens.
	known    bool
	involved int
}

// boardKinds are the events that channels are told of.
var boardKinds = []string{"run", "phase", "incident", "page", "message", "clock", "ask", "alert", "update", eventNote}

// maxPending bounds the lines that wait for a Slack that is away; the oldest are left out.
const maxPending = 100

// announce queues an event for the channels.
func (r *run) announce(e Event) {
	b := r.record.Board
	if b == nil || !slices.Contains(boardKinds, e.Kind) {
		return
	}
	b.Events++
	b.Pending = append(b.Pending, BoardEvent{N: b.Events, At: e.At, Text: e.Text})
	if n := len(b.Pending) - maxPending; n > 0 {
		b.Pending = b.Pending[n:]
	}
}

// showBoard keeps the channels up to date for as long as the run lives. Nothing waits for it.
func (r *run) showBoard(ctx workflow.Context) {
	if r.record.Board == nil {
		return
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "board", func(ctx workflow.Context) {
		for {
			if err := workflow.Await(ctx, func() bool { return len(r.record.Board.Pending) > 0 && r.busy == 0 && !r.leaving }); err != nil {
				return
			}
			if !r.post(ctx) && workflow.Sleep(ctx, boardPause) != nil {
				return
			}
		}
	})
	r.keepRoom(ctx)
}

// boardPause is how long the channels rest after what could not be shown at all.
const boardPause = 30 * time.Second

// boardOptions are those of messages that can wait a moment, unlike pages.
func boardOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:       20 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:                summaryOf(summary),
	})
}

// post shows what is new in every channel and says whether that went well.
func (r *run) post(ctx workflow.Context) bool {
	b := r.record.Board
	request := BoardRequest{
		Channels: r.ofLevels(func(p sops.Policy) []string { return p.Channels }), Refs: maps.Clone(b.Refs), Message: r.boardMessage(ctx), Events: slices.Clone(b.Pending),
	}
	if room := r.record.Incident.Room; room != nil {
		request.Room = room.ID
	}
	if len(request.Channels) == 0 && request.Room == "" {
		b.Pending = nil
		return true
	}
	var result BoardResult
	err := workflow.ExecuteActivity(boardOptions(ctx, "show it in its channels"), ActivityBoard, request).Get(ctx, &result)
	problem := ""
	if err != nil {
		problem = cause(err)
	}
	for _, channel := range workflow.DeterministicKeys(result.Problems) {
		problem = channel + ": " + result.Problems[channel]
	}
	if problem != "" && problem != b.Problem {
		r.event(ctx, Event{Kind: "board", Text: "not shown in its channels: " + problem})
	}
	b.Problem = problem
	if err != nil {
		return false
	}
	b.Refs = result.Refs
	last := request.Events[len(request.Events)-1].N
	b.Pending = slices.DeleteFunc(b.Pending, func(e BoardEvent) bool { return e.N <= last })
	return true
}

// boardMessage is how the incident stands: what, who has it, when the next escalation is.
func (r *run) boardMessage(ctx workflow.Context) notify.Message {
	inc := r.record.Incident
	kind := notify.KindPage
	if inc.State.Over() {
		kind = notify.KindResolved
	}
	m := r.newMessage(ctx, kind, "board", inc.Summary)
	m.Lines = []string{r.ownerLine()}
	if l := r.ladder(incidentLadder); l.runs() {
		m.Lines = append(m.Lines, "Next, at "+r.record.dueTime(l.Due)+": "+r.tierName(l))
	}
	if due := r.stillDue(); due != "" {
		m.Lines = append(m.Lines, due)
	}
	if inc.Resolved != nil {
		m.Lines, m.Body = append(m.Lines, "Resolved "+clockTime(inc.Resolved.At)), inc.Resolved.Text
	} else {
		m.Commands = []string{r.command("ack"), r.command("show")}
	}
	return m
}

// runs says whether there is a ladder and it pages people.
func (l *Ladder) runs() bool { return l != nil && l.running() }

// keepRoom opens the incident's own channel and brings people in as they come to have a part.
func (r *run) keepRoom(ctx workflow.Context) {
	if r.proc.Incident.Channel.IsZero() || r.rooming {
		return
	}
	r.rooming = true
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "room", func(ctx workflow.Context) {
		defer func() { r.rooming = false }()
		inc, b := r.record.Incident, r.record.Board
		for !inc.State.Over() {
			if inc.Room == nil {
				inc.Room = r.openRoom(ctx)
			}
			if inc.Room == nil || inc.Room.ID == "" {
				return // Slack is not configured, or does not let us: it was noted
			}
			err := workflow.Await(ctx, func() bool { return len(r.newcomers()) > 0 && !r.leaving || inc.State.Over() })
			people := r.newcomers()
			if err != nil || len(people) == 0 {
				return
			}
			request := RoomRequest{ID: inc.Room.ID, Invite: people, At: workflow.Now(ctx).UTC()}
			if _, err := r.inRoom(ctx, request); err != nil {
				r.event(ctx, Event{Kind: "board", Text: "nobody could be invited to #" + inc.Room.Name + ": " + cause(err)})
			}
			b.Invited = append(b.Invited, people...)
		}
	})
}

// inRoom asks something of the room and notes what could not be done.
func (r *run) inRoom(ctx workflow.Context, request RoomRequest) (*Room, error) {
	var room Room
	err := workflow.ExecuteActivity(boardOptions(ctx, "the incident's channel"), ActivityRoom, request).Get(ctx, &room)
	if err == nil && room.Problem != "" {
		r.event(ctx, Event{Kind: "board", Text: room.Problem})
	}
	return &room, err
}

func (r *run) openRoom(ctx workflow.Context) *Room {
	r.opening = true
	defer func() { r.opening = false }()
	name, err := r.proc.Incident.Channel.Render(r.scope(ctx, nil))
	if err == nil {
		var room *Room
		request := RoomRequest{Name: name, Key: r.record.WorkflowID + "@" + r.record.RunID, Topic: r.record.Incident.Summary, At: r.record.Started}
		if room, err = r.inRoom(ctx, request); err == nil {
			if room.ID != "" {
				r.event(ctx, Event{Kind: "incident", Text: "opened #" + room.Name})
			}
			return room
		}
	}
	r.event(ctx, Event{Kind: "board", Text: "the incident's channel could not be opened: " + cause(err)})
	return nil
}

// newcomers are the people with a part in the incident who were not invited yet: those whom a page has
// reached, and whoever owns it.
func (r *run) newcomers() []string {
	b, inc := r.record.Board, r.record.Incident
	if b.known && b.involved == len(inc.Involved) {
		return nil
	}
	var people []string
	add := func(id string) {
		if !slices.Contains(people, id) && !slices.Contains(b.Invited, id) {
			people = append(people, id)
		}
	}
	for _, page := range r.record.Pages {
		for _, p := range page.People {
			if p.reached() {
				add(p.ID)
			}
		}
	}
	for _, p := range inc.Involved {
		add(p.ID)
	}
	b.known, b.involved = len(people) == 0, len(inc.Involved)
	return people
}

// meet notes whom a page has reached.
func (b *Board) meet(p PagedPerson) {
	if b != nil && p.reached() && !slices.Contains(b.Invited, p.ID) {
		b.known = false
	}
}

// lastWords lets what was said last go out before the run ends: an activity of a run that is over is never
// carried out. It waits only so long: the run is over, whatever Slack does.
func (r *run) lastWords(ctx workflow.Context) {
	rec := r.record
	said := func() bool {
		return len(rec.Telling) == 0 && !r.opening && (rec.Board == nil || len(rec.Board.Pending) == 0)
	}
	if said() && rec.Incident == nil {
		return
	}
	if ok, err := r.awaitUntil(ctx, workflow.Now(ctx).Add(lastWordsFor), "last messages", said); err != nil || !ok {
		r.event(ctx, Event{Kind: "board", Text: "the run ends although not everybody could be told within " + took(lastWordsFor)})
	}
	if rec.Board == nil || rec.Incident.Room == nil || rec.Incident.Room.ID == "" || rec.Board.Closed {
		return
	}
	rec.Board.Closed = true
	if _, err := r.inRoom(ctx, RoomRequest{ID: rec.Incident.Room.ID, Close: true, At: workflow.Now(ctx).UTC()}); err != nil {
		r.event(ctx, Event{Kind: "board", Text: "#" + rec.Incident.Room.Name + " could not be archived: " + cause(err)})
	}
}

// lastWordsFor is how long a run waits for its last messages to go out.
const lastWordsFor = 2 * time.Minute

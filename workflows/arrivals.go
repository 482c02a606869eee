package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// Interceptor notes in which order signals of different names arrive, which Temporal's channels, one a name,
// do not tell: whoever acknowledges and then escalates while no worker is there means something else than whoever
// escalates and then acknowledges. Every worker and replayer of the engine needs it.
func Interceptor() interceptor.WorkerInterceptor { return &arrivalsOfWorker{} }

type arrivalsOfWorker struct {
	interceptor.WorkerInterceptorBase
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (*arrivalsOfWorker) InterceptWorkflow(
	_ workflow.Context, next interceptor.WorkflowInboundInterceptor,
) interceptor.WorkflowInboundInterceptor {
	in := &arrivals{}
	in.Next = next
	return in
}

// arrivals are the names of the signals of one run that nobody has taken yet, in the order of its history.
type arrivals struct {
	interceptor.WorkflowInboundInterceptorBase

	names   []string
	unknown []string // names that mean nothing, each once
	refused []string // those of them that were answered
}

// maxUnknown bounds how many wrong names a run answers.
const maxUnknown = 20

type arrivalsKey struct{}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (a *arrivals) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	return a.Next.ExecuteWorkflow(workflow.WithValue(ctx, arrivalsKey{}, a), in)
}

// HandleSignal implements interceptor.WorkflowInboundInterceptor.
func (a *arrivals) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	switch name := in.SignalName; {
	case slices.Contains(messageNames, name):
		a.names = append(a.names, name)
	case !slices.Contains(a.unknown, name) && !slices.Contains(a.refused, name) && len(a.refused) < maxUnknown:
		a.unknown = append(a.unknown, name)
	}
	return a.Next.HandleSignal(ctx, in)
}

// inOrder are the desk's inboxes, the one whose signal arrived first in front.
func (d *desk) inOrder(ctx workflow.Context) []inbox {
	a, ok := ctx.Value(arrivalsKey{}).(*arrivals)
	if !ok {
		return d.in
	}
	for len(a.names) > 0 {
		i := slices.IndexFunc(d.in, func(in inbox) bool { return in.name == a.names[0] })
		if i >= 0 && d.in[i].channel.Len() > 0 {
			return append([]inbox{d.in[i]}, d.in...)
		}
		a.names = a.names[1:] // it is no message of ours
	}
	return d.in
}

// taken notes that a signal was received.
func taken(ctx workflow.Context, name string) {
	if a, ok := ctx.Value(arrivalsKey{}).(*arrivals); ok {
		if i := slices.Index(a.names, name); i >= 0 {
			a.names = slices.Delete(a.names, i, i+1)
		}
	}
}

// messageNames are all messages that a run takes.
var messageNames = []string{
	MessageAcknowledge, MessageComplete, MessageDecide, MessageEscalate, MessageExtend, MessageNote,
	MessageUpdate, MessageSeverity, MessageResolve, MessageHandover, MessageAbort, MessageAlert,
}

// unknown is the name of a signal that means nothing and that nobody has answered, "" for none.
func unknown(ctx workflow.Context) string {
	if a, ok := ctx.Value(arrivalsKey{}).(*arrivals); ok && len(a.unknown) > 0 {
		return a.unknown[0]
	}
	return ""
}

// refuseUnknown says in the timeline what would have been understood: whoever typed a wrong name at night
// looks there.
func (r *run) refuseUnknown(ctx workflow.Context, name string) {
	a, ok := ctx.Value(arrivalsKey{}).(*arrivals)
	if !ok {
		return
	}
	a.unknown, a.refused = a.unknown[1:], append(a.refused, name)
	r.event(ctx, Event{Kind: "message", Text: fmt.Sprintf("%q refused: there is no such message; there are %s", shorten(oneLine(name), itemLength), strings.Join(messageNames, ", "))})
}

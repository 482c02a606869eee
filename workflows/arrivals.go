package workflows

import (
	"slices"

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

	names []string
}

type arrivalsKey struct{}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (a *arrivals) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	return a.Next.ExecuteWorkflow(workflow.WithValue(ctx, arrivalsKey{}, a), in)
}

// HandleSignal implements interceptor.WorkflowInboundInterceptor.
func (a *arrivals) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	a.names = append(a.names, in.SignalName)
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

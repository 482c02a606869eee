package connect

import (
	"context"
	"path"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pollPause is how soon a poll that the server could not take is made again.
const pollPause = 200 * time.Millisecond

// patientPolls keeps a worker's polls waiting for a server that is away, up to the time each poll has
// (70 s), where the SDK would take each for a failure and poll ever more rarely, up to 10 s apart. After an
// outage every overdue page would wait that long.
func patientPolls(ctx context.Context, method string, request, reply any, c *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error { //nolint:revive // the signature is grpc.UnaryClientInterceptor
	if !pollsQueue(method) {
		return invoke(ctx, method, request, reply, c, opts...)
	}
	opts = append(opts, grpc.WaitForReady(true))
	for {
		err := invoke(ctx, method, request, reply, c, opts...)
		if status.Code(err) != codes.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollPause):
		}
	}
}

// pollsQueue says whether a method is PollWorkflowTaskQueue or one of its sisters.
func pollsQueue(method string) bool {
	name := path.Base(method)
	return strings.HasPrefix(name, "Poll") && strings.HasSuffix(name, "TaskQueue")
}

package connect

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// starting is a server that can't take the first poll yet.
type starting struct {
	workflowservice.UnimplementedWorkflowServiceServer
	polled, asked int
}

func (s *starting) PollWorkflowTaskQueue(context.Context, *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	if s.polled++; s.polled == 1 {
		return nil, status.Error(codes.Unavailable, "not enough hosts to serve the request")
	}
	return &workflowservice.PollWorkflowTaskQueueResponse{TaskToken: []byte("task")}, nil
}

func (s *starting) DescribeTaskQueue(context.Context, *workflowservice.DescribeTaskQueueRequest) (*workflowservice.DescribeTaskQueueResponse, error) {
	s.asked++
	return nil, status.Error(codes.Unavailable, "not enough hosts to serve the request")
}

func TestPolls(t *testing.T) {
	t.Parallel()
	address, listen := reserve(t)
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(reconnect()), grpc.WithChainUnaryInterceptor(patientPolls))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	service := workflowservice.NewWorkflowServiceClient(c)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	_, err = service.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err), "other calls say at once that nobody listens")

	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	_, err = service.PollWorkflowTaskQueue(short, &workflowservice.PollWorkflowTaskQueueRequest{})
	require.Error(t, err, "a poll has an end")
	require.Error(t, short.Err())

	answer := make(chan *workflowservice.PollWorkflowTaskQueueResponse, 1)
	go func() {
		task, err := service.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{})
		if err == nil {
			answer <- task
		}
		close(answer)
	}()
	s := &starting{}
	listen(s)
	task, ok := <-answer
	require.True(t, ok, "a poll waits for a server that is away or starting")
	require.Equal(t, []byte("task"), task.GetTaskToken())
	require.Equal(t, 2, s.polled)

	_, err = service.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.Equal(t, 1, s.asked, "and are not made again")
}

// reserve finds an address where nobody listens until listen is called.
func reserve(t *testing.T) (address string, listen func(workflowservice.WorkflowServiceServer)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String(), func(s workflowservice.WorkflowServiceServer) {
		t.Helper()
		l, err := net.Listen("tcp", l.Addr().String())
		require.NoError(t, err)
		server := grpc.NewServer()
		workflowservice.RegisterWorkflowServiceServer(server, s)
		go func() { _ = server.Serve(l) }()
		t.Cleanup(server.Stop)
	}
}

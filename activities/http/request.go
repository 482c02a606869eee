package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	requestTimeout = 30 * time.Second
	defaultBody    = 64 << 10
	maxBody        = 256 << 10
)

// RequestInput is the input of http.request.
type RequestInput struct {
	Target       string            `json:"target" target:"http" doc:"The service. Its headers and credentials are sent along and can't be replaced."`
	Method       string            `json:"method,omitempty" enum:"GET,HEAD,OPTIONS,POST,PUT,PATCH,DELETE" doc:"What to do." default:"GET"`
	Path         string            `json:"path,omitempty" doc:"Below the target's url; it can't lead to another host." default:"the target's url itself"`
	Query        map[string]string `json:"query,omitempty" doc:"Query parameters, added to those of the url and the path."`
	Headers      map[string]string `json:"headers,omitempty" doc:"Further headers. They are kept in the run's history: secrets belong to the target."`
	Body         any               `json:"body,omitempty" doc:"Text is sent as it is; anything else as JSON."`
	ExpectStatus []int             `json:"expect_status,omitempty" doc:"Status codes that are well." default:"200 to 299"`
	Timeout      sops.Duration     `json:"timeout,omitempty" doc:"How long the request may take, at most 1m." default:"30s"`
	MaxBody      int               `json:"max_body,omitempty" doc:"Bytes of the answer that are kept, at most 262144." default:"65536"`
	DryRun       bool              `json:"dry_run,omitempty" doc:"Do not send what could change something: anything but GET, HEAD and OPTIONS."`
}

// RequestOutput is the output of http.request.
type RequestOutput struct {
	URL         string  `json:"url" doc:"What was asked for, without anything that may be secret."`
	Sent        bool    `json:"sent" doc:"False when dry_run kept the request back; everything below is empty then."`
	Status      int     `json:"status" doc:"HTTP status code."`
	ContentType string  `json:"content_type" doc:"What the answer says it is."`
	Location    string  `json:"location" doc:"Where a redirect or a created thing is."`
	Body        string  `json:"body" doc:"The answer as text, bounded by max_body."`
	Truncated   bool    `json:"truncated" doc:"The answer was longer than max_body."`
	JSON        any     `json:"json,omitempty" doc:"The answer's value where it is JSON; absent where it is not, or was truncated."`
	Took        float64 `json:"took" doc:"Milliseconds until the answer was read."`
}

// request is the action http.request.
func (s *services) request(ctx context.Context, in RequestInput) (RequestOutput, error) {
	e, err := s.Get(in.Target)
	if err != nil {
		return RequestOutput{}, err
	}
	if err := completeRequest(&in); err != nil {
		return RequestOutput{}, err
	}
	at, err := e.at(in.Path, in.Query)
	if err != nil {
		return RequestOutput{}, err
	}
	if in.DryRun && !safe(in.Method) {
		return RequestOutput{URL: e.shown(at)}, nil
	}
	defer action.KeepAlive(ctx)()
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(in.Timeout), errSlow)
	defer cancel()
	req, err := e.build(ctx, at, in)
	if err != nil {
		return RequestOutput{}, err
	}
	return e.send(req, in)
}

// errSlow tells the request's own timeout from the end of the activity.
var errSlow = fmt.Errorf("timeout of the request: %w", context.DeadlineExceeded)

// completeRequest fills in defaults and refuses what can't be done.
func completeRequest(in *RequestInput) error {
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.Timeout == 0 {
		in.Timeout = sops.Duration(requestTimeout)
	}
	if in.MaxBody == 0 {
		in.MaxBody = defaultBody
	}
	switch {
	case in.Timeout < 0 || time.Duration(in.Timeout) > maxTimeout:
		return action.Permanent(action.ErrInput, "http.request: timeout is %s, want at most %s", time.Duration(in.Timeout), maxTimeout)
	case in.MaxBody < 0 || in.MaxBody > maxBody:
		return action.Permanent(action.ErrInput, "http.request: max_body is %d, want 1 to %d", in.MaxBody, maxBody)
	}
	for name, value := range in.Headers {
		if !validHeader(name, value) || slices.Contains(connectionHeaders, http.CanonicalHeaderKey(name)) {
			return action.Permanent(action.ErrInput, "http.request: header %q can't be set", name)
		}
	}
	return nil
}

// connectionHeaders belong to the connection, not to the step.
var connectionHeaders = []string{"Connection", "Content-Length", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// safe says that a method changes nothing.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// build makes the request. One that may change something carries a key by which a service that knows
// Idempotency-Key does it once, however often the action is attempted.
func (e *endpoint) build(ctx context.Context, at *url.URL, in RequestInput) (*http.Request, error) {
	body, kind, err := bodyOf(in.Body)
	if err != nil {
		return nil, err
	}
	req, err := e.newRequest(ctx, in.Method, at, body, in.Headers)
	if err != nil {
		return nil, err
	}
	if kind != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", kind)
	}
	if !safe(in.Method) && req.Header.Get("Idempotency-Key") == "" && activity.IsActivity(ctx) {
		info := activity.GetInfo(ctx)
		req.Header.Set("Idempotency-Key", info.WorkflowExecution.RunID+"/"+info.ActivityID)
	}
	return req, nil
}

func bodyOf(v any) (io.Reader, string, error) {
	switch v := v.(type) {
	case nil:
		return nil, "", nil
	case string:
		return strings.NewReader(v), "text/plain; charset=utf-8", nil
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, "", action.Permanent(action.ErrInput, "http.request: body: %v", err)
		}
		return bytes.NewReader(raw), "application/json", nil
	}
}

// send makes the request and reads its answer.
func (e *endpoint) send(req *http.Request, in RequestInput) (RequestOutput, error) {
	where := req.Method + " " + e.shown(req.URL)
	start := time.Now()
	resp, err := e.do(req, safe(req.Method))
	if err != nil {
		return RequestOutput{}, e.unsent(req.Context(), where, in, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(in.MaxBody)+1))
	if err != nil {
		return RequestOutput{}, e.unsent(req.Context(), where, in, err)
	}
	truncated := len(body) > in.MaxBody
	text := e.hide(strings.ToValidUTF8(string(body[:min(len(body), in.MaxBody)]), "\uFFFD"))
	if err := judge(where, resp, in.ExpectStatus, text); err != nil {
		return RequestOutput{}, err
	}
	out := RequestOutput{
		URL: e.shown(req.URL), Sent: true, Status: resp.StatusCode, Took: milliseconds(time.Since(start)),
		ContentType: resp.Header.Get("Content-Type"), Location: e.hide(resp.Header.Get("Location")),
		Body: text, Truncated: truncated,
	}
	if !truncated {
		_ = json.Unmarshal([]byte(text), &out.JSON) // not JSON: stays absent
	}
	return out, nil
}

// unsent words a failure of the network. Cancellation of the action stays what it is.
func (e *endpoint) unsent(ctx context.Context, where string, in RequestInput, err error) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSlow):
		return fmt.Errorf("%s: no answer within %s", where, time.Duration(in.Timeout))
	case cause != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%s: %s", where, e.hide(plain(err)))
}

package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
)

// checkTimeout is how long each part may take to answer /readyz.
const checkTimeout = 2 * time.Second

// Readiness says whether the worker can serve runs, and why not.
type Readiness struct {
	Ready  bool     `json:"ready"`
	Checks []Result `json:"checks"`
}

// Result is how one part stands. An empty error means well.
type Result struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// Ready asks Temporal, the worker and what the program needs, all at once.
func (s *Service) Ready(ctx context.Context) Readiness {
	checks := append([]Check{{"temporal", s.reachable}, {"worker", s.polling}}, s.programChecks()...)
	r := Readiness{Ready: true, Checks: make([]Result, len(checks))}
	var asked sync.WaitGroup
	for i, c := range checks {
		asked.Go(func() { r.Checks[i] = ask(ctx, c) })
	}
	asked.Wait()
	for _, c := range r.Checks {
		r.Ready = r.Ready && c.OK
	}
	return r
}

func ask(ctx context.Context, c Check) Result {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := c.Ask(ctx)
	if err == nil {
		return Result{Name: c.Name, OK: true}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in %s", checkTimeout)
	}
	return Result{Name: c.Name, Error: err.Error()}
}

// reachable says whether Temporal answers.
func (s *Service) reachable(ctx context.Context) error {
	_, err := s.client.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

func (s *Service) programChecks() []Check {
	if s.program == nil {
		return nil
	}
	return s.program.Checks
}

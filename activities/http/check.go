package http

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultSamples = 5
	maxSamples     = 50
	maxSpread      = 5 * time.Minute // from the first sample to the last
	defaultTimeout = 5 * time.Second
)

// CheckInput is the input of http.check.
type CheckInput struct {
	Target          string        `json:"target" target:"http" doc:"The service."`
	Path            string        `json:"path,omitempty" doc:"What is asked for, below the target's url." default:"the target's health path"`
	Method          string        `json:"method,omitempty" enum:"GET,HEAD" doc:"How it is asked." default:"GET"`
	Samples         int           `json:"samples,omitempty" doc:"How often it is asked, at most 50." default:"5"`
	Every           sops.Duration `json:"every,omitempty" doc:"Time between the starts of two samples; the last starts within 5m." default:"all at once"`
	Timeout         sops.Duration `json:"timeout,omitempty" doc:"How long one sample may take, at most 1m." default:"5s"`
	ExpectStatus    []int         `json:"expect_status,omitempty" doc:"Status codes that are well." default:"200 to 399"`
	Contains        string        `json:"contains,omitempty" doc:"Text that the first 1 MiB of every answer must contain."`
	Matches         string        `json:"matches,omitempty" doc:"RE2 regular expression that the first 1 MiB of every answer must match."`
	FollowRedirects bool          `json:"follow_redirects,omitempty" doc:"Follow up to 5 redirects that stay on the same scheme and host." default:"false: a redirect is the answer"`
	Must            bool          `json:"must,omitempty" doc:"Fail the step when the service is not ok." default:"false: being down is a result"`
}

// CheckOutput is the output of http.check.
type CheckOutput struct {
	Target    string        `json:"target" doc:"The service."`
	URL       string        `json:"url" doc:"What was asked for, without anything that may be secret."`
	Method    string        `json:"method" doc:"How it was asked."`
	OK        bool          `json:"ok" doc:"Every sample was answered as expected."`
	Reachable bool          `json:"reachable" doc:"At least one sample was answered, however."`
	Reason    string        `json:"reason" doc:"Why it is not ok, in one line; empty when it is."`
	Samples   int           `json:"samples" doc:"How often it was asked."`
	Succeeded int           `json:"succeeded" doc:"Samples answered as expected."`
	Failed    int           `json:"failed" doc:"Samples answered otherwise, or not at all."`
	Status    int           `json:"status" doc:"Status code of the last sample that was answered, 0 without any."`
	Statuses  []StatusCount `json:"statuses" doc:"Status codes and how often each came, by code."`
	Mean      float64       `json:"mean" doc:"Milliseconds an answer took on average: from sending, connecting included where needed, until its body (at most 1 MiB) was read. Samples without an answer don't count."`
	P50       float64       `json:"p50" doc:"Milliseconds that half of the answers did not exceed (nearest rank: always a measured value)."`
	P95       float64       `json:"p95" doc:"Milliseconds that 95 % of the answers did not exceed (nearest rank; with fewer than 20 samples the slowest)."`
	Min       float64       `json:"min" doc:"Milliseconds of the fastest answer."`
	Max       float64       `json:"max" doc:"Milliseconds of the slowest answer."`
	Failures  []Failure     `json:"failures" doc:"What went wrong, each reason once, the most frequent first."`
	TLS       *TLS          `json:"tls,omitempty" doc:"The certificate; absent where there is none."`
}

// StatusCount is how often a status came.
type StatusCount struct {
	Code  int `json:"code" doc:"HTTP status code."`
	Count int `json:"count" doc:"Samples answered with it."`
}

// Failure is one thing that went wrong.
type Failure struct {
	Reason string `json:"reason" enum:"timeout,refused,dns,tls,closed,unreachable,status,body,other" doc:"What kind of failure."`
	Text   string `json:"text" doc:"What the first of them said."`
	Count  int    `json:"count" doc:"Samples that failed so."`
}

// TLS is a service's certificate.
type TLS struct {
	DaysLeft int       `json:"days_left" doc:"Whole days until the certificate expires, below 0 afterwards."`
	Expires  time.Time `json:"expires" doc:"When it expires."`
	Issuer   string    `json:"issuer" doc:"Who issued it."`
	Valid    bool      `json:"valid" doc:"It was accepted for this host."`
}

// probe is one checked input of http.check.
type probe struct {
	*endpoint
	at       *url.URL
	method   string
	samples  int
	every    time.Duration
	timeout  time.Duration
	expect   []int
	contains string
	matches  *regexp.Regexp
	follow   bool
}

// check is the action http.check.
func (s *services) check(ctx context.Context, in CheckInput) (CheckOutput, error) {
	e, err := s.Get(in.Target)
	if err != nil {
		return CheckOutput{}, err
	}
	p, err := newProbe(e, in)
	if err != nil {
		return CheckOutput{}, err
	}
	defer action.KeepAlive(ctx)()
	samples := p.run(ctx)
	if err := ctx.Err(); err != nil {
		return CheckOutput{}, err
	}
	out := p.judge(in.Target, samples)
	if in.Must && !out.OK {
		return CheckOutput{}, fmt.Errorf("%s is not ok: %s", out.URL, out.Reason)
	}
	return out, nil
}

func newProbe(e *endpoint, in CheckInput) (*probe, error) {
	p := &probe{
		endpoint: e, method: in.Method, samples: in.Samples, every: time.Duration(in.Every), timeout: time.Duration(in.Timeout),
		expect: in.ExpectStatus, contains: in.Contains, follow: in.FollowRedirects,
	}
	path := in.Path
	if path == "" {
		path = e.health
	}
	var err error
	if p.at, err = e.at(path, nil); err != nil {
		return nil, err
	}
	if err := p.complete(in); err != nil {
		return nil, err
	}
	return p, nil
}

// complete fills in defaults and refuses what can't be done.
func (p *probe) complete(in CheckInput) error {
	if p.method == "" {
		p.method = http.MethodGet
	}
	if p.samples == 0 {
		p.samples = defaultSamples
	}
	if p.timeout == 0 {
		p.timeout = defaultTimeout
	}
	switch {
	case p.samples < 0 || p.samples > maxSamples:
		return invalid("samples is %d, want 1 to %d", p.samples, maxSamples)
	case p.timeout < 0 || p.timeout > maxTimeout:
		return invalid("timeout is %s, want at most %s", p.timeout, maxTimeout)
	case p.every < 0 || p.every*time.Duration(p.samples-1) > maxSpread:
		return invalid("%d samples every %s take longer than %s", p.samples, p.every, maxSpread)
	case p.method == http.MethodHead && (in.Contains != "" || in.Matches != ""):
		return invalid("a HEAD answer has no body to look into: use method GET, or leave out contains and matches")
	}
	if in.Matches == "" {
		return nil
	}
	var err error
	if p.matches, err = regexp.Compile(in.Matches); err != nil {
		return invalid("matches: %v", err)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return action.Permanent(action.ErrInput, "http.check: "+format, args...)
}

// run takes the samples. Each starts at its own time, however long the ones before it take, so the whole
// is bounded by the last start and one timeout.
func (p *probe) run(ctx context.Context) []sample {
	samples := make([]sample, p.samples)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range samples {
		wg.Go(func() {
			wait := time.NewTimer(time.Until(start.Add(p.every * time.Duration(i))))
			defer wait.Stop()
			select {
			case <-ctx.Done():
			case <-wait.C:
				samples[i] = p.take(ctx)
			}
		})
	}
	wg.Wait()
	return samples
}

// judge makes the output of the samples taken.
func (p *probe) judge(target string, samples []sample) CheckOutput {
	out := CheckOutput{
		Target: target, URL: p.shown(p.at), Method: p.method, Samples: len(samples),
		Statuses: []StatusCount{}, Failures: []Failure{},
	}
	var took []time.Duration
	for _, s := range samples {
		out.note(s)
		if s.status != 0 {
			took = append(took, s.took)
		}
	}
	l := summarise(took)
	out.Mean, out.P50, out.P95, out.Min, out.Max = l.mean, l.p50, l.p95, l.min, l.max
	out.OK = out.Failed == 0
	slices.SortFunc(out.Statuses, func(a, b StatusCount) int { return a.Code - b.Code })
	slices.SortStableFunc(out.Failures, func(a, b Failure) int { return b.Count - a.Count })
	if !out.OK {
		out.Reason = fmt.Sprintf("%d of %d samples failed: %s", out.Failed, out.Samples, out.Failures[0].Text)
	}
	return out
}

// note counts one sample.
func (out *CheckOutput) note(s sample) {
	if s.tls != nil {
		out.TLS = s.tls
	}
	if s.status != 0 {
		out.Reachable, out.Status = true, s.status
		i := slices.IndexFunc(out.Statuses, func(c StatusCount) bool { return c.Code == s.status })
		if i < 0 {
			i = len(out.Statuses)
			out.Statuses = append(out.Statuses, StatusCount{Code: s.status})
		}
		out.Statuses[i].Count++
	}
	if s.reason == "" {
		out.Succeeded++
		return
	}
	out.Failed++
	i := slices.IndexFunc(out.Failures, func(f Failure) bool { return f.Reason == s.reason })
	if i < 0 {
		i = len(out.Failures)
		out.Failures = append(out.Failures, Failure{Reason: s.reason, Text: s.text})
	}
	out.Failures[i].Count++
}

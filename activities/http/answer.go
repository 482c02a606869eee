package http

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
)

// longestWait bounds what a service may ask for with Retry-After.
const longestWait = time.Hour

// judge makes an error of an answer that was not expected: final when asking again can't help.
func judge(where string, resp *http.Response, expect []int, body string) error {
	status := resp.StatusCode
	if len(expect) == 0 && status >= 200 && status < 300 || slices.Contains(expect, status) {
		return nil
	}
	text := fmt.Sprintf("%s: status %d %s%s", where, status, http.StatusText(status), excerpt(body))
	switch {
	case passing(status):
		return temporal.NewApplicationErrorWithOptions(text, "Unavailable",
			temporal.ApplicationErrorOptions{NextRetryDelay: retryAfter(resp.Header, time.Now())})
	case status == http.StatusNotFound || status == http.StatusGone:
		return action.Permanent(action.ErrNotFound, "%s", text)
	case status >= 300 && status < 400:
		return action.Permanent(action.ErrDenied, "%s: redirected elsewhere, which is not followed", text)
	default:
		return action.Permanent(action.ErrDenied, "%s", text)
	}
}

// passing says that the same request may succeed later.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// retryAfter reads how long the service asks to wait, as seconds or as a date; 0 when it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	var wait time.Duration
	if seconds, err := strconv.Atoi(value); err == nil {
		wait = time.Duration(min(seconds, int(longestWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestWait)
}

// excerpt is the beginning of an answer, for an error.
func excerpt(body string) string {
	const most = 200
	words := strings.Join(strings.Fields(body), " ")
	if words == "" {
		return ""
	}
	if r := []rune(words); len(r) > most {
		words = string(r[:most]) + "…"
	}
	return ": " + words
}

package slackapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxBody bounds what a call may carry, in bytes.
const maxBody = 1 << 20

// args are the arguments of a call, whether they came as a form, as JSON or in the address. What is not
// text in JSON is kept as JSON.
type args map[string]string

// read takes the arguments of a call, the token among them wherever it is.
func read(r *http.Request) (args, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	a := args{}
	a.add(r.URL.Query())
	switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind {
	case "application/json":
		if err := a.addJSON(body); err != nil {
			return nil, err
		}
	default:
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("the body is no form: %w", err)
		}
		a.add(form)
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		a["token"] = bearer
	}
	return a, nil
}

func (a args) add(values url.Values) {
	for name := range values {
		a[name] = values.Get(name)
	}
}

func (a args) addJSON(body []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return fmt.Errorf("the body is no JSON object: %w", err)
	}
	for name, value := range raw {
		var text string
		if json.Unmarshal(value, &text) == nil {
			a[name] = text
		} else {
			a[name] = string(value)
		}
	}
	return nil
}

// flag reads a yes or no; Slack takes several ways to write it.
func (a args) flag(name string) bool {
	switch a[name] {
	case "1", "true":
		return true
	default:
		return false
	}
}

// page cuts n things to the page that cursor and limit ask for, and names the next one.
func (a args) page(n int) (from, to int, next string) {
	limit, err := strconv.Atoi(a["limit"])
	if err != nil || limit < 1 {
		limit = 100
	}
	from, err = strconv.Atoi(a["cursor"])
	if err != nil || from < 0 || from > n {
		from = 0
	}
	to = min(from+limit, n)
	if to < n {
		next = strconv.Itoa(to)
	}
	return from, to, next
}

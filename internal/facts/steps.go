package facts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// stepped is the part of a record that is read only when something in it is needed: its steps.
type stepped struct {
	Inputs struct {
		Incident any `json:"incident"`
		Started  any `json:"started"`
	} `json:"inputs"`
	Phases []struct {
		Steps []*step `json:"steps"`
	} `json:"phases"`
	Finally []*step `json:"finally"`
}

type step struct {
	Kind    string          `json:"kind"`
	Action  string          `json:"action"`
	State   string          `json:"state"`
	Outputs json.RawMessage `json:"outputs"`
	Child   *struct{}       `json:"child"`
	Ask     *ask            `json:"ask"`
	Steps   []*step         `json:"steps"`
	Items   []struct {
		Steps []*step `json:"steps"`
	} `json:"items"`
}

type ask struct {
	Done    *deed          `json:"done"`
	Skipped bool           `json:"skipped"`
	Form    map[string]any `json:"form"`
}

// The fields of forms that are figures, and the action that says whether a post-mortem is complete.
const (
	fieldSatisfaction = "satisfaction"
	fieldInvited      = "invited"
	fieldPresent      = "present"
	fieldReal         = "real" // whether an incident is one
	actionPostMortem  = "report.post-mortem"
)

// mentions says whether a record can hold any of it. Most don't, and then its steps need not be read.
func mentions(data []byte, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(data, []byte(`"`+w+`"`)) })
}

func (f *Facts) fromSteps(rec *record, data []byte) error {
	if rec.Procedure != procedure && !mentions(data, fieldSatisfaction, fieldInvited, fieldReal, procedure) {
		return nil
	}
	var doc stepped
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("its steps can't be read: %w", err)
	}
	var err error
	doc.walk(func(s *step) {
		if s.Ask != nil && err == nil {
			err = f.addReview(s.Ask)
		}
		if f.Incident != nil {
			f.Incident.Unwritten = f.Incident.Unwritten || s.missed()
			f.Incident.FalseAlarm = f.Incident.FalseAlarm || s.Ask.denies()
		}
	})
	if err == nil && rec.Procedure == procedure {
		f.PostMortem = doc.postMortem(rec)
	}
	return err
}

// walk visits every step in order.
func (doc *stepped) walk(visit func(*step)) {
	var each func(steps []*step)
	each = func(steps []*step) {
		for _, s := range steps {
			if s == nil {
				continue
			}
			visit(s)
			each(s.Steps)
			for _, item := range s.Items {
				each(item.Steps)
			}
		}
	}
	for _, p := range doc.Phases {
		each(p.Steps)
	}
	each(doc.Finally)
}

// missed says that a post-mortem was to be started and was not: the library has none, or starting it failed.
func (s *step) missed() bool {
	begins := s.Kind == "start" && s.Action == procedure
	return begins && (s.State == "failed" || s.State == "succeeded" && s.Child == nil)
}

// denies says that somebody answered that nothing is wrong.
func (a *ask) denies() bool {
	if a == nil || a.Done == nil || a.Skipped {
		return false
	}
	answer := a.Form[fieldReal]
	return answer == "no" || answer == false
}

// addReview reads what a form says of satisfaction and participation. What nobody can have meant is an error.
func (f *Facts) addReview(a *ask) error {
	if a.Done == nil || a.Skipped {
		return nil
	}
	r := Review{At: a.Done.At.UTC()}
	score, scored := a.Form[fieldSatisfaction].(float64)
	invited, asked := a.Form[fieldInvited].(float64)
	present, came := a.Form[fieldPresent].(float64)
	if scored && score != 0 { // a form gives 0 to what was left empty
		r.Satisfaction = &score
	}
	if asked && came {
		r.Invited, r.Present = invited, present
	}
	if r == (Review{At: r.At}) {
		return nil
	}
	if err := r.Check(); err != nil {
		return err
	}
	f.Reviews = append(f.Reviews, r)
	return nil
}

// Check says what of a review can't be meant.
func (r Review) Check() error {
	switch s := r.Satisfaction; {
	case s != nil && (*s < 1 || *s > 5):
		return fmt.Errorf("a satisfaction of %g was answered; it is 1 to 5", *s)
	case r.Invited < 0 || r.Present < 0 || r.Present > r.Invited:
		return fmt.Errorf("%g of %g invited people are said to have been there", r.Present, r.Invited)
	case r.At.Year() < firstYear || r.At.Year() > lastYear:
		return fmt.Errorf("an answer was given in the year %d", r.At.Year())
	default:
		return nil
	}
}

// postMortem says how far an incident was written up: what its last report says.
func (doc *stepped) postMortem(rec *record) *PostMortem {
	of, _ := doc.Inputs.Incident.(string)
	began, _ := doc.Inputs.Started.(string)
	pm := &PostMortem{Of: of, Began: began, Overdue: rec.Ended != nil}
	for _, c := range rec.Clocks {
		pm.Overdue = pm.Overdue || c.Breached != nil
	}
	doc.walk(func(s *step) {
		var out struct {
			Complete *bool `json:"complete"`
		}
		if s.Action == actionPostMortem && json.Unmarshal(s.Outputs, &out) == nil && out.Complete != nil {
			pm.Complete = *out.Complete
		}
	})
	return pm
}

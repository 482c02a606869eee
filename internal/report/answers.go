package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// Answers are what only people know of an incident. Each may be empty: then it is missing.
type Answers struct {
	Summary    string `json:"summary,omitempty" doc:"What happened, in a paragraph." default:"the incident's own summary"`
	Severity   string `json:"severity,omitempty" doc:"How grave it was." default:"what the record says"`
	Services   string `json:"services,omitempty" doc:"Services affected." default:"what the record says"`
	Users      string `json:"users,omitempty" doc:"Who was affected, how many, and how."`
	Business   string `json:"business,omitempty" doc:"What it meant for the business."`
	Figures    string `json:"figures,omitempty" doc:"Figures of the impact: requests failed, revenue, tickets."`
	Cause      string `json:"cause,omitempty" doc:"The root cause."`
	Factors    string `json:"factors,omitempty" doc:"What contributed to it."`
	Resolution string `json:"resolution,omitempty" doc:"What ended it." default:"what the record says"`
	Well       string `json:"well,omitempty" doc:"What went well."`
	Improve    string `json:"improve,omitempty" doc:"What could have gone better."`
	Lessons    string `json:"lessons,omitempty" doc:"What was learned."`
	Monitoring string `json:"monitoring,omitempty" doc:"Rules of the monitoring that were changed or added."`
	Prevention string `json:"prevention,omitempty" doc:"What has to change so that it can not happen again."`
	Items      []Item `json:"items,omitempty" doc:"What will be done, as report.items gives it."`
	// NoItems says that nothing has to be done.
	NoItems bool `json:"no_items,omitempty" doc:"It was said that nothing has to be done."`
}

// Item is something that will be done.
type Item struct {
	What   string `json:"what" doc:"What will be done."`
	Who    string `json:"who" doc:"Who does it: a role, team or person of org.yaml."`
	Due    string `json:"due" doc:"The day it is due, as in 2026-12-01."`
	Status string `json:"status,omitempty" doc:"open, done or dropped, as its owner has said." default:"open"`
	Note   string `json:"note,omitempty" doc:"What its owner has said of it."`
}

// The states of an item.
const (
	ItemOpen    = "open"
	ItemDone    = "done"
	ItemDropped = "dropped"
)

// Over says that nobody has to do it any more.
func (i Item) Over() bool { return i.Status == ItemDone || i.Status == ItemDropped }

// maxItems bounds what one meeting can promise.
const maxItems = 100

// ParseItems reads action items, one a line: what | who | YYYY-MM-DD. resolve gives the id of the role, team
// or person that is meant; nil takes any. "none" alone says that there are none. Every line that can't be taken is a problem
// that quotes it and says why.
func ParseItems(text string, resolve func(who string) (string, error)) (items []Item, problems []string) {
	items, problems = []Item{}, []string{}
	n := 0
	for l := range strings.Lines(clean(text)) {
		l = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(l), "-*• \t"))
		if l == "" {
			continue
		}
		if n++; n > maxItems {
			return items, append(problems, fmt.Sprintf("there are more than %d items", maxItems))
		}
		item, err := parseItem(l, resolve)
		if err != nil {
			problems = append(problems, fmt.Sprintf("line %d, %s: %v", n, strconv.Quote(first(l, 60)), err))
			continue
		}
		items = append(items, item)
	}
	if n == 0 {
		problems = append(problems, `there is no item; write "none" when nothing has to be done`)
	}
	if n == 1 && len(problems) == 1 && NoItems(text) {
		return items, []string{}
	}
	return items, problems
}

// NoItems says whether people have written that there are none.
func NoItems(text string) bool {
	return slices.Contains([]string{"none", "nothing", "no items", "none."}, strings.ToLower(strings.TrimSpace(clean(text))))
}

func parseItem(l string, resolve func(string) (string, error)) (Item, error) {
	parts := strings.Split(l, "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if len(parts) != 3 {
		return Item{}, fmt.Errorf("it takes three parts, what | who | YYYY-MM-DD, and has %d", len(parts))
	}
	item := Item{What: parts[0], Who: parts[1], Due: parts[2], Status: ItemOpen}
	switch _, err := time.Parse(time.DateOnly, item.Due); {
	case !said(item.What):
		return Item{}, errors.New("it does not say what is done")
	case item.Who == "":
		return Item{}, errors.New("it does not say who does it")
	case err != nil:
		return Item{}, fmt.Errorf("%q is no day such as 2026-12-01", item.Due)
	}
	if resolve == nil {
		return item, nil
	}
	var err error
	item.Who, err = resolve(item.Who)
	return item, err
}

// The names under which the shipped procedures ask for answers, in the order in which they count. A later answer
// to the same field counts more than an earlier one.
var fieldsOf = map[string]func(*Answers) *string{
	"summary":    func(a *Answers) *string { return &a.Summary },
	"severity":   func(a *Answers) *string { return &a.Severity },
	"services":   func(a *Answers) *string { return &a.Services },
	"users":      func(a *Answers) *string { return &a.Users },
	"business":   func(a *Answers) *string { return &a.Business },
	"figures":    func(a *Answers) *string { return &a.Figures },
	fieldCause:   func(a *Answers) *string { return &a.Cause },
	"factors":    func(a *Answers) *string { return &a.Factors },
	"resolution": func(a *Answers) *string { return &a.Resolution },
	"well":       func(a *Answers) *string { return &a.Well },
	"improve":    func(a *Answers) *string { return &a.Improve },
	"lessons":    func(a *Answers) *string { return &a.Lessons },
	"rules":      func(a *Answers) *string { return &a.Monitoring },
	"measures":   func(a *Answers) *string { return &a.Prevention },
}

const (
	fieldCause = "cause"
	fieldItems = "items" // that action items are written into
)

// AnswersOf reads what people have said in a run: the forms of its steps, by the names of their fields. The
// incident's own steps count as well as those of its post-mortem, which has besides what became of the items.
func AnswersOf(rec *workflows.Record) Answers {
	var a Answers
	walk(rec, func(s *workflows.Step) {
		if s.Ask == nil || s.Ask.Done == nil || s.Ask.Skipped {
			return
		}
		for field, value := range s.Ask.Form {
			text, _ := value.(string)
			guess := field == fieldCause && s.Ask.Fields[field].Type == "choice" // what triage picked from a list is no root cause
			if into, ok := fieldsOf[field]; ok && said(text) && !guess {
				*into(&a) = text
			}
			if field == fieldItems {
				a.takeItems(text)
			}
		}
	})
	a.followUp(rec)
	return a
}

// ItemsSaid is what people have written last about action items in a run, whether it can be taken or not.
func ItemsSaid(rec *workflows.Record) (text string) {
	walk(rec, func(s *workflows.Step) {
		if s.Ask == nil || s.Ask.Done == nil || s.Ask.Skipped {
			return
		}
		if last, _ := s.Ask.Form[fieldItems].(string); said(last) {
			text = last
		}
	})
	return text
}

func (a *Answers) takeItems(text string) {
	if items, problems := ParseItems(text, nil); len(problems) == 0 {
		a.Items, a.NoItems = items, NoItems(text)
	}
}

// followUp reads what became of the items: rounds of an `each` over them, in which an ask has a field `status`.
func (a *Answers) followUp(rec *workflows.Record) {
	walk(rec, func(s *workflows.Step) {
		for _, round := range s.Items {
			raw, err := json.Marshal(round.Item)
			var item Item
			if err != nil || json.Unmarshal(raw, &item) != nil || item.What == "" || item.Due == "" {
				continue
			}
			i := slices.IndexFunc(a.Items, func(o Item) bool { return o.What == item.What && o.Who == item.Who && o.Due == item.Due })
			if i < 0 {
				continue
			}
			walkSteps(round.Steps, func(s *workflows.Step) {
				if s.Ask == nil || s.Ask.Done == nil {
					return
				}
				if status, _ := s.Ask.Form["status"].(string); status != "" {
					a.Items[i].Status = itemStatus(status)
					a.Items[i].Note, _ = s.Ask.Form["note"].(string)
				}
			})
		}
	})
}

// itemStatus is what an owner's answer means.
func itemStatus(answer string) string {
	if answer == ItemDone || answer == ItemDropped {
		return answer
	}
	return ItemOpen
}

// Or fills what is empty from other answers.
func (a Answers) Or(b Answers) Answers {
	for _, field := range fieldsOf {
		*field(&a) = pick(*field(&a), *field(&b))
	}
	if len(a.Items) == 0 && !a.NoItems {
		a.Items, a.NoItems = b.Items, b.NoItems
	}
	return a
}

// pick is the first text that says something.
func pick(texts ...string) string {
	for _, t := range texts {
		if said(t) {
			return t
		}
	}
	return cmp.Or(texts...)
}

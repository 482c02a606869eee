package simulate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/workflows"
)

// alertBy stands in the place of a person when an alert comes in.
const alertBy = "alert"

// ParseDeed reads what somebody does as it is typed: "+7m ana: acknowledge", or with a payload as in a file:
// "+7m ana: {extend: {clock: respond, for: 5m, reason: x}}".
func ParseDeed(text string) (Deed, error) {
	head, what, ok := strings.Cut(text, ": ")
	if !ok {
		return Deed{}, fmt.Errorf("%q does not say what is done; write it like '+7m ana: acknowledge'", text)
	}
	if strings.HasPrefix(strings.TrimSpace(what), "{") {
		return parsePayload(text)
	}
	d := Deed{Text: text}
	if err := d.head(head); err != nil {
		return Deed{}, err
	}
	err := d.words(strings.TrimSpace(what))
	return d, err
}

// parsePayload reads a deed with its payload. It has no place in a file.
func parsePayload(text string) (Deed, error) {
	node, problems := yamldoc.Parse("", []byte(text), yamldoc.Limits{})
	var d Deed
	if len(problems) == 0 {
		problems = yamldoc.Decode(node, "", &d)
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = errors.New(p.Message)
	}
	d.node = nil
	return d, errors.Join(errs...)
}

// DecodeYAML implements yamldoc.NodeDecoder: `+7m ana: acknowledge`, or with the payload of a message.
func (d *Deed) DecodeYAML(dec *yamldoc.Decoder, n *yaml.Node) {
	d.node = n
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		dec.Problem(n, "want one deed like '+7m ana: acknowledge', found %s", yamldoc.Describe(n))
		return
	}
	key, value := n.Content[0], n.Content[1]
	d.Text = key.Value + ": " + value.Value
	if err := d.head(key.Value); err != nil {
		dec.Problem(key, "%v", err)
		return
	}
	if value.Kind == yaml.ScalarNode {
		text := value.Value
		if err := d.words(text); err != nil {
			dec.Problem(value, "%v", err)
		}
		return
	}
	d.decodePayload(dec, value)
}

// decodePayload reads {message: {payload}}, or of an alert its payload alone.
func (d *Deed) decodePayload(dec *yamldoc.Decoder, value *yaml.Node) {
	d.Message = workflows.MessageAlert
	if d.By != alertBy {
		if value.Kind != yaml.MappingNode || len(value.Content) != 2 {
			dec.Problem(value, "want one message with its payload, such as {acknowledge: {note: on it}}, found %s", yamldoc.Describe(value))
			return
		}
		name := value.Content[0]
		if d.Message = name.Value; !slices.Contains(Messages(), d.Message) || d.Message == workflows.MessageAlert {
			dec.Problem(name, "there is no message %q%s", d.Message, yamldoc.Hint(d.Message, Messages()))
			return
		}
		value = value.Content[1]
	}
	d.Text = strings.SplitN(d.Text, ": ", 2)[0] + ": " + d.Message
	payload, ok := dec.Any(value)
	if !ok {
		return
	}
	if payload == nil {
		payload = map[string]any{}
	}
	if d.Payload, ok = payload.(map[string]any); !ok {
		dec.Problem(value, "want the payload of %s, found %s", d.Message, yamldoc.Describe(value))
		return
	}
	d.checkPayload(dec, value)
}

// checkPayload says which keys a message does not know.
func (d *Deed) checkPayload(dec *yamldoc.Decoder, n *yaml.Node) {
	known := payloads[d.Message]
	for k := range yamldoc.Pairs(n) {
		if k.Value == "by" && d.By != alertBy {
			dec.Problem(k, "by is %s, as the key says; leave it out", d.By)
		} else if !slices.Contains(known, k.Value) {
			dec.Problem(k, "%s has no %q%s", d.Message, k.Value, yamldoc.Hint(k.Value, known))
		}
	}
}

// head reads "+7m ana".
func (d *Deed) head(text string) error {
	when, who, ok := strings.Cut(strings.TrimSpace(text), " ")
	if !ok {
		return fmt.Errorf("%q does not say who; write it like '+7m ana: acknowledge'", text)
	}
	m, err := ParseMoment(when)
	d.When, d.By = m, strings.TrimSpace(who)
	return err
}

// words reads what is done: a verb and text.
func (d *Deed) words(text string) error {
	verb, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	v, ok := verbs[verb]
	if !ok {
		known := slices.Sorted(maps.Keys(verbs))
		return fmt.Errorf("nobody can %q%s", verb, yamldoc.Hint(verb, known))
	}
	if v.needs != "" && rest == "" {
		return fmt.Errorf("%s wants more: %s", verb, v.needs)
	}
	d.Message, d.Payload = v.message, v.payload(rest)
	return nil
}

// verb is how people write a message in one line.
type verb struct {
	message string
	needs   string // what has to follow
	payload func(rest string) map[string]any
}

var verbs = map[string]verb{
	"acknowledge": {workflows.MessageAcknowledge, "", textAs("note")},
	"note":        {workflows.MessageNote, "note TEXT", textAs("text")},
	"update":      {workflows.MessageUpdate, "update TEXT", textAs("text")},
	"resolve":     {workflows.MessageResolve, "resolve TEXT", textAs("resolution")},
	"escalate":    {workflows.MessageEscalate, "", textAs("reason")},
	"abort":       {workflows.MessageAbort, "abort TEXT", textAs("reason")},
	"handover":    {workflows.MessageHandover, "handover PERSON", textAs("to")},
	"severity":    {workflows.MessageSeverity, "severity GRADE because …", stepAnd(map[string]any{}, "severity")},
	"done":        {workflows.MessageComplete, "done STEP", textAs("step")},
	"skip":        {workflows.MessageComplete, "skip STEP because …", stepAnd(map[string]any{"skip": true}, "step")},
	"approve":     {workflows.MessageDecide, "approve STEP", stepAnd(map[string]any{"approve": true}, "step")},
	"reject":      {workflows.MessageDecide, "reject STEP because …", stepAnd(map[string]any{"approve": false}, "step")},
}

func textAs(field string) func(string) map[string]any {
	return func(rest string) map[string]any {
		if rest == "" {
			return map[string]any{}
		}
		return map[string]any{field: rest}
	}
}

// stepAnd reads "STEP because REASON".
func stepAnd(fixed map[string]any, field string) func(string) map[string]any {
	return func(rest string) map[string]any {
		out := maps.Clone(fixed)
		name, why, _ := strings.Cut(rest, " ")
		out[field] = name
		why = strings.TrimSpace(why)
		if text, ok := strings.CutPrefix(why, "because "); ok {
			why = strings.TrimSpace(text)
		}
		if why != "" {
			out["reason"] = why
		}
		return out
	}
}

// payloads are the fields of the messages, but for who sends them.
var payloads = map[string][]string{
	workflows.MessageAcknowledge: {"note"},
	workflows.MessageComplete:    {"step", "form", "skip", "reason"},
	workflows.MessageDecide:      {"step", "approve", "reason"},
	workflows.MessageEscalate:    {"reason"},
	workflows.MessageExtend:      {"clock", "for", "reason"},
	workflows.MessageNote:        {"text"},
	workflows.MessageUpdate:      {"text"},
	workflows.MessageSeverity:    {"severity", "reason"},
	workflows.MessageResolve:     {"resolution"},
	workflows.MessageHandover:    {"to", "until"},
	workflows.MessageAbort:       {"reason"},
	workflows.MessageAlert:       {"key", "status", "summary", "labels", "starts_at"},
}

// Messages are the names of all messages, sorted.
func Messages() []string { return slices.Sorted(maps.Keys(payloads)) }

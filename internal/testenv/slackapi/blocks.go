package slackapi

import (
	"encoding/json"
	"unicode/utf16"
)

// The limits of Block Kit, in characters where nothing else is said. Slack counts a message's blocks
// together as well; how is not documented, and refusals begin somewhere above 11,000.
const (
	maxBlocks   = 50
	maxHeader   = 150
	maxText     = 3000
	maxField    = 2000
	maxButton   = 75
	maxURL      = 3000
	maxFields   = 10
	maxElements = 25
	maxAll      = 10_000
)

// chars counts as JavaScript does, which is never less than the number of code points.
func chars(text string) int { return len(utf16.Encode([]rune(text))) }

type block struct {
	Type     string    `json:"type"`
	ID       string    `json:"block_id"`
	Text     *text     `json:"text"`
	Fields   []text    `json:"fields"`
	Elements []element `json:"elements"`
}

type text struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji"`
}

// element is a part of a context, actions or rich_text block. Its text is an object or a string,
// whichever its type wants.
type element struct {
	Type     string          `json:"type"`
	Text     json.RawMessage `json:"text"`
	URL      string          `json:"url"`
	Elements []element       `json:"elements"`
}

// checkBlocks refuses what Slack would.
func checkBlocks(raw string) error {
	if raw == "" {
		return nil
	}
	var blocks []block
	if json.Unmarshal([]byte(raw), &blocks) != nil {
		return refusal{Code: "invalid_blocks_format"}
	}
	if len(blocks) > maxBlocks {
		return refusal{Code: "invalid_blocks"}
	}
	ids := map[string]bool{}
	for _, b := range blocks {
		if b.ID != "" && ids[b.ID] || !b.valid() {
			return refusal{Code: "invalid_blocks"}
		}
		ids[b.ID] = true
	}
	var all any
	total := 0
	if json.Unmarshal([]byte(raw), &all) == nil {
		eachText(all, func(text string, _ bool) { total += chars(text) })
	}
	if total > maxAll {
		return refusal{Code: "msg_blocks_too_long"}
	}
	return nil
}

func (b block) valid() bool {
	switch b.Type {
	case "divider":
		return true
	case "header":
		return b.Text.valid(maxHeader) && b.Text.Type == "plain_text"
	case "section":
		return b.validSection()
	case "context":
		return validElements(b.Elements, maxFields, element.validContext)
	case "actions":
		return validElements(b.Elements, maxElements, element.validButton)
	case "rich_text":
		return validElements(b.Elements, maxBlocks, element.validRich)
	default:
		return false
	}
}

func (b block) validSection() bool {
	if b.Text == nil && len(b.Fields) == 0 || len(b.Fields) > maxFields {
		return false
	}
	for i := range b.Fields {
		if !b.Fields[i].valid(maxField) {
			return false
		}
	}
	return b.Text == nil || b.Text.valid(maxText)
}

func (t *text) valid(limit int) bool {
	if t == nil || t.Text == "" || chars(t.Text) > limit {
		return false
	}
	return t.Type == "plain_text" || t.Type == "mrkdwn" && t.Emoji == nil
}

func validElements(all []element, limit int, valid func(element) bool) bool {
	if len(all) == 0 || len(all) > limit {
		return false
	}
	for _, e := range all {
		if !valid(e) {
			return false
		}
	}
	return true
}

func (e element) validContext() bool {
	var content string
	return json.Unmarshal(e.Text, &content) == nil && (&text{Type: e.Type, Text: content}).valid(maxText)
}

func (e element) validButton() bool {
	var label text
	return e.Type == "button" && json.Unmarshal(e.Text, &label) == nil && label.Type == "plain_text" &&
		label.valid(maxButton) && len(e.URL) <= maxURL
}

// validRich is for the parts of a rich_text block: sections, lists of sections, quotes, code.
func (e element) validRich() bool {
	switch e.Type {
	case "rich_text_section", "rich_text_quote", "rich_text_preformatted":
		return validElements(e.Elements, 1000, element.validRun)
	case "rich_text_list":
		return validElements(e.Elements, 1000, func(e element) bool { return e.Type == "rich_text_section" && e.validRich() })
	default:
		return false
	}
}

// validRun is for the smallest parts of rich text.
func (e element) validRun() bool {
	var content string
	if len(e.Text) > 0 && json.Unmarshal(e.Text, &content) != nil {
		return false
	}
	switch e.Type {
	case "text":
		return content != "" && chars(content) <= maxText
	case "link":
		return e.URL != "" && len(e.URL) <= maxURL && chars(content) <= maxText
	default:
		return false // mentions and the like: nothing of Orderly's makes any
	}
}

// eachText visits the texts of blocks in order. Those of text objects have their entities escaped; those
// of rich text are as they are.
func eachText(v any, visit func(text string, escaped bool)) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			eachText(item, visit)
		}
	case map[string]any:
		if content, ok := v["text"].(string); ok {
			visit(content, v["type"] == "plain_text" || v["type"] == "mrkdwn")
		}
		eachText(v["text"], visit)
		eachText(v["fields"], visit)
		eachText(v["elements"], visit)
	}
}

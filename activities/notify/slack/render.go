package slack

import (
	"fmt"
	"net/url"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/text"
)

// What a message may take up, in characters. The sum stays well below what Slack takes for all blocks
// together, which is somewhere above 11,000.
const (
	maxHeader   = 150 // Slack's limit
	maxLines    = 3000
	maxBody     = 3000 // Slack's limit of one text
	maxCommands = 1500
	maxFacts    = 300
	maxFallback = 2000
	maxLink     = 3000 // Slack's limit
	maxItem     = 600  // one line of a digest, which ends in a command that must not be cut
)

// content is a message in Slack's words.
type content struct {
	blocks   []api.Block
	fallback string // for notifications and screen readers, not escaped yet
}

// render words a message. Texts are in rich_text blocks, where they are characters and nothing else; the
// header and the small print are plain_text.
func render(m notify.Message) content {
	headline := headline(m)
	blocks := []api.Block{api.NewHeaderBlock(plainText(headline, maxHeader))}
	if size(escape(headline)) > maxHeader {
		blocks = append(blocks, richText(api.NewRichTextSection(run(cut(headline, maxLines/2)))))
	}
	if m.Kind == notify.KindDigest {
		blocks = append(blocks, items(m.Lines)...)
	} else {
		blocks = append(blocks, paragraph(strings.Join(lines(m.Lines), "\n"), maxLines)...)
	}
	blocks = append(blocks, paragraph(text.Lines(m.Body), maxBody)...)
	blocks = append(blocks, commands(m.Commands)...)
	blocks = append(blocks, link(m.Link)...)
	blocks = append(blocks, facts(m)...)
	return content{blocks: blocks, fallback: fallback(headline, m)}
}

// headline is the first line: what happened, and that it is a drill.
func headline(m notify.Message) string {
	said := or(oneLine(m.Headline), fmt.Sprintf("%s of %s", m.Kind, oneLine(m.Run)))
	if m.Drill {
		return "DRILL: " + said
	}
	return said
}

// lines are the texts that say something, each on one line.
func lines(texts []string) []string {
	var said []string
	for _, t := range texts {
		if t = oneLine(t); t != "" {
			said = append(said, t)
		}
	}
	return said
}

// paragraph is a text as it was written.
func paragraph(s string, limit int) []api.Block {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil
	}
	return []api.Block{richText(api.NewRichTextSection(run(cut(s, limit))))}
}

// items lists what a digest is about. What does not fit is counted.
func items(texts []string) []api.Block {
	texts = lines(texts)
	var listed []api.RichTextElement
	room := maxLines
	for i, t := range texts {
		t = cut(t, maxItem)
		if room -= size(t); room < 0 {
			listed = append(listed, api.NewRichTextSection(run(fmt.Sprintf("%s and %d more", ellipsis, len(texts)-i))))
			break
		}
		listed = append(listed, api.NewRichTextSection(run(t)))
	}
	if len(listed) == 0 {
		return nil
	}
	return []api.Block{richText(api.NewRichTextList(api.RTEListBullet, 0, listed...))}
}

// commands are what to type. One that does not fit is left out: half a command is a wrong one.
func commands(texts []string) []api.Block {
	var fit []string
	room := maxCommands
	for _, t := range texts {
		t = strings.TrimSpace(strings.ReplaceAll(text.Lines(t), "\n", " "))
		if t == "" {
			continue
		}
		if size(t)+1 > room {
			fit = append(fit, ellipsis)
			break
		}
		room -= size(t) + 1
		fit = append(fit, t)
	}
	if len(fit) == 0 {
		return nil
	}
	code := api.RichTextPreformatted{Type: api.RTEPreformatted, Elements: []api.RichTextSectionElement{run(strings.Join(fit, "\n"))}}
	return []api.Block{richText(&code)}
}

// link leads to the run's page. Its text is ours; an address that is none of the web is left out.
func link(address string) []api.Block {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || len(u.String()) > maxLink {
		return nil
	}
	return []api.Block{richText(api.NewRichTextSection(api.NewRichTextSectionLinkElement(u.String(), "Open the run", nil)))}
}

// facts are the small print.
func facts(m notify.Message) []api.Block {
	said := lines([]string{string(m.Kind), m.Severity, m.Level, m.Status, strings.Join(m.Services, ", "), m.Run})
	if len(said) == 0 {
		return nil
	}
	return []api.Block{api.NewContextBlock("", plainText(strings.Join(said, " · "), maxFacts))}
}

func fallback(headline string, m notify.Message) string {
	texts := append([]string{headline}, lines(m.Lines)...)
	if body := strings.TrimSpace(text.Lines(m.Body)); body != "" {
		texts = append(texts, body)
	}
	return cut(strings.Join(texts, "\n"), maxFallback)
}

// event is a line of a thread.
func event(e notify.Event) content {
	said := cut(e.At.UTC().Format("15:04:05 UTC")+"  "+or(strings.TrimSpace(text.Lines(e.Text)), ellipsis), maxBody)
	return content{blocks: []api.Block{richText(api.NewRichTextSection(run(said)))}, fallback: cut(said, maxFallback)}
}

func plainText(s string, limit int) *api.TextBlockObject {
	return api.NewTextBlockObject(api.PlainTextType, cutEscaped(s, limit), false, false)
}

func richText(elements ...api.RichTextElement) api.Block {
	return api.NewRichTextBlock("", elements...)
}

func run(s string) api.RichTextSectionElement { return api.NewRichTextSectionTextElement(s, nil) }

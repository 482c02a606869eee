package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"html/template"
	"time"
)

//go:embed page.html
var pageHTML string

// pageTemplate escapes every value for the place where it stands.
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"line":       line,
	"paragraphs": paragraphs,
	"stamp":      stamp,
	"note":       lackNote,
	"image":      image,
	"isTime":     isTime,
}).Parse(pageHTML))

// isTime says whether a cell holds a moment, which is read on one line.
func isTime(s string) bool {
	_, err := time.Parse(time.DateTime, s)
	return err == nil
}

// HTML writes a document as a page that needs nothing else: no script, no request, fit for print and for a dark
// screen.
func (d *Document) HTML() ([]byte, error) {
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, struct {
		*Document
		Source string
	}{d, d.source()})
	return out.Bytes(), err
}

// image is a picture as an address. What is in it can neither run nor load anything in an img element.
func image(p *Picture) template.URL {
	return template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(p.SVG)) //nolint:gosec // base64 of our own drawing
}

package kpi

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Chart is a small picture, an SVG document that stands by itself: no script, nothing fetched, a title and a
// description for those who hear it, readable on light and dark paper.
type Chart struct {
	Name  string // mtta-mttr, incidents, sla
	Title string
	Desc  string // what it shows, in words
	SVG   []byte
}

// Charts draws the trends of a Set that was read by week. A week without data leaves a gap, never a zero.
func Charts(weekly *Set) ([]Chart, error) {
	if weekly.By != ByWeek {
		return nil, fmt.Errorf("trends are drawn of figures by week, not by %q", weekly.By)
	}
	var out []Chart
	for _, p := range []*picture{responsePicture(weekly), incidentPicture(weekly), slaPicture(weekly)} {
		svg, err := p.draw()
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", p.Name, err)
		}
		out = append(out, Chart{Name: p.Name, Title: p.Title, Desc: p.Desc, SVG: svg})
	}
	return out, nil
}

//go:embed chart.svg
var chartSource string

// The paper, in pixels. Text is set at 12.
const (
	paperWidth, paperHeight = 640.0, 240.0
	plotLeft, plotRight     = 52.0, 628.0
	plotTop, plotBottom     = 58.0, 206.0
)

// picture is what the template draws. Everything in it has its place already.
type picture struct {
	Name, Title, Desc string
	Legend            []mark
	Grid              []line // with what its value is
	Targets           []line
	Bars              []bar
	Lines             []path
	Dots              []mark
	Weeks             []mark
	Empty             string // instead of a plot
	Right             float64
}

// mark is text or a sign at a place. Class is its look: a, b … for the first, second … kind.
type mark struct {
	X, Y  float64
	Class string
	Text  string
	Hint  string // shown when one points at it
}

type line struct {
	Y     float64
	Class string
	Text  string
}

type bar struct {
	X, Y, W, H float64
	Class      string
	Text, Hint string
}

// Middle is where its text stands.
func (b bar) Middle() float64 { return b.X + b.W/2 }

type path struct {
	Class string
	D     string
}

func (p *picture) draw() ([]byte, error) {
	// html/template escapes by where a text stands, in SVG as well.
	t, err := template.New(p.Name).Funcs(template.FuncMap{"n": coordinate}).Parse(chartSource)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// coordinate is a number with one decimal at most.
func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// series is a figure week by week; NaN where there is no data.
type series struct {
	class, name string
	values      []float64
	text        []string
	target      float64
	targetText  string
}

func figureSeries(s *Set, class, name string, id ID) series {
	out := series{class: class, name: name}
	for _, g := range s.Groups {
		f, v := g.Figure(id), math.NaN()
		if f.Value != nil {
			v = *f.Value
		}
		out.values, out.text = append(out.values, v), append(out.text, f.Text)
	}
	f := s.Figure(id)
	out.target, out.targetText = f.Target.Value, f.TargetText
	return out
}

// last is the newest value in words.
func (s series) last() string {
	for i, v := range slices.Backward(s.values) {
		if !math.IsNaN(v) {
			return s.text[i]
		}
	}
	return NoData
}

// responsePicture draws MTTA and MTTR.
func responsePicture(s *Set) *picture {
	p := newPicture(s, "mtta-mttr", "Time to acknowledge and to resolve, by week")
	both := []series{figureSeries(s, "a", "to acknowledge", MTTA), figureSeries(s, "b", "to resolve", MTTR)}
	p.trend(both, axis{step: timeStep, text: Seconds.text})
	return p
}

// slaPicture draws the share of promises kept. Its axis does not begin at 0: what matters is near 100 %.
func slaPicture(s *Set) *picture {
	p := newPicture(s, "sla", "Promises kept, by week")
	one := figureSeries(s, "a", "promises kept", SLA)
	lowest := 0.98
	for _, v := range one.values {
		if !math.IsNaN(v) {
			lowest = min(lowest, v)
		}
	}
	lowest = math.Floor(lowest*10) / 10
	p.trend([]series{one}, axis{from: lowest, to: 1, step: func(float64) float64 { return (1 - lowest) / 4 }, text: func(v float64) string {
		return strconv.FormatFloat(math.Round(v*1000)/10, 'f', -1, 64) + " %"
	}})
	return p
}

// incidentPicture stacks the incidents of a week by severity, the gravest at the bottom.
func incidentPicture(s *Set) *picture {
	p := newPicture(s, "incidents", "Incidents opened, by week and severity")
	kinds, most := severities(s)
	if len(kinds) == 0 {
		p.nothing()
		return p
	}
	a := axis{to: float64(most), step: countStep, text: func(v float64) string { return strconv.Itoa(int(v)) }}
	p.grid(&a)
	var words []string
	for i, k := range kinds {
		p.Legend = append(p.Legend, mark{Class: class(i), Text: k.name()})
		words = append(words, fmt.Sprintf("%d %s", k.Count, k.name()))
	}
	p.spreadLegend()
	width := min(40, p.pitch(len(s.Groups))*0.7)
	for w, g := range s.Groups {
		base := 0.0
		for _, c := range g.Incidents.BySeverity {
			i := slices.IndexFunc(kinds, c.same)
			top := base + float64(c.Count)
			b := bar{X: p.x(w, len(s.Groups)) - width/2, Y: a.y(top), W: width, H: a.y(base) - a.y(top), Class: class(i),
				Hint: fmt.Sprintf("%s: %d %s", g.Key, c.Count, c.name())}
			if b.H >= 13 {
				b.Text = strconv.Itoa(c.Count)
			}
			p.Bars, base = append(p.Bars, b), top
		}
	}
	p.Desc += " In all " + strings.Join(words, ", ") + "."
	return p
}

// name is the severity as people say it.
func (c SeverityCount) name() string {
	if c.Severity == "" {
		return "no severity"
	}
	return c.Severity
}

func (c SeverityCount) same(other SeverityCount) bool { return c.Severity == other.Severity }

// severities are all that occur, of every scale, with how many there are in all, and the most of a week.
func severities(s *Set) (kinds []SeverityCount, most int) {
	for _, g := range s.Groups {
		week := 0
		for _, c := range g.Incidents.BySeverity {
			week += c.Count
			if i := slices.IndexFunc(kinds, c.same); i >= 0 {
				kinds[i].Count += c.Count
			} else {
				kinds = append(kinds, c)
			}
		}
		most = max(most, week)
	}
	slices.SortFunc(kinds, func(a, b SeverityCount) int { return strings.Compare(a.Severity, b.Severity) })
	return kinds, most
}

// class is the look of the n-th kind. Looks repeat after the sixth.
func class(n int) string { return string(rune('a' + n%6)) }

func newPicture(s *Set, name, title string) *picture {
	p := &picture{Name: name, Title: title, Right: plotRight}
	if n := len(s.Groups); n > 0 {
		p.Desc = fmt.Sprintf("%d weeks, %s to %s.", n, s.Groups[0].Key, s.Groups[n-1].Key)
		if n == 1 {
			p.Desc = "One week, " + s.Groups[0].Key + "."
		}
	}
	every := (len(s.Groups) + 12) / 13 // as many labels as there is room for
	for i, g := range s.Groups {
		if i%every == 0 {
			_, week, _ := strings.Cut(g.Key, "-")
			p.Weeks = append(p.Weeks, mark{X: p.x(i, len(s.Groups)), Y: plotBottom + 17, Text: week, Hint: g.Key})
		}
	}
	return p
}

func (p *picture) nothing() {
	p.Empty, p.Desc = NoData, p.Desc+" There is no data."
}

// pitch is how much room a week has, and x the middle of the i-th of n.
func (p *picture) pitch(n int) float64 { return (plotRight - plotLeft) / float64(n) }
func (p *picture) x(i, n int) float64  { return plotLeft + (float64(i)+0.5)*p.pitch(n) }
func (a axis) y(v float64) float64     { return plotBottom - (v-a.from)/(a.to-a.from)*(plotBottom-plotTop) }
func (p *picture) add(d path, dots []mark) {
	p.Lines, p.Dots = append(p.Lines, d), append(p.Dots, dots...)
}

// axis is the values' scale.
type axis struct {
	from, to float64
	step     func(largest float64) float64 // between two lines of the grid
	text     func(float64) string
}

// grid draws the lines and moves the axis' end to the last of them.
func (p *picture) grid(a *axis) {
	step := a.step(a.to)
	a.to = a.from + math.Ceil((a.to-a.from)/step-1e-9)*step
	for v := a.from; v <= a.to+step/2; v += step {
		p.Grid = append(p.Grid, line{Y: a.y(v), Text: a.text(v)})
	}
}

// trend draws lines of values with their targets.
func (p *picture) trend(all []series, a axis) {
	largest, some := a.to, false
	for _, s := range all {
		largest = max(largest, s.target)
		for _, v := range s.values {
			if !math.IsNaN(v) {
				largest, some = max(largest, v), true
			}
		}
	}
	if !some {
		p.nothing()
		return
	}
	a.to = largest
	p.grid(&a)
	for _, s := range all {
		p.Legend = append(p.Legend, mark{Class: s.class, Text: s.name + ", target " + s.targetText})
		p.Targets = append(p.Targets, line{Y: a.y(s.target), Class: s.class})
		p.follow(s, a)
		p.Desc += fmt.Sprintf(" %s: last %s, target %s.", strings.ToUpper(s.name[:1])+s.name[1:], s.last(), s.targetText)
	}
	p.spreadLegend()
}

// follow draws one line; where there is no data it stops.
func (p *picture) follow(s series, a axis) {
	var d strings.Builder
	var dots []mark
	pen := "M"
	for i, v := range s.values {
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		x, y := p.x(i, len(s.values)), a.y(v)
		fmt.Fprintf(&d, "%s%s %s", pen, coordinate(x), coordinate(y))
		dots = append(dots, mark{X: x, Y: y, Class: s.class, Hint: s.text[i]})
		pen = "L"
	}
	p.add(path{Class: s.class, D: d.String()}, dots)
}

// spreadLegend puts the entries side by side.
func (p *picture) spreadLegend() {
	x := plotLeft
	for i := range p.Legend {
		p.Legend[i].X, p.Legend[i].Y = x, 40
		x += 34 + 6.4*float64(len([]rune(p.Legend[i].Text)))
	}
}

// timeStep is a round length of time of which about four reach the largest value.
func timeStep(largest float64) float64 {
	for _, s := range []float64{15, 30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 12 * 3600, 86400} {
		if largest/s <= 4.5 {
			return s
		}
	}
	return math.Ceil(largest/4/86400) * 86400
}

// countStep is a whole number of which about four reach the largest value.
func countStep(largest float64) float64 {
	for scale := 1.0; ; scale *= 10 {
		for _, s := range []float64{1, 2, 5} {
			if largest/(s*scale) <= 4.5 {
				return s * scale
			}
		}
	}
}

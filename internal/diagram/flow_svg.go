package diagram

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/sops"
)

// Measures of a flow, in pixels.
const (
	flowWidth = 920
	margin    = 20
	inset     = 14 // from a frame to what is in it
	apart     = 20 // between two steps, where the arrow is
	lineHigh  = 15
	leastCard = 190 // the narrowest a step is drawn
	mostLines = 3   // of one text
	aside     = 44  // how far what only follows a failure is set in
)

// box is a step with its place; x and y count from the box around it.
type box struct {
	n          *node
	x, y, w, h int
	lines      []line
	inner      []*box
	loose      bool // the inner ones do not follow each other
}

// line is a line of text in a box.
type line struct{ class, text string }

// SVG is the flow from top to bottom.
func (f *flow) SVG() string {
	c := &canvas{}
	y := margin + 22
	for _, l := range fold(f.title, boldRoom(flowWidth-2*margin)*12/20, 2) {
		c.text(margin, y, "h1", l)
		y += 26
	}
	for _, fact := range append([]string{f.about}, f.facts...) {
		for _, l := range fold(fact, flowWidth-2*margin, mostLines) {
			c.text(margin, y, "s", l)
			y += lineHigh
		}
	}
	y += 6
	from := y // where the phases have ended so far
	for i, p := range f.parts {
		if i > 0 {
			y += apart
		}
		x := flowWidth / 2
		if y > from+apart { // past what stands aside
			x = margin + aside/2
		}
		if i > 0 && !p.aside {
			c.arrow(x, from, y)
		}
		y = p.draw(c, y)
		if !p.aside {
			from = y
		}
	}
	y = legend(c, y+margin)
	return c.file(flowWidth, y+margin, f.title, f.spoken())
}

// draw draws a part and gives where it ends.
func (p part) draw(c *canvas, y int) int {
	x, w, frame := margin, flowWidth-2*margin, "panel"
	if p.aside {
		x, w, frame = x+aside, w-aside, "panel dashed"
	}
	room := w - 2*inset
	head := []line{}
	for _, l := range fold(p.title, boldRoom(room)*12/14, 2) {
		head = append(head, line{"h2", l})
	}
	for _, note := range p.notes {
		for _, l := range fold(note, room, mostLines) {
			head = append(head, line{"s", l})
		}
	}
	boxes := layAll(p.steps, room)
	high := inset + len(head)*lineHigh + 8
	h := high + stack(boxes, high) + inset
	if len(boxes) == 0 {
		h -= inset
	}
	c.rect(x, y, w, h, frame)
	for i, l := range head {
		c.text(x+inset, y+inset+(i+1)*lineHigh-4, l.class, l.text)
	}
	drawAll(c, boxes, x+inset, y, false)
	return y + h
}

// layAll gives every step its size.
func layAll(steps []node, w int) []*box {
	out := make([]*box, len(steps))
	for i := range steps {
		out[i] = lay(&steps[i], w)
	}
	return out
}

// stack puts boxes below each other, the first at y, and gives how high they are together.
func stack(boxes []*box, y int) int {
	high := 0
	for i, b := range boxes {
		if i > 0 {
			high += apart
		}
		b.y = y + high
		high += b.h
	}
	return high
}

func lay(n *node, w int) *box {
	b := &box{n: n, w: w}
	room := w - 2*inset
	add := func(class, text string, most int) {
		for _, l := range fold(text, room, most) {
			b.lines = append(b.lines, line{class, l})
		}
	}
	for _, l := range fold(n.title, boldRoom(room), mostLines) {
		b.lines = append(b.lines, line{"b", l})
	}
	add("s", kindText(n), mostLines)
	add("s", strings.Join(n.notes, " · "), 2*mostLines)
	if n.undo != "" {
		add("s undo", "↶ undone by "+n.undo, mostLines)
	}
	b.h = len(b.lines)*lineHigh + inset
	if len(n.steps) == 0 {
		return b
	}
	head := b.h + 2
	if n.kind == sops.KindParallel {
		b.layBeside(head)
		return b
	}
	b.inner = layAll(n.steps, room)
	for _, inner := range b.inner {
		inner.x = inset
	}
	b.h = head + stack(b.inner, head) + inset
	return b
}

// layBeside puts the steps side by side, in as few rows as they fit into.
func (b *box) layBeside(y int) {
	b.loose = true
	room, steps := b.w-2*inset, b.n.steps
	for rows := 1; ; rows++ {
		each := (len(steps) + rows - 1) / rows
		fits := true
		for row := range slices.Chunk(steps, each) {
			fits = fits && least(row) <= room
		}
		if !fits && each > 1 {
			continue
		}
		for row := range slices.Chunk(steps, each) {
			y += b.layRow(row, y) + inset
		}
		b.h = y
		return
	}
}

// layRow lays steps beside each other and gives how high the row is. Those that hold others get more room.
func (b *box) layRow(steps []node, y int) int {
	spare, shares := max(0, b.w-2*inset-least(steps)), 0
	for i := range steps {
		shares += share(&steps[i])
	}
	x, highest := inset, 0
	for i := range steps {
		w := b.w - 2*inset
		if len(steps) > 1 {
			w = leastWidth(&steps[i]) + spare*share(&steps[i])/shares
		}
		inner := lay(&steps[i], w)
		inner.x, inner.y = x, y
		x += w + inset
		highest = max(highest, inner.h)
		b.inner = append(b.inner, inner)
	}
	return highest
}

// least is the room that steps need beside each other.
func least(steps []node) int {
	total := inset * (len(steps) - 1)
	for i := range steps {
		total += leastWidth(&steps[i])
	}
	return total
}

func leastWidth(n *node) int {
	least := leastCard
	for i := range n.steps {
		least = max(least, leastWidth(&n.steps[i])+2*inset)
	}
	return least
}

func share(n *node) int {
	if len(n.steps) > 0 {
		return 3
	}
	return 1
}

// drawAll draws boxes whose places count from x and y, with arrows between those that follow each other.
func drawAll(c *canvas, boxes []*box, x, y int, loose bool) {
	for i, b := range boxes {
		if i > 0 && !loose {
			c.arrow(x+b.x+b.w/2, y+b.y-apart, y+b.y)
		}
		b.draw(c, x+b.x, y+b.y)
	}
}

func (b *box) draw(c *canvas, x, y int) {
	if len(b.inner) > 0 {
		c.rect(x, y, b.w, b.h, "group")
	} else {
		c.rect(x, y, b.w, b.h, "card")
		c.rect(x, y, 5, b.h, classOf(b.n.kind))
	}
	for i, l := range b.lines {
		c.text(x+inset, y+(i+1)*lineHigh+3, l.class, l.text)
	}
	drawAll(c, b.inner, x, y, b.loose)
}

// kindText says in words what the colour says.
func kindText(n *node) string {
	words := map[sops.Kind]string{
		sops.KindUses: "action", sops.KindAsk: "ask", sops.KindApprove: "approve", sops.KindRun: "run", sops.KindStart: "start",
		sops.KindWait: "wait", sops.KindParallel: "parallel", sops.KindEach: "each", sops.KindRepeat: "repeat",
	}
	return words[n.kind] + ": " + n.what
}

func legend(c *canvas, y int) int {
	x := margin
	for _, entry := range []struct{ class, text string }{
		{"action", "done by itself"}, {"person", "a person does or decides it"}, {"other", "waits, runs another procedure, or holds steps"}, {"undo", "↶ how it is put back"},
	} {
		c.rect(x, y-9, 10, 10, entry.class)
		c.text(x+16, y, "s", entry.text)
		x += 40 + breadth(entry.text)
	}
	return y
}

// mostSpoken is how long a picture's text gets.
const mostSpoken = 8000

// spoken is the flow in words.
func (f *flow) spoken() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Flow of the procedure. %s", strings.Join(f.facts, "; "))
	for i, p := range f.parts {
		fmt.Fprintf(&b, ". Part %d, %s", i+1, strings.Join(append([]string{p.title}, p.notes...), "; "))
		speak(&b, p.steps)
	}
	return cut(b.String(), mostSpoken)
}

func speak(b *strings.Builder, steps []node) {
	for i := range steps {
		n := &steps[i]
		fmt.Fprintf(b, ". %s: %s", n.title, strings.Join(append([]string{cmp.Or(n.what, string(n.kind))}, n.notes...), "; "))
		if n.undo != "" {
			fmt.Fprintf(b, "; undone by %s", n.undo)
		}
		speak(b, n.steps)
	}
}

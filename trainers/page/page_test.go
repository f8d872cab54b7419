package page_test

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"debut/trainers/page"
)

func written(t testing.TB, p *page.Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// balanced reads a page as XML: every element is closed, every attribute quoted.
func balanced(t testing.TB, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			at := int(d.InputOffset())
			t.Fatalf("%v behind %q", err, text[max(0, at-200):at])
		}
	}
}

// everything is a page with a text in every place that takes one.
func everything(text string, values []float64) *page.Page {
	lines := &page.Lines{Says: text, XLabel: text, YLabel: text, Series: []page.Series{{Name: text, X: values, Y: values}, {Name: text, X: []float64{0, 1}, Y: []float64{1, 2}}},
		Bands: []page.Band{{Name: text, X: values, Low: values, High: values}}, Marks: []page.Mark{{Name: text, X: 0.5}}}
	timed := *lines
	timed.Time = true
	return &page.Page{Title: text, Heading: text, Body: []page.Block{page.Heading(text),
		page.Text{{Text: text}, {Text: text, Style: page.Strong}, {Text: text, Style: page.Small}, {Text: text, Style: page.Code}, {Style: page.Break}},
		page.Notice{Severity: page.Severity(text), Of: text, Text: page.Plainly("%s", text)},
		&page.Table{Caption: text, Columns: []page.Column{{Name: text, Number: true}, {Name: text, Whole: true}},
			Rows: [][]page.Cell{append(page.Cells(text, text, text), page.Cell{Chart: page.Bars{Says: text, Counts: []int64{0, 3, -1}}, Below: page.Plainly("%s", text)})}},
		page.Figures{{Caption: text, Chart: lines, Notes: page.Plainly("%s", text)}, {Caption: text, Chart: &timed}, {Caption: text}},
		page.Folded{Summary: text, Body: []page.Block{page.Heading(text)}},
	}}
}

func TestTextsStayTexts(t *testing.T) {
	for _, text := range []string{"plain", "<script>alert(1)</script>", `" onload="x`, "'><img src=x>", "</style>", "a&amp;b", "\x00\x1b[31m\u202e", "\xff", "日本 🧵", ""} {
		out := written(t, everything(text, []float64{1, 2, 3}))
		balanced(t, out)
		for _, raw := range []string{"<script", "<img", `" onload="`, "\x00", "\x1b", "\u202e", "http"} {
			if strings.Contains(out, raw) {
				t.Errorf("of %q the page has %q", text, raw)
			}
		}
		if text == "<script>alert(1)</script>" && !strings.Contains(out, "&lt;script&gt;alert(1)&lt;/script&gt;") {
			t.Error("the text is gone")
		}
	}
}

func TestChartsOfAnyNumbers(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, values := range [][]float64{nil, {}, {nan}, {inf, -inf}, {0}, {0, 0}, {5, 5, 5}, {1, nan, 3, nan}, {-1e308, 1e308}, {5e-324, 0}, {1e18, 1e18 + 4096}, {1.7e15, 1.8e15}, {-3, 1e6}} {
		out := written(t, everything("t", values))
		balanced(t, out)
		if strings.Contains(out, "NaN") || strings.Contains(out, "Inf") {
			t.Errorf("of %v the page has no number for a place", values)
		}
	}
	empty := written(t, &page.Page{Title: "t", Body: []page.Block{page.Figures{{Caption: "c", Chart: &page.Lines{Says: "s", Series: []page.Series{{Name: "a", X: []float64{nan}, Y: []float64{nan}}}}}}}})
	if !strings.Contains(empty, "nothing to draw") {
		t.Error(empty)
	}
}

// A line goes where its values are: the scale is linear, upwards, and breaks at a value that is none.
func TestLinesAreWhereTheirValuesAre(t *testing.T) {
	out := written(t, &page.Page{Title: "t", Body: []page.Block{page.Figures{{Caption: "c", Chart: &page.Lines{Says: "s",
		Series: []page.Series{{Name: "a", X: []float64{0, 1, 2, 3, 4}, Y: []float64{0, 100, 50, math.NaN(), 100}}}}}}}})
	// The plot is 418 wide from 52, and 192 high from 14; 0 is below.
	if want := `d="M52.0 206.0h0L156.5 14.0L261.0 110.0M470.0 14.0h0"`; !strings.Contains(out, want) {
		t.Errorf("%s is not in %s", want, out)
	}
	for _, tick := range []string{">0<", ">20<", ">100<", ">4<"} {
		if !strings.Contains(out, tick) {
			t.Errorf("there is no mark %s", tick)
		}
	}
}

func TestTimes(t *testing.T) {
	at := func(values ...float64) string {
		return written(t, &page.Page{Title: "t", Body: []page.Block{page.Figures{{Caption: "c", Chart: &page.Lines{Says: "s", Time: true,
			Series: []page.Series{{Name: "a", X: values, Y: make([]float64, len(values))}}}}}}})
	}
	const day = 86400e6
	for _, c := range []struct {
		span float64
		want []string
	}{{day * 3000, []string{">1972<", ">1978<"}}, {day * 400, []string{">1970-01<", ">1970-04<", ">1971-01<"}}, {day * 10, []string{">01-01<", ">01-03<", ">01-11<"}}, {day / 2, []string{">00:00<", ">03:00<", ">12:00<"}}} {
		out := at(0, c.span)
		for _, w := range c.want {
			if !strings.Contains(out, w) {
				t.Errorf("over %v days there is no mark %s: %s", c.span/day, w, out[strings.Index(out, "<svg"):])
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.0001236: "0.0001236", 12.3456: "12.35", -999.97: "−1,000", 1234.56: "1,235", 4764123: "4,764,000", -1e9: "−1,000,000,000", 1e20: "1e+20", math.Inf(1): "+Inf"} {
		if got := page.Number(x); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
	if page.Number(math.NaN()) != "" || page.Signed(2) != "+2" || page.Signed(-2) != "−2" || page.Signed(0) != "0" {
		t.Error("no number, or signs")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestErrorOfTheWriter(t *testing.T) {
	if err := everything("t", nil).Write(full{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
}

func FuzzPage(f *testing.F) {
	f.Add("a<b", 1.0, 2.0)
	f.Add("\"'", -1e300, 1e-300)
	f.Fuzz(func(t *testing.T, text string, a, b float64) {
		out := written(t, everything(text, []float64{a, b, a + b}))
		balanced(t, out)
	})
}

package modelfile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"debut/trainers/supply/lp/problem"
)

const example = `* a comment
NAME          TESTPROB  a further word
OBJSENSE
    MAX
ROWS
 N  COST
 L  LIM1
 G  LIM2
 E  MYEQN
 E  OTHER
 N  FREEROW
COLUMNS
    XONE      COST                 1   LIM1                 1
    XONE      LIM2                 1
    MARKER                 'MARKER'                 'INTORG'
    YTWO      COST                 2   LIM1                 1
    YTWO      MYEQN               -1   FREEROW              4
    MARKER                 'MARKER'                 'INTEND'
    ZTHREE    COST                -1   MYEQN                1
    ZTHREE    OTHER            2.5D0
RHS
    RHS       LIM1                 4   LIM2                 1
    RHS       MYEQN                7   COST              -7.5
    RHS       OTHER                3
RANGES
    RNG       LIM1               2.5   LIM2                 4
    RNG       MYEQN               -3   OTHER                2
BOUNDS
 UP BND       XONE                 4
 LO BND       YTWO                -1
 UP BND       YTWO                 1
 MI BND       ZTHREE
ENDATA
what follows is not read
`

func read(t *testing.T, name, text string) *File {
	t.Helper()
	f, err := Read(strings.NewReader(text), name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMPS(t *testing.T) {
	p := read(t, "example.mps", example).Problem
	inf := math.Inf(1)
	want := &problem.Problem{
		Name: "TESTPROB", Objective: "COST", Maximize: true, Offset: 7.5,
		Matrix: problem.Matrix{Rows: 5, Columns: 3, Start: []int{0, 2, 5, 7}, Index: []int32{0, 1, 0, 2, 4, 2, 3}, Value: []float64{1, 1, 1, -1, 4, 1, 2.5}},
		Cost:   []float64{1, 2, -1}, Lower: []float64{0, -1, -inf}, Upper: []float64{4, 1, inf}, Integer: []bool{false, true, false},
		RowLower: []float64{1.5, 1, 4, 3, -inf}, RowUpper: []float64{4, 5, 7, 5, inf},
		ColumnNames: []string{"XONE", "YTWO", "ZTHREE"}, RowNames: []string{"LIM1", "LIM2", "MYEQN", "OTHER", "FREEROW"},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("%+v\nnot\n%+v", p, want)
	}
}

// TestFixedForm reads names with blanks, which only columns of characters tell apart.
func TestFixedForm(t *testing.T) {
	text := "NAME          BLANKS\nROWS\n N  THE COST\n L  ROW ONE\nCOLUMNS\n" +
		"    COL ONE   THE COST             1   ROW ONE              2\n    COL TWO   ROW ONE              1\n" +
		"RHS\n    RHS       ROW ONE              4\nBOUNDS\n UP BND       COL ONE              3\nENDATA\n"
	p := read(t, "blanks.mps", text).Problem
	if p.ColumnName(0) != "COL ONE" || p.RowName(0) != "ROW ONE" || p.Upper[0] != 3 || p.RowUpper[0] != 4 || p.Nonzeros() != 2 {
		t.Errorf("%+v", p)
	}
}

// TestBoundsOfMPS has each kind, and what is to be guessed where a line is short.
func TestBoundsOfMPS(t *testing.T) {
	inf := math.Inf(1)
	for line, want := range map[string][3]float64{
		"UP B X -2": {-inf, -2}, "UP B X 0": {0, 0}, "UP X 3": {0, 3}, "LO X 3": {3, inf}, "FX B X 2": {2, 2}, "FR B X": {-inf, inf}, "FR X": {-inf, inf},
		"MI X": {-inf, inf}, "PL B X": {0, inf}, "BV B X": {0, 1, 1}, "BV X": {0, 1, 1}, "LI B X 2": {2, inf, 1}, "UI B X 5": {0, 5, 1}, "UP B X 1e30": {0, inf},
		"LO B X -1e30": {-inf, inf}, "FR B X 0": {-inf, inf}, "LO B X -5\n UP B X -2": {-5, -2},
	} {
		text := "NAME\nROWS\n N C\nCOLUMNS\n X C 1\nBOUNDS\n " + line + "\nENDATA\n"
		f := read(t, "b.mps", text)
		p := f.Problem
		if p.Lower[0] != want[0] || p.Upper[0] != want[1] || p.IsInteger(0) != (want[2] == 1) {
			t.Errorf("%s: %v ≤ x ≤ %v, integer %v", line, p.Lower[0], p.Upper[0], p.IsInteger(0))
		}
		if line == "UP B X -2" && len(f.Notes) != 1 {
			t.Errorf("%s: notes %q", line, f.Notes)
		}
	}
}

// TestBadMPS has errors with the place and a remedy.
func TestBadMPS(t *testing.T) {
	head := "NAME X\nROWS\n N COST\n L ROW\n"
	body := "COLUMNS\n A COST 1 ROW 1\n"
	for _, c := range []struct{ text, want string }{
		{"", "the file ends after line 0 without ENDATA"},
		{head + body, "the file ends after line 6 without ENDATA; it may have been cut off"},
		{"NAME\nROWS\n N COST\nENDATA\n", "there is no section COLUMNS"},
		{"NAME\nENDATA\n", "there is no section ROWS"},
		{"NAME\nCOLUMNS\nENDATA\n", ":2: COLUMNS before ROWS"},
		{head + "RHS\n", ":5: RHS before COLUMNS"},
		{head + body + "RANGES\n R ROW 1\nRHS\nENDATA\n", "RHS after RANGES"},
		{head + " L ROW\n" + body + "ENDATA\n", `:5: row "ROW" for the second time`},
		{head + " Q OTHER\n" + body + "ENDATA\n", `kinds are N, L, G and E`},
		{head + body + " A ROW 2\nENDATA\n", `column "A" has row "ROW" twice; add the two coefficients up`},
		{head + body + " B ROW 2\n A ROW 3\nENDATA\n", `column "A" for the second time`},
		{head + "COLUMNS\n A ROW nan\nENDATA\n", `"nan" is no finite number`},
		{head + "COLUMNS\n A ROW 1e999\nENDATA\n", `no finite number`},
		{head + "COLUMNS\n A NOROW 1\nENDATA\n", `there is no row "NOROW"`},
		{head + body + "BOUNDS\n UP BND A -1\n LO BND A 3\nENDATA\n", "the lower bound 3 is above the upper bound -1"},
		{head + body + "BOUNDS\n UP BND A nan\nENDATA\n", `"nan" is no number`},
		{head + body + "BOUNDS\n UP BND A\nENDATA\n", "without a number"},
		{head + body + "BOUNDS\n UP BND B 3\nENDATA\n", `there is no column "B"`},
		{head + body + "BOUNDS\n SC BND A 3\nENDATA\n", "semi-continuous"},
		{head + body + "QUADOBJ\n A A 1\nENDATA\n", "only linear objectives"},
		{head + body + "WHATEVER\nENDATA\n", "is no section of MPS"},
		{head + body + "RANGES\n R COST 2\nENDATA\n", "it has no side"},
		{head + body + "COLUMNS\nENDATA\n", "section COLUMNS for the second time; the first is at line 5"},
		{" A 1\n", "data outside of a section"},
		{"NAME\n" + strings.Repeat("x", 2<<20), "longer than 1 MiB"},
	} {
		_, err := Read(strings.NewReader(c.text), "bad.mps", Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "bad.mps:") {
			t.Errorf("%.60q: %v, not %q", c.text, err, c.want)
		}
	}
}

// TestGzip reads packed files and tells of one that is cut off.
func TestGzip(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(example)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if f, err := Read(bytes.NewReader(b.Bytes()), "x.mps.gz", Options{}); err != nil || f.Problem.Name != "TESTPROB" {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := Read(bytes.NewReader(b.Bytes()[:b.Len()/2]), "x.mps.gz", Options{}); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Error(err)
	}
}

// TestWideRow reads a row of a million columns.
func TestWideRow(t *testing.T) {
	var b strings.Builder
	b.WriteString("NAME\nROWS\n N COST\n L ROW\nCOLUMNS\n")
	for j := range 1000000 {
		fmt.Fprintf(&b, " C%d ROW 1 COST 2\n", j)
	}
	b.WriteString("RHS\n RHS ROW 5\nENDATA\n")
	p := read(t, "wide.mps", b.String()).Problem
	if p.Matrix.Columns != 1000000 || p.Nonzeros() != 1000000 {
		t.Errorf("%d columns, %d entries", p.Matrix.Columns, p.Nonzeros())
	}
}

const exampleLP = `\ a comment
Maximize
 profit: 3 x + 2y - 4 z + 10
Subject To
 c1: x + y + z <= 10
 c2: -2 <= x - y <= 8
 x + 3 z >= -5 \ unnamed
 c4: 2 x + 1.5e0 y = 7
Bounds
 -3 <= x <= 4
 y <= 5
 z free
 w >= 2
General
 x
Binary
 b
End
`

func TestLP(t *testing.T) {
	text := strings.Replace(strings.Replace(exampleLP, "4 z + 10", "4 z + 0 w + 0 b + 10", 1), "x + y + z", "x + y + z + w - w", 1)
	p := read(t, "example.lp", text).Problem
	inf := math.Inf(1)
	if !p.Maximize || p.Offset != 10 || !reflect.DeepEqual(p.Cost, []float64{3, 2, -4, 0, 0}) {
		t.Errorf("objective %v + %v", p.Cost, p.Offset)
	}
	if !reflect.DeepEqual(p.RowLower, []float64{-inf, -2, -5, 7}) || !reflect.DeepEqual(p.RowUpper, []float64{10, 8, inf, 7}) {
		t.Errorf("rows %v %v", p.RowLower, p.RowUpper)
	}
	if !reflect.DeepEqual(p.Lower, []float64{-3, 0, -inf, 2, 0}) || !reflect.DeepEqual(p.Upper, []float64{4, 5, inf, inf, 1}) {
		t.Errorf("bounds %v %v", p.Lower, p.Upper)
	}
	if !reflect.DeepEqual(p.Integer, []bool{true, false, false, false, true}) || p.RowName(2) != "R3" {
		t.Errorf("integer %v, %s", p.Integer, p.RowName(2))
	}
}

func TestBadLP(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "the file ends without End"},
		{"x + y\nEnd\n", "the first section is Minimize or Maximize"},
		{"Minimize\n x\nSubject To\n c: x <= 1\n", "ends without End"},
		{"Minimize\n x\nSubject To\n c: x + y\nEnd\n", "no relation"},
		{"Minimize\n x\nSubject To\n c: x <= 1\n c: x >= 0\nEnd\n", `row "c" for the second time`},
		{"Minimize\n x\nSubject To\n c: x <= \nEnd\n", "where a number is to be"},
		{"Minimize\n [ x ^ 2 ]\nEnd\n", "quadratic"},
		{"Minimize\n x\nBounds\n q <= 3\nEnd\n", `a bound of "q"`},
		{"Minimize\n x\nBounds\n 4 <= x <= 3\nEnd\n", "the lower bound 4 is above the upper bound 3"},
		{"Minimize\n x\nGeneral\n q\nEnd\n", `"q" is to be whole`},
		{"Subject To\n x <= 1\nEnd\n", "no objective"},
		{"Minimize\n 1e999 x\nEnd\n", "not finite"},
		{"Minimize\n x \x01\nEnd\n", "has no meaning"},
	} {
		_, err := Read(strings.NewReader(c.text), "bad.lp", Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "bad.lp:") {
			t.Errorf("%.60q: %v, not %q", c.text, err, c.want)
		}
	}
}

// TestWritten reads again what is written, in all forms.
func TestWritten(t *testing.T) {
	for _, name := range []string{"p.mps", "p.mps.gz", "p.lp", "p.lp.gz"} {
		for from, text := range map[string]string{"e.mps": example, "e.lp": exampleLP} {
			if from == "e.lp" {
				text = strings.Replace(strings.Replace(text, " w >= 2\n", "", 1), "Binary\n b\n", "", 1)
			}
			want := read(t, from, text).Problem
			path := filepath.Join(t.TempDir(), name)
			if err := Write(path, want); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			same(t, f.Problem, want)
		}
	}
}

// same compares all but names.
func same(t *testing.T, got, want *problem.Problem) {
	t.Helper()
	g, w := *got, *want
	for _, p := range []*problem.Problem{&g, &w} {
		p.Name, p.Objective, p.ColumnNames, p.RowNames = "", "", nil, nil
		rows := p.Matrix.Transposed() // twice transposed, rows are in order
		p.Matrix = rows.Transposed()
		p.Cost, p.Lower, p.Upper = append([]float64{}, p.Cost...), append([]float64{}, p.Lower...), append([]float64{}, p.Upper...)
		p.RowLower, p.RowUpper = append([]float64{}, p.RowLower...), append([]float64{}, p.RowUpper...)
		for k := range p.Cost {
			p.Cost[k] += 0 // no negative zero
			p.Lower[k] += 0
			p.Upper[k] += 0
		}
		for k := range p.RowLower {
			p.RowLower[k] += 0
			p.RowUpper[k] += 0
		}
		// Rows of a range are written by the difference of their sides.
		for k := range p.RowLower {
			if l, u := p.RowLower[k], p.RowUpper[k]; l != u && !math.IsInf(l, 0) && !math.IsInf(u, 0) {
				p.RowLower[k] = u - (u - l)
			}
		}
	}
	if !reflect.DeepEqual(g, w) {
		if len(g.Cost) > 20 {
			t.Errorf("%s is read otherwise than it was written", want.Name)
			return
		}
		t.Errorf("%+v\nnot\n%+v", g, w)
	}
}

// TestNetlibIsWritten reads all problems, writes them in both forms and reads them again.
func TestNetlibIsWritten(t *testing.T) {
	dir := os.Getenv("DEBUT_DATA")
	if dir == "" {
		t.Skip("the problems are looked for in DEBUT_DATA, which is not set")
	}
	for _, name := range []string{"lp/afiro", "lp/boeing2", "lp/forplan", "lp/capri", "lp/etamacro", "mip/gt2", "mip/flugpl", "mip/dcmulti"} {
		f, err := Open(filepath.Join(dir, name+".mps.gz"), Options{})
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{"x.mps", "x.lp"} {
			var b bytes.Buffer
			write := WriteMPS
			if form == "x.lp" {
				write = WriteLP
			}
			if err := write(&b, f.Problem); err != nil {
				t.Fatal(err)
			}
			same(t, read(t, form, b.String()).Problem, f.Problem)
		}
	}
}

func fuzz(f *testing.F, name string, write func(*bytes.Buffer, *problem.Problem) error) {
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read(bytes.NewReader(data), name, Options{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), name+":") {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		p := file.Problem
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := write(&b, p); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&b, name, Options{})
		if err != nil {
			t.Fatalf("%v\n%q", err, b.String())
		}
		m, n := p.Size()
		if k, l := again.Problem.Size(); k != m || l != n {
			t.Fatalf("%d × %d, not %d × %d", k, l, m, n)
		}
	})
}

func FuzzMPS(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("NAME\nROWS\n N C\nCOLUMNS\n X C 1\nBOUNDS\n UP B X -2\nENDATA\n"))
	f.Add([]byte("NAME          B\nROWS\n N  THE COST\n L  ROW ONE\nCOLUMNS\n    COL ONE   THE COST             1   ROW ONE              2\nENDATA\n"))
	fuzz(f, "fuzz.mps", func(b *bytes.Buffer, p *problem.Problem) error { return WriteMPS(b, p) })
}

func FuzzLP(f *testing.F) {
	f.Add([]byte(exampleLP))
	f.Add([]byte("min\n x\nst\n 3 <= x + y <= 5\nbounds\n -inf <= x <= inf\nint\n x\nend\n"))
	fuzz(f, "fuzz.lp", func(b *bytes.Buffer, p *problem.Problem) error { return WriteLP(b, p) })
}

package table

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// plan is what columns of texts are read as, by their indexes. Columns that it does not have are read as their types
// in the file say.
type plan struct {
	readings map[int]Reading
	tallies  map[int]*tally // of all values; nil where guessed
	// guessed plans follow from the first rows: what is read has to be verified.
	guessed bool
	// native columns are converted by DuckDB while it reads, where that comes out the same.
	native bool
	// typed columns of numbers are converted in reading the file, which is the fastest, and does not see how they are
	// written: where that is not known to be plain, the file is searched at the same time.
	typed map[int]bool
	// faults gathers errors about values of columns by their indexes, so that they do not end the reading; nil where
	// the first is to.
	faults map[int]*ValueError
}

// typeNumbers makes the plain numbers of a plan typed columns.
func (r *relation) typeNumbers(p *plan, s *selection) {
	if !p.native || r.raw != nil { // where DuckDB converts columns of the files otherwise already
		return
	}
	p.typed = map[int]bool{}
	for _, i := range s.reading {
		if reading, ok := p.readings[i]; ok && reading.plain() && !reading.odd && !isTexts(s.types[i]) {
			p.typed[i] = true
		}
	}
}

// from is the FROM item for a plan.
func (r *relation) from(p *plan) string {
	if len(p.typed) == 0 {
		return r.sql
	}
	return r.origin.dialect.readTyped(r.origin.files, r.nullTexts, p.typed)
}

// search begins to look for numbers of typed columns that are not plain; nil where that is known.
func (r *relation) search(ctx context.Context, p *plan, s *selection) *scanning {
	if len(p.typed) == 0 || p.tallies != nil && !p.guessed {
		return nil
	}
	wanted, codes := make([]bool, len(r.columns)), make([]bool, len(r.columns))
	for i := range p.typed {
		wanted[i], codes[i] = true, s.types[i] == TypeAuto
	}
	return r.origin.dialect.background(ctx, r.origin.files, wanted, codes)
}

// errGuess is a column that is not what its first values are.
var errGuess = errors.New("table: a column is not what its first values are")

// open lists the columns of texts whose readings are to be found out.
func (r *relation) open(s *selection) []int {
	var out []int
	for _, i := range s.reading {
		if r.undecided(i, s.types[i]) {
			out = append(out, i)
		}
	}
	return out
}

// undecided reports whether what column i is hangs on its values.
func (r *relation) undecided(i int, declared string) bool {
	if !r.byText(i, declared) || r.inference(i) <= inferMistake && declared == TypeAuto {
		return false
	}
	switch declared {
	case TypeAuto:
		return true
	case TypeNumeric:
		return !r.learnedNumbers(i)
	case TypeBoolean:
		return !r.options.Learned
	case TypeDate:
		return !r.options.Learned || r.layoutOf(i) == notation.Layout{}
	}
	return false
}

// learnedNumbers reports whether a model has learned how the numbers of column i are written, and the source declares
// nothing else.
func (r *relation) learnedNumbers(i int) bool {
	return r.options.Learned && r.style == (notation.Style{}) && kindOfDeclared(r.types[r.names[i]]) != TypeNumeric
}

// layoutOf returns the layout that the dates of column i are known to have.
func (r *relation) layoutOf(i int) notation.Layout { return r.layouts[r.names[i]] }

// known are the readings of columns of texts that follow from what is declared.
func (r *relation) known(s *selection) *plan {
	p := &plan{readings: map[int]Reading{}, native: r.untyped && !r.origin.query}
	for _, i := range s.reading {
		if !r.byText(i, s.types[i]) || r.undecided(i, s.types[i]) {
			continue
		}
		switch s.types[i] {
		case TypeNumeric:
			p.readings[i] = Reading{Type: TypeNumeric, Style: r.options.Styles[r.names[i]]} // plain where there is none
		case TypeBoolean:
			p.readings[i] = Reading{Type: TypeBoolean}
		case TypeDate:
			p.readings[i] = Reading{Type: TypeDate, Layout: r.layoutOf(i)}
		default:
			p.readings[i] = Reading{Type: TypeCategorical}
		}
	}
	return p
}

// guess makes a plan from the first rows. A table of no more rows is known then. What is told of amounts is told of all.
func (r *relation) guess(ctx context.Context, db *duck.DB, s *selection) (*plan, error) {
	p := r.known(s)
	found, err := r.survey(ctx, db, r.open(s), s.types, typeSample)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return r.settle(ctx, db, s) // reading all of it will say what is wrong
	}
	for i, f := range found {
		if _, _, _, either := f.tally.dates.Best(); f.fault.kind != noFault || f.Type == TypeDate && either || f.tally.perhapsArticles() || f.Style.Amount {
			return r.settle(ctx, db, s)
		}
		p.readings[i] = f.Reading
		p.guessed = true
	}
	return p, nil
}

// settle makes a plan from all rows. A column that cannot be read is an error.
func (r *relation) settle(ctx context.Context, db *duck.DB, s *selection) (*plan, error) {
	p := r.known(s)
	p.tallies = map[int]*tally{}
	open := r.open(s)
	found, err := r.survey(ctx, db, open, s.types, 0)
	if err != nil {
		return nil, r.unreadable(ctx, err)
	}
	faults, err := r.faults(ctx, db, found)
	if err == nil && len(faults) > 0 {
		err = r.misfits(ctx, db, s, p, faults)
	}
	if err != nil {
		return nil, err
	}
	if err := r.firstFault(faults); err != nil {
		return nil, err
	}
	for _, i := range open {
		f := found[i]
		p.readings[i], p.tallies[i] = f.Reading, f.tally
	}
	return p, nil
}

// misfits adds the errors about the columns whose readings are known to others.
func (r *relation) misfits(ctx context.Context, db *duck.DB, s *selection, p *plan, faults map[int]*ValueError) error {
	var searches []*search
	explain := map[int]func(*search) error{}
	of := texts{null: r.null}
	for _, i := range s.reading {
		if faults[i] != nil {
			continue
		}
		reading, known := p.readings[i]
		look := &search{column: i, most: 1, all: true}
		switch {
		case known && reading.Type != TypeCategorical && r.byText(i, s.types[i]):
			look.matches = func(raw string) bool {
				text := of.value(raw)
				return text != "" && !reading.fits(text)
			}
			explain[i] = func(found *search) error {
				first := found.found[0]
				return r.explainMisfit(i, reading, false)(r.origin, &misfits{count: found.seen, first: of.value(first.Text), row: first.Row})
			}
		case isFloating(r.columns[i].Type) && !r.byText(i, s.types[i]):
			look, explain[i] = r.searchInfinite(i)
		default:
			continue
		}
		searches = append(searches, look)
	}
	return r.explained(ctx, db, searches, explain, faults)
}

// searchInfinite looks for numbers of column i that are not finite; explain makes the error about those found.
func (r *relation) searchInfinite(i int) (look *search, explain func(*search) error) {
	wrong := notFinite{missing: infiniteOf(r.null)}
	look = &search{column: i, most: 1, all: true, matches: func(raw string) bool {
		v, err := strconv.ParseFloat(raw, 64)
		if err != nil || v-v == 0 {
			return false
		}
		count := wrong.count
		wrong.add(v, 0)
		return wrong.count > count
	}}
	return look, func(found *search) error {
		wrong.row = found.found[0].Row
		return wrong.err(r.names[i], r.origin)
	}
}

// explained adds the errors about what searches find to those about columns.
func (r *relation) explained(ctx context.Context, db *duck.DB, searches []*search, explain map[int]func(*search) error, faults map[int]*ValueError) error {
	if err := r.locate(ctx, db, searches); err != nil {
		return err
	}
	for _, found := range searches {
		var fault *ValueError
		if len(found.found) > 0 && errors.As(explain[found.column](found), &fault) {
			faults[found.column] = fault
		}
	}
	return ctx.Err()
}

// numberSQL is a column of texts as a number, an error where a text is none, or one that DuckDB reads otherwise.
func (r *relation) numberSQL(db *duck.DB, column, typ string, zeros bool) (string, error) {
	strange, name := strangeDecimal, "decimal"
	if typ == "BIGINT" {
		strange, name = strangeWhole, "whole"
	}
	if !zeros {
		name += "_code"
		inner := strange
		strange = func(text string) bool { return inner(text) || text[0] <= '0' && notation.LeadingZero(text) }
	}
	name = duck.Reserved + "strange_" + name
	if !db.Defines(name) {
		if err := duck.Define(db, name, func(text string) (bool, bool) { return text == "" || strange(text), true }); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("CASE WHEN %s(%s) THEN error('not a number') ELSE CAST(%[2]s AS %s) END", name, column, typ), nil
}

// strangeDecimal reports a text that DuckDB does not read as Number does, such as 1_000, nan, +-1 and 1e400.
func strangeDecimal(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c == '.', c == '-' && i == 0:
		default:
			_, ok := notation.Number(text)
			return !ok
		}
	}
	return false
}

// strangeWhole reports a text that is not written in digits alone: DuckDB reads 1.5 as 2.
func strangeWhole(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (i > 0 || c != '-') {
			return true
		}
	}
	return false
}

// textual returns the reader of column i, which holds texts, and the SQL for it.
func (r *relation) textual(db *duck.DB, i int, declared string, p *plan) (columnReader, string, error) {
	reading, name, sql := p.readings[i], r.names[i], r.textSQL(i)
	if isTexts(declared) {
		return newTextReader(name, r.null), sql, nil
	}
	explain := r.explainMisfit(i, reading, p.guessed)
	switch reading.Type {
	case TypeNumeric:
		if p.typed[i] {
			return &convertedReader{series: &Series{Name: name, Kind: Numeric}, exact: declared == TypeAuto}, duck.Name(r.columns[i].Name), nil
		}
		if p.native && reading.plain() && !reading.odd {
			sql, err := r.numberSQL(db, sql, "DOUBLE", declared != TypeAuto)
			return &convertedReader{series: &Series{Name: name, Kind: Numeric}, exact: declared == TypeAuto}, sql, err
		}
		reader := newNumberText(name, r.null, reading.Style)
		reader.explain = explain
		return reader, sql, nil
	case TypeBoolean:
		reader := newBooleanText(name, r.null, declared == TypeAuto)
		reader.explain = explain
		return reader, sql, nil
	case TypeDate:
		layout := reading.Layout.Go()
		if _, declared := notation.NamedLayout(r.types[name]); declared && r.options.Learned {
			layout = "" // it is not that of the training data for a good reason
		}
		reader := newDateText(name, r.null, reading.Layout)
		reader.explain, reader.series.Layout = explain, layout
		return reader, sql, nil
	}
	return newTextReader(name, r.null), sql, nil
}

// explainMisfit makes the error about values of column i that are not what it is read as.
func (r *relation) explainMisfit(i int, reading Reading, guessed bool) func(*origin, *misfits) error {
	return func(_ *origin, m *misfits) error {
		if guessed {
			return errGuess
		}
		name := r.names[i]
		e := &ValueError{Column: name, Place: r.placeOf(name, Located{m.first, m.row}), Value: m.first, row: m.row + 1, wording: r.wording(), Remedies: appliedRemedies(name, m.first, reading.Type)}
		if !r.options.Applied {
			e.Remedies = []Remedy{set(SetNull, m.first).when("if it stands for a missing value"), ManualRemedy("correct it"), DeclareType(name, TypeCategorical).when("to have categories")}
		}
		switch reading.Type {
		case TypeNumeric:
			e.Problem = numberProblem(m.first, reading.Style)
			if m.count > 1 {
				e.Problem += fmt.Sprintf(" (nor are %d other values of the column)", m.count-1)
			}
			if f, ok := otherStyle(m.first); ok && reading.plain() {
				e.Problem = "is a number " + f.styles()
				e.Remedies = []Remedy{f.styleRemedy(name, f.style, m.first)}
				if f.either {
					e.Remedies = append(e.Remedies, f.styleRemedy(name, f.other, m.first))
				}
				e.Remedies = append(e.Remedies, ManualRemedy("correct it in the file"))
			}
		case TypeBoolean:
			e.Problem = "is neither true nor false"
		case TypeDate:
			e.Problem = "is not a date written " + reading.Layout.Name()
			if r.options.Learned {
				e.Problem += " like those the model was trained on"
			}
		}
		return e
	}
}

// otherStyle is the fault of a number that is none in plain notation.
func otherStyle(text string) (fault, bool) {
	var t notation.NumberTally
	t.Add(text, 1)
	style, fits, other, either := t.Best()
	return fault{kind: otherNumbers, style: style, other: other, either: either}, fits > 0 && !style.Amount
}

// verify decides from what has been read as text whether it is text: as its first values were, or as the type of
// the file says.
func (r *relation) verify(ctx context.Context, db *duck.DB, i int, declared string, reader columnReader, p *plan) error {
	var t *textReader
	switch reader := reader.(type) {
	case *textReader:
		t = reader
	case *jsonReader:
		t = reader.textReader
	}
	if t == nil || declared != TypeAuto || r.options.Learned || p.tallies[i] != nil {
		return nil
	}
	s := &settled{tally: t.tally()}
	s.Reading, s.fault = s.tally.decide(TypeAuto, r.rulesOf(i))
	switch {
	case p.guessed && (s.fault.kind != noFault || s.Type != TypeCategorical):
		return errGuess
	case s.fault.kind != noFault:
		faults, err := r.faults(ctx, db, map[int]*settled{i: s})
		if err != nil {
			return err
		}
		return faults[i]
	}
	if p.tallies == nil {
		p.tallies = map[int]*tally{}
	}
	p.tallies[i] = s.tally
	return nil
}

// revise makes another plan of one that did not hold.
func (r *relation) revise(ctx context.Context, db *duck.DB, s *selection, p *plan) (*plan, error) {
	if p.guessed {
		return r.settle(ctx, db, s)
	}
	if !p.native {
		return nil, fmt.Errorf("read %s: a column changed while it was read", r.origin.name()) // files do while they are written
	}
	again := *p
	again.native, again.typed = false, nil
	return &again, nil
}

// remark notes what a person should know about how a column was understood.
func (r *relation) remark(chosen *selection, p *plan, i int, s *Series) {
	if r.options.Learned {
		return
	}
	if s.told == nil {
		s.told = r.remarkOn(chosen.types[i], p, i, s)
	}
	if s.told != nil {
		s.Note = s.told.text(s.Name, r.wording())
	}
}

func (r *relation) remarkOn(declared string, p *plan, i int, s *Series) *Note {
	if declared == TypeText || declared == TypeList || !r.isText(i) && !r.columns[i].JSON && kindOf(r.columns[i].Type) == Text {
		return nil
	}
	t := p.tallies[i]
	if t == nil {
		t = new(tally)
	}
	reading, known := p.readings[i]
	if !known {
		reading = Reading{Type: TypeCategorical}
	}
	if note := r.noteOf(i, declared, t, reading); note != nil {
		return note
	}
	if s.Kind == Text && declared == TypeAuto && kindOf(r.columns[i].Type) == Numeric {
		return idsNote(s.Name)
	}
	return spellingNote(s)
}

// wording says in whose words remedies are.
func (r *relation) wording() Wording { return r.options.wording() }

func (o *ReadOptions) wording() Wording {
	if o.Applied {
		return CommandLine
	}
	return o.Words
}

// convertedReader takes a column that DuckDB has converted.
type convertedReader struct {
	series *Series
	exact  bool // a value must not lose digits
	wrong  bool // a value is not finite, or may have lost digits
}

func (g *convertedReader) read(c *duck.Chunk, column int) {
	if g.series.Kind == Numeric {
		values, mask := duck.Vector[float64](c, column)
		n := len(g.series.Floats)
		g.series.Floats = append(g.series.Floats, values...)
		out := g.series.Floats[n:]
		for i, v := range out {
			if !mask.Valid(i) {
				out[i] = math.NaN()
				continue
			}
			if v-v != 0 || g.exact && math.Abs(v) >= maxWhole {
				g.wrong = true
			}
			out[i] = v + 0 // a zero has no sign
		}
		return
	}
	values, mask := duck.Vector[int64](c, column)
	n := len(g.series.Micros)
	g.series.Micros = append(g.series.Micros, values...)
	if mask != nil {
		for i := range values {
			if !mask.Valid(i) {
				g.series.Micros[n+i] = MissingDate
			}
		}
	}
}

func (g *convertedReader) finish(*origin) (*Series, bool, error) {
	if g.wrong {
		return nil, false, errGuess
	}
	return g.series, false, nil
}

func (g *convertedReader) cut(*origin) *Series {
	s := g.series
	g.series = &Series{Name: s.Name, Kind: s.Kind, Layout: s.Layout, Floats: make([]float64, 0, len(s.Floats)), Micros: make([]int64, 0, len(s.Micros))}
	if g.wrong {
		return nil
	}
	return s
}

func (g *convertedReader) end(*origin) error { return nil }

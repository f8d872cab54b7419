package datasets

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/notation"
	"debut/datasets/table"
)

// randomRow is a row as texts, "" where missing.
type randomRow struct{ n, flag, day, city, title, vec, item, w, y string }

func (r *randomRow) fields() []string {
	return []string{r.n, r.flag, r.day, r.city, r.title, r.vec, r.item, r.w, r.y}
}

var randomColumns = []string{"n", "flag", "day", "city", "title", "vec", "item", "w", "y"}

func randomRows(r *rand.Rand, rows int) []randomRow {
	out := make([]randomRow, rows)
	for i := range out {
		out[i] = randomRow{fmt.Sprint(r.IntN(1000)), []string{"true", "false"}[r.IntN(2)], fmt.Sprintf("2026-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28)), fmt.Sprintf("c%d", r.IntN(9)),
			fmt.Sprintf("Red shoe %d", r.IntN(20)), fmt.Sprintf("[%d, %d.5]", r.IntN(5), r.IntN(5)), fmt.Sprint(r.IntN(40)), fmt.Sprint(1 + r.IntN(3)), []string{"no", "yes"}[r.IntN(2)]}
		for _, cell := range []*string{&out[i].n, &out[i].flag, &out[i].day, &out[i].city, &out[i].title, &out[i].vec, &out[i].item} {
			if r.IntN(15) == 0 {
				*cell = ""
			}
		}
	}
	return out
}

// mistakes are what may be wrong with a row.
var mistakes = []func(*randomRow){
	func(r *randomRow) { r.n = "n/a" },
	func(r *randomRow) { r.n = "1,5" },
	func(r *randomRow) { r.n = "1e300" },
	func(r *randomRow) { r.n = "inf" },
	func(r *randomRow) { r.flag = "maybe" },
	func(r *randomRow) { r.day = "2026/02/03" },
	func(r *randomRow) { r.day = "yesterday" },
	func(r *randomRow) { r.city = "unseen " + r.city },
	func(r *randomRow) { r.vec = "[1, 2, 3]" },
	func(r *randomRow) { r.vec = "[1e30, 2]" },
	func(r *randomRow) { r.vec = "[x]" },
	func(r *randomRow) { r.item = "41" },
	func(r *randomRow) { r.item = "77" },
	func(r *randomRow) { r.w = "-1" },
	func(r *randomRow) { r.w = "" },
	func(r *randomRow) { r.y = "" },
	func(r *randomRow) { r.y = "perhaps" },
}

// saved writes rows in a format.
func saved(t *testing.T, dir, format string, rows []randomRow) table.Source {
	t.Helper()
	var b strings.Builder
	if format == "csv" || format == "query" {
		b.WriteString(strings.Join(randomColumns, ";") + "\n")
		for i := range rows {
			b.WriteString(strings.Join(rows[i].fields(), ";") + "\n")
		}
		writeTo(t, dir, "rows.csv", b.String())
		if format == "query" {
			return table.Source{Path: configfile.Strings{"rows.csv"}, Query: "SELECT * FROM data"}
		}
		return table.Source{Path: configfile.Strings{"rows.csv"}}
	}
	for i := range rows {
		for k, f := range rows[i].fields() {
			switch _, number := notation.Number(f); {
			case f == "":
				f = "null"
			case randomColumns[k] == "flag" && (f == "true" || f == "false"), number, randomColumns[k] == "vec" && !strings.Contains(f, "x"):
			default:
				f = fmt.Sprintf("%q", f)
			}
			fmt.Fprintf(&b, "%c\"%s\": %s", ",{"[btoi(k == 0)], randomColumns[k], f)
		}
		b.WriteString("}\n")
	}
	writeTo(t, dir, "rows.jsonl", b.String())
	if format == "json" {
		return table.Source{Path: configfile.Strings{"rows.jsonl"}}
	}
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), "COPY (SELECT * FROM read_json("+duck.Literal(filepath.Join(dir, "rows.jsonl"))+", sample_size = -1)) TO "+duck.Literal(filepath.Join(dir, "rows.parquet"))+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	return table.Source{Path: configfile.Strings{"rows.parquet"}}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// randomEncoder is trained on clean rows, with vectors in the rows and, under the
// name image, in a matrix of 40 rows and two that hold none.
func randomEncoder(t *testing.T, dir, format string, weight bool) *encoding.Encoder {
	t.Helper()
	values := make([]float32, 42*3)
	for i := range values {
		values[i] = float32(i % 17)
	}
	values[3*41] = float32(nan())
	matrix(t, dir, "image.npy", 3, values)
	src := saved(t, dir, format, randomRows(rand.New(rand.NewPCG(1, 2)), 300))
	src.Vectors = map[string]table.VectorFile{"image": {Path: "image.npy", On: "item"}}
	cfg := Config{Source: src, Target: "y", ID: configfile.Strings{"item", "city"}[:1], Split: Split{Method: SplitNone},
		Columns: map[string]encoding.Column{"vec": {Type: table.TypeVector, Transform: configfile.Strings{encoding.TransformStandardize}}, "title": {Type: table.TypeText, Dimensions: 8}, "flag": {Type: table.TypeBoolean}, "n": {Type: table.TypeNumeric, MissingIndicator: new(true)}}}
	if weight {
		cfg.Weight = "w"
	} else {
		cfg.Ignore = configfile.Strings{"w"}
	}
	d, err := Load(t.Context(), &cfg, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Encoder
}

func nan() float64 { var zero float64; return zero / zero }

// inBlocks reads a source in blocks, and keeps them to the end.
func inBlocks(ctx context.Context, e *encoding.Encoder, src table.Source, dir string, needTarget bool, most int) (*encoding.Encoded, encoding.EncodeReport, error) {
	var kept []encoding.Block
	joined := func(err error) (*encoding.Encoded, encoding.EncodeReport, error) {
		all := new(encoding.Encoded)
		var report encoding.EncodeReport
		for _, b := range kept {
			if b.Rows > most || b.Rows == 0 || b.First != all.Rows || b.Report.Rows != all.Rows+b.Rows {
				return all, report, fmt.Errorf("a block of %d rows from %d after %d, report of %d", b.Rows, b.First, all.Rows, b.Report.Rows)
			}
			if err := all.Append(b.Encoded); err != nil {
				return all, report, err
			}
			report = b.Report
		}
		return all, report, err
	}
	for b, err := range e.Blocks(ctx, src, dir, needTarget, encoding.Input{}, most) {
		if err != nil {
			return joined(err)
		}
		kept = append(kept, b)
	}
	return joined(nil)
}

// Blocks of any size hold what reading the whole source gives, with its report;
// what is wrong with it is told in the same words.
func TestBlocksAreTheWhole(t *testing.T) {
	for _, format := range []string{"csv", "json", "parquet", "query"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			encoders := []*encoding.Encoder{randomEncoder(t, dir, format, true), randomEncoder(t, dir, format, false)}
			r := rand.New(rand.NewPCG(7, uint64(len(format))))
			wrong := map[string]bool{}
			for round := range 26 {
				rows := randomRows(r, []int{1, 5, 40, 40, 2500}[r.IntN(5)])
				n := round % 4 // of mistakes
				for range n {
					mistakes[r.IntN(len(mistakes))](&rows[r.IntN(len(rows))])
				}
				if round%9 == 8 {
					for i := range rows {
						rows[i].w = "0"
					}
				}
				src := saved(t, dir, format, rows)
				src.Vectors = map[string]table.VectorFile{"image": {Path: "image.npy", On: "item"}}
				if round%13 == 12 {
					src.Vectors = nil
				}
				e, needTarget := encoders[round%2], r.IntN(3) > 0
				var want *encoding.Encoded
				var report encoding.EncodeReport
				f, wantErr := e.Read(t.Context(), src, dir, needTarget)
				if wantErr == nil {
					want, report, wantErr = e.Encode(t.Context(), f, needTarget)
				}
				sizes := []int{[]int{1, 7}[round/2%2], 1000}
				for _, most := range sizes {
					got, gotReport, err := inBlocks(t.Context(), e, src, dir, needTarget, most)
					switch {
					case wantErr != nil:
						wrong[wantErr.Error()] = true
						if err == nil || err.Error() != wantErr.Error() {
							t.Errorf("%d rows, blocks of %d:\n%v\nwant\n%v", len(rows), most, err, wantErr)
						}
					case err != nil:
						t.Errorf("%d rows, blocks of %d: %v", len(rows), most, err)
					case !reflect.DeepEqual(got, want):
						t.Errorf("%d rows, blocks of %d, differ:\n%+v\nwant\n%+v", len(rows), most, shortened(got), shortened(want))
					case !reflect.DeepEqual(gotReport, report):
						t.Errorf("%d rows, blocks of %d: report %+v\nwant %+v", len(rows), most, gotReport, report)
					}
				}
			}
			if len(wrong) < 6 {
				t.Errorf("only %d different mistakes were met", len(wrong))
			}
		})
	}
}

func shortened(e *encoding.Encoded) string {
	text := fmt.Sprintf("%+v", e)
	return text[:min(len(text), 1000)]
}

// The first values of a column of a CSV file look like numbers, and so do blocks
// that are handed out before one that does not.
func TestBlocksGuessWrong(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("n,c,y\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "%d,k%d,%d\n", i, i%5, i%2)
	}
	writeTo(t, dir, "train.csv", b.String())
	d, err := Load(t.Context(), &Config{Source: table.Source{Path: configfile.Strings{"train.csv"}}, Target: "y", Split: Split{Method: SplitNone}}, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A label is missing in a block that was read with the guess.
	lacks := strings.Replace(b.String(), "\n700,k0,0\n", "\n700,k0,\n", 1)
	for _, last := range []string{"+7", "oops"} {
		writeTo(t, dir, "rows.csv", lacks+last+",k1,\n5,k2,0\n")
		src := table.Source{Path: configfile.Strings{"rows.csv"}}
		f, wantErr := d.Encoder.Read(t.Context(), src, dir, true)
		if wantErr == nil {
			_, _, wantErr = d.Encoder.Encode(t.Context(), f, true)
		}
		got, _, err := inBlocks(t.Context(), d.Encoder, src, dir, true, 512)
		if err == nil || err.Error() != wantErr.Error() || got.Rows == 0 || got.Rows > 700 {
			t.Errorf("%q, after %d rows: %v\nwant %v", last, got.Rows, err, wantErr)
		}
	}
	for last, wrong := range map[string]bool{" 7 ": false, "+7": false, "oops": true, "nan": true} {
		writeTo(t, dir, "rows.csv", b.String()+last+",k1,1\n5,k2,0\n")
		src := table.Source{Path: configfile.Strings{"rows.csv"}}
		f, wantErr := d.Encoder.Read(t.Context(), src, dir, true)
		if (wantErr != nil) != wrong {
			t.Fatalf("%q: %v", last, wantErr)
		}
		got, _, err := inBlocks(t.Context(), d.Encoder, src, dir, true, 512)
		if wrong {
			if err == nil || err.Error() != wantErr.Error() {
				t.Errorf("%q: %v\nwant %v", last, err, wantErr)
			}
			continue
		}
		want, _, wantErr := d.Encoder.Encode(t.Context(), f, true)
		if err := errors.Join(err, wantErr); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %s\nwant %s", last, err, shortened(got), shortened(want))
		}
	}
}

func TestBlocksEnd(t *testing.T) {
	dir, sources := manyRows(t, 30_000)
	cfg := Config{Source: sources["rows.csv"], Target: "y", Ignore: configfile.Strings{"title"}, Split: Split{Method: SplitNone}}
	d, err := Load(t.Context(), &cfg, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := d.Encoder
	for name, src := range sources {
		n := 0
		for _, err := range e.Blocks(t.Context(), src, dir, true, encoding.Input{}, 1000) {
			if n++; err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if n == 3 {
				break
			}
		}
		for _, questions := range []int{1, 2, 4, 9, 15, 30} {
			if _, _, err := inBlocks(endsAfter(t, questions), e, src, dir, true, 4096); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "INTERRUPT") {
				t.Errorf("%s, ended after %d questions: %v", name, questions, err)
			}
		}
	}
	for _, missing := range []table.Source{{Path: configfile.Strings{"nowhere.csv"}}, {}, {Path: configfile.Strings{"rows.csv"}, Query: "SELECT nope FROM data"}, {Path: configfile.Strings{"rows.csv"}, Query: "SELECT * FROM data WHERE n < 0"}} {
		_, want := e.Read(t.Context(), missing, dir, true)
		if _, _, err := inBlocks(t.Context(), e, missing, dir, true, 10); err == nil || err.Error() != want.Error() {
			t.Errorf("%v: %v\nwant %v", missing, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ragged.csv"), []byte("n,day,city,title,y\n1,2026-01-01,a,b,1\n2,2026-01-01,a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, want := e.Read(t.Context(), table.Source{Path: configfile.Strings{"ragged.csv"}}, dir, true)
	if _, _, err := inBlocks(t.Context(), e, table.Source{Path: configfile.Strings{"ragged.csv"}}, dir, true, 10); err == nil || err.Error() != want.Error() {
		t.Errorf("%v\nwant %v", err, want)
	}
}

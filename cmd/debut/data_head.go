package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"debut/datasets/head"
	"debut/datasets/manifest"
	"debut/datasets/table"
	"debut/datasets/textformat"
	"debut/datasets/wording"
)

func (a *app) dataHead() *cobra.Command {
	var source sourceFlags
	var keys keyFlags
	opt := head.Options{Words: table.CommandLine}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "head FILE|FOLDER",
		Short: "Show the first rows of a table",
		Long: `Show the first rows of a table, with the types that a run gives its columns. FILE is CSV, TSV, Parquet, JSON or a matrix of NumPy,
or, with --format, libsvm, libfm, libffm, a log or adjacency lists; FOLDER is prepared data. Only the beginning of a file is read: its types
are a guess, for a run looks at all rows. On a terminal values and columns that do not fit are cut; --json has them all.`,
		Example: "  debut data head orders.csv.gz\n  debut data head prepared --part test -n 3",
		Args:    takes(1, 1, "one file, or a folder of prepared data"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if opt.Rows < 1 {
				return usagef("--rows %d: give a positive number", opt.Rows)
			}
			src, err := source.source(cmd.Flags(), args)
			if err != nil {
				return err
			}
			if opt.Keys, err = keys.read(); err != nil {
				return err
			}
			t, err := head.Read(cmd.Context(), src, "", opt)
			if errors.Is(err, head.ErrEncrypted) {
				return fmt.Errorf("%w; say where the key is, with --identity key.txt or --passphrase FILE", err)
			}
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			if asJSON {
				return a.console.printJSON(t)
			}
			return a.console.print(headText(t, a.console.width()))
		},
	}
	source.register(cmd)
	keys.register(a, cmd)
	flags := cmd.Flags()
	flags.Lookup("format").Usage = "format of FILE: auto (by extension), csv, parquet, json, npy, " + strings.Join(textformat.Formats, ", ")
	flags.Lookup("identity").Usage = "key of encrypted data: a file of age-keygen, or env:NAME for an environment variable"
	flags.Lookup("passphrase").Usage = "passphrase of encrypted data: a file, or env:NAME"
	flags.IntVarP(&opt.Rows, "rows", "n", 10, "how many rows")
	flags.StringSliceVar(&opt.Columns, "columns", nil, "only these columns, in this order, separated by commas")
	flags.StringVar(&opt.Part, "part", "", "part of prepared data (default train)")
	flags.BoolVar(&asJSON, "json", false, "print the rows as JSON")
	complete(cmd, "part", []string{manifest.Train, manifest.Validation, manifest.Test})
	return cmd
}

// width is that of the terminal that results go to, 0 where they go elsewhere.
func (c *console) width() int {
	f, ok := c.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// Widths of values: at most mostCell, and where columns have to share a line not less than leastCell.
const (
	mostCell  = 40
	leastCell = 12
)

// headText shows a table in lines of at most width cells, 0 for any.
func headText(t *head.Table, width int) string {
	columns := make([][]string, len(t.Columns)) // name, type, values
	widths := make([]int, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		columns[i] = []string{fit(c.Name, mostCell), c.Type}
		for row := range t.Rows {
			value := "–"
			if !c.Missing(row) {
				value = fit(c.Text(row), mostCell)
			}
			columns[i] = append(columns[i], value)
		}
		for _, cell := range columns[i] {
			widths[i] = max(widths[i], cells(cell))
		}
	}
	shown := shareLine(widths, width)
	var b strings.Builder
	for line := range len(t.Rows) + 2 {
		var text strings.Builder
		for i := range shown {
			cell := fit(columns[i][line], widths[i])
			pad := strings.Repeat(" ", widths[i]-cells(cell))
			if i > 0 {
				text.WriteString("  ")
			}
			if t.Columns[i].Type == table.TypeNumeric {
				cell, pad = pad, cell
			}
			text.WriteString(cell + pad)
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	b.WriteString("\n")
	note := func(text string) {
		if width > 0 {
			text = fit(text, width)
		}
		b.WriteString(wording.VisibleLine(text) + "\n")
	}
	note(headSummary(t))
	if t.Sampled > 0 {
		note(fmt.Sprintf("types are guessed from the first %s rows; a run looks at all of them", wording.Thousands(int64(t.Sampled))))
	}
	if shown < len(t.Columns) {
		var names []string
		for _, c := range t.Columns[shown:] {
			names = append(names, c.Name)
		}
		note(fmt.Sprintf("%d more columns do not fit (--columns, --json): %s", len(names), strings.Join(names, ", ")))
	}
	for _, c := range t.Columns {
		if c.Problem != "" {
			note(fmt.Sprintf("a run cannot read %s: %s", c.Name, c.Problem))
		}
	}
	return b.String()
}

// headSummary says what is shown of what.
func headSummary(t *head.Table) string {
	name := t.Name
	if t.Part != "" {
		name += ", " + t.Part
	}
	n := len(t.Columns) + len(t.Others)
	columns := fmt.Sprintf("%d columns", n)
	if n == 1 {
		columns = "1 column"
	}
	rows := fmt.Sprintf("the first %s rows", wording.Thousands(int64(len(t.Rows))))
	switch {
	case t.Total == 1:
		rows = "1 row"
	case t.Total < 0 && len(t.Rows) == 1:
		rows = "the first row"
	case t.Total == int64(len(t.Rows)):
		rows = fmt.Sprintf("all %s rows", wording.Thousands(t.Total))
	case t.Total >= 0:
		rows = fmt.Sprintf("%s of %s rows", wording.Thousands(int64(len(t.Rows))), wording.Thousands(t.Total))
	}
	return fmt.Sprintf("%s: %s, %s", name, rows, columns)
}

// shareLine makes columns narrower, the widest first, until they fit a line, and returns how many do.
func shareLine(widths []int, line int) int {
	if line == 0 {
		return len(widths)
	}
	total := func(n int) int {
		sum := 2 * (n - 1)
		for _, w := range widths[:n] {
			sum += w
		}
		return sum
	}
	for total(len(widths)) > line {
		i := 0
		for k, w := range widths {
			if w > widths[i] {
				i = k
			}
		}
		if widths[i] <= leastCell {
			break
		}
		widths[i]--
	}
	shown := len(widths)
	for shown > 1 && total(shown) > line {
		shown--
	}
	widths[0] = min(widths[0], line)
	return shown
}

// fit makes a text one line of at most so many cells, without what moves a cursor.
func fit(text string, width int) string {
	text = wording.VisibleLine(text)
	if cells(text) <= width {
		return text
	}
	n := 0
	for i, r := range text {
		if n += runeCells(r); n > width-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// cells is how wide a terminal shows a text.
func cells(text string) (n int) {
	for _, r := range text {
		n += runeCells(r)
	}
	return n
}

// wide are scripts whose characters take two cells (Unicode Standard Annex 11, East Asian Width).
var wide = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul}

func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.In(r, wide...), r >= 0xff01 && r <= 0xff60, r >= 0x3000 && r <= 0x303f, r >= 0x1f300 && r <= 0x1faff:
		return 2
	}
	return 1
}

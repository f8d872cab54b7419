package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/model"
)

// maxStrangers is how many users that a model does not know are named.
const maxStrangers = 3

// listBlock is about how many rows are in memory before they are written.
const listBlock = 1 << 16

// listOutput takes lists one by one: to a file, an item a row, as they come, or where there is none to print, all of them.
type listOutput struct {
	path string

	users, others, folded int      // others are neither known nor folded in
	strangers             []string // some of them
	lists                 []model.List
	rows                  listRows
	file                  *table.Writer
}

// add takes a list.
func (o *listOutput) add(ctx context.Context, l model.List) error {
	o.users++
	if l.Folded {
		o.folded++
	} else if !l.Known {
		o.others++
		if len(o.strangers) < maxStrangers {
			o.strangers = append(o.strangers, wording.Shorten(l.User, mostShown))
		}
	}
	if o.path == "" {
		o.lists = append(o.lists, l)
		return nil
	}
	o.rows.add(l)
	if len(o.rows.users) < listBlock {
		return nil
	}
	return o.flush(ctx)
}

// flush writes the rows there are.
func (o *listOutput) flush(ctx context.Context) (err error) {
	columns := o.rows.columns()
	if o.file == nil {
		if o.file, err = table.NewWriter(o.path, "", columns); err != nil {
			return err
		}
	}
	o.rows = listRows{request: o.rows.request}
	return o.file.Append(ctx, columns)
}

// close makes the file appear.
func (o *listOutput) close(ctx context.Context) error {
	if o.path == "" {
		return nil
	}
	if err := o.flush(ctx); err != nil {
		return err
	}
	return o.file.Close(ctx)
}

// abort leaves nothing of a file that is not closed.
func (o *listOutput) abort() {
	if o.file != nil {
		o.file.Abort()
	}
}

// columns names those of a file.
func (o *listOutput) columns() (names []string) {
	for _, c := range o.rows.columns() {
		names = append(names, c.Name)
	}
	return names
}

// listRows are lists as a table, an item a row.
type listRows struct {
	request               *model.Request
	users, items, because []string
	ranks                 []int32
	scores                []float32
	explored              []bool
}

func (r *listRows) add(l model.List) {
	for i, item := range l.Items {
		r.users, r.items = append(r.users, l.User), append(r.items, item)
		r.ranks, r.scores = append(r.ranks, int32(i+1)), append(r.scores, l.Scores[i])
		r.explored = append(r.explored, i >= len(l.Items)-l.Explored)
		if r.request.Because {
			r.because = append(r.because, reasonOf(l, i))
		}
	}
}

func (r *listRows) columns() []table.OutputColumn {
	columns := []table.OutputColumn{{Name: "user", Values: r.users}, {Name: "rank", Values: r.ranks}, {Name: "item", Values: r.items}, {Name: "score", Values: r.scores}}
	if r.request.Because {
		columns = append(columns, table.OutputColumn{Name: "because", Values: r.because})
	}
	if r.request.Explore > 0 {
		columns = append(columns, table.OutputColumn{Name: "explored", Values: r.explored})
	}
	return columns
}

// reasonOf is what speaks for item i of a list; "" where nothing does.
func reasonOf(l model.List, i int) string {
	if i < len(l.Because) {
		return l.Because[i]
	}
	return ""
}

// mostShown is how many bytes of an id are shown, which a person has given.
const mostShown = 200

// listsTable lays lists out for people.
func listsTable(of string, lists []model.List, r *model.Request) string {
	header := []string{of, "rank", "item", "score"}
	if r.Because || r.Explore > 0 {
		header = append(header, "because")
	}
	t := grid{header}
	for _, l := range lists {
		l.User = wording.Shorten(l.User, mostShown)
		if len(l.Items) == 0 {
			t = append(t, append([]string{l.User}, slices.Repeat([]string{"–"}, len(header)-1)...))
		}
		for i, item := range l.Items {
			row := []string{l.User, fmt.Sprint(i + 1), item, number(float64(l.Scores[i]))}
			switch {
			case i >= len(l.Items)-l.Explored:
				row[3] = "–"
				row = append(row, "it is new")
			case len(header) > len(row):
				row = append(row, cmp.Or(reasonOf(l, i), "–"))
			}
			t = append(t, row)
		}
	}
	return t.text()
}

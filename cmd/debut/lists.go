package main

import (
	"context"
	"fmt"

	"debut/datasets"
	"debut/trainers/model"
)

// maxStrangers is how many users that a model does not know are named.
const maxStrangers = 3

// listOutput takes lists one by one: to a file, an item a row, or where there is none to print, as they are.
type listOutput struct {
	path string

	users, known int
	strangers    []string // some users that the model does not know
	lists        []model.List
	rows         listRows
}

// add takes a list.
func (o *listOutput) add(l model.List) {
	o.users++
	if l.Known {
		o.known++
	} else if len(o.strangers) < maxStrangers {
		o.strangers = append(o.strangers, l.User)
	}
	if o.path == "" {
		o.lists = append(o.lists, l)
		return
	}
	o.rows.add(l)
}

// close writes the file. Here is the place for one who writes tables block by block: all else hands lists on as they come.
func (o *listOutput) close(ctx context.Context) error {
	if o.path == "" {
		return nil
	}
	return datasets.WritePredictions(ctx, o.path, o.rows.columns())
}

// listRows are lists as a table, an item a row.
type listRows struct {
	users, items []string
	ranks        []int32
	scores       []float32
}

func (r *listRows) add(l model.List) {
	for i, item := range l.Items {
		r.users, r.items = append(r.users, l.User), append(r.items, item)
		r.ranks, r.scores = append(r.ranks, int32(i+1)), append(r.scores, l.Scores[i])
	}
}

func (r *listRows) columns() []datasets.OutputColumn {
	return []datasets.OutputColumn{{Name: "user", Values: r.users}, {Name: "rank", Values: r.ranks}, {Name: "item", Values: r.items}, {Name: "score", Values: r.scores}}
}

// listsTable lays lists out for people.
func listsTable(of string, lists []model.List) string {
	t := table{{of, "rank", "item", "score"}}
	for _, l := range lists {
		if len(l.Items) == 0 {
			t = append(t, []string{l.User, "–", "–", "–"})
		}
		for i, item := range l.Items {
			t = append(t, []string{l.User, fmt.Sprint(i + 1), item, number(float64(l.Scores[i]))})
		}
	}
	return t.text()
}

package table

import (
	"context"
	"errors"
	"slices"
	"strings"

	"debut/datasets/duck"
)

// Located is a value and the row it stands in, counted from 0.
type Located struct {
	Text string
	Row  int
}

// search looks for the first values of a column of texts that match.
type search struct {
	column  int
	matches func(raw string) bool // a text as it is in the file
	most    int                   // distinct values to find
	rows    int                   // that match, no more than which there are; 0 where that is not known

	all bool // look at all rows, to count those that match

	found []Located
	seen  int
	more  bool // there are more distinct values than were to be found
}

// done reports whether nothing is left to be found.
func (s *search) done() bool { return !s.all && (s.more || s.rows > 0 && s.seen >= s.rows) }

func (s *search) look(raw string, row int) {
	if s.done() || !s.matches(raw) {
		return
	}
	s.seen++
	if slices.ContainsFunc(s.found, func(l Located) bool { return l.Text == raw }) {
		return
	}
	if len(s.found) == s.most {
		s.more = true
		return
	}
	s.found = append(s.found, Located{strings.Clone(raw), row})
}

// locate passes over the rows until all searches are done.
func (r *relation) locate(ctx context.Context, db *duck.DB, searches []*search) error {
	if len(searches) == 0 {
		return nil
	}
	items := make([]string, len(searches))
	for k, s := range searches {
		items[k] = r.textSQL(s.column)
	}
	first, found := 0, errors.New("found")
	err := db.Stream(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+r.sql, func(c *duck.Chunk) error {
		open := false
		for k, s := range searches {
			if s.done() {
				continue
			}
			values, mask := duck.Vector[duck.String](c, k)
			for i := range values {
				if mask.Valid(i) {
					s.look(values[i].Text(), first+i)
				}
			}
			open = open || !s.done()
		}
		if first += c.Rows; !open {
			return found
		}
		return nil
	})
	if err != nil && !errors.Is(err, found) {
		return r.unreadable(ctx, err)
	}
	return nil
}

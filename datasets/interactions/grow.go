package interactions

// Grow gives a dataset the users and items of a model that is gone on from, beside its own: those without a pair in the data have empty rows
// and columns.
func (d *Dataset) Grow(users, items *Vocabulary) error {
	newUsers, fromUsers, err := union(d.Users, users)
	if err != nil {
		return err
	}
	newItems, fromItems, err := union(d.Items, items)
	if err != nil {
		return err
	}
	for _, m := range []*Matrix{d.Train, d.Validation, d.Test} {
		if m != nil {
			m.renumber(newUsers.Len(), newItems.Len(), fromUsers, fromItems)
		}
	}
	d.Users, d.Items = newUsers, newItems
	return nil
}

// union has the ids of both, and returns the number that each of the first has in it.
func union(own, other *Vocabulary) (all *Vocabulary, numbers []int32, err error) {
	ids := make([]string, 0, own.Len()+other.Len())
	for i := range own.Len() {
		ids = append(ids, own.ID(i))
	}
	for i := range other.Len() {
		ids = append(ids, other.ID(i))
	}
	if all, err = NewVocabulary(ids); err != nil {
		return nil, nil, err
	}
	numbers, err = numbersIn(own, all)
	return all, numbers, err
}

// renumber gives rows and columns other numbers, which ascend as the old ones do.
func (m *Matrix) renumber(rows, columns int, row, column []int32) {
	offsets := make([]int64, rows+1)
	for r := range m.Rows {
		offsets[row[r]+1] = m.Offsets[r+1] - m.Offsets[r]
	}
	for r := range rows {
		offsets[r+1] += offsets[r]
	}
	for k, i := range m.Indices {
		m.Indices[k] = column[i]
	}
	m.Rows, m.Columns, m.Offsets = rows, columns, offsets
}

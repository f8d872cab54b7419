package datasets

// Encoded is a part of the data as a model reads it. Numbers and ids are
// row-major, so that gathering a batch copies one run of memory a row.
type Encoded struct {
	Rows      int
	Numeric   []float32  // [Rows, D]: Encoder.NumericFeatures
	D         int        // numeric features
	IDs       []int32    // [Rows, F]: Encoder.CategoricalFields
	F         int        // categorical fields
	Target    []float32  // [Rows]: 0 or 1, class index, or the raw value; nil if there was none
	Weight    []float32  // [Rows]; nil means 1 for every row
	IDColumns []IDColumn // columns carried through to predictions
}

// IDColumn is a column carried through unchanged, as text.
type IDColumn struct {
	Name   string
	Values []string // "" where missing
}

// GatherNumeric copies the numeric features of rows to dst, [len(rows), D].
// Like all Gather methods it allocates nothing; rows must be valid indexes and
// dst long enough.
func (e *Encoded) GatherNumeric(dst []float32, rows []int32) {
	gatherRows(dst, e.Numeric, e.D, rows)
}

// GatherIDs copies the ids of rows to dst, [len(rows), F].
func (e *Encoded) GatherIDs(dst []int32, rows []int32) {
	gatherRows(dst, e.IDs, e.F, rows)
}

// GatherTarget copies the targets of rows to dst, [len(rows)].
func (e *Encoded) GatherTarget(dst []float32, rows []int32) {
	gatherRows(dst, e.Target, 1, rows)
}

// GatherWeight copies the weights of rows to dst, [len(rows)]; ones where the
// data have no weights.
func (e *Encoded) GatherWeight(dst []float32, rows []int32) {
	if e.Weight == nil {
		for i := range rows {
			dst[i] = 1
		}
		return
	}
	gatherRows(dst, e.Weight, 1, rows)
}

func gatherRows[T any](dst, src []T, width int, rows []int32) {
	if width == 1 {
		for i, r := range rows {
			dst[i] = src[r]
		}
		return
	}
	for i, r := range rows {
		copy(dst[i*width:(i+1)*width], src[int(r)*width:(int(r)+1)*width])
	}
}

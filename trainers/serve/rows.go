package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"debut/datasets/encoding"
	"debut/datasets/nearest"
	"debut/datasets/table"
	"debut/trainers/model"
)

// reader reads the JSON of a request, in memory.
type reader struct {
	*jsontext.Decoder
	text []byte
}

func newReader(text []byte) *reader {
	return &reader{jsontext.NewDecoder(bytes.NewBuffer(text)), text}
}

// malformed says where a request is no JSON.
func malformed(err error) error {
	var f *failure
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bad("", 0, "the request ends in the middle; is all of it sent?")
	case errors.As(err, &syntax):
		what := syntax.Err.Error()
		if errors.Is(err, jsontext.ErrDuplicateName) {
			what = "a name is given twice"
		}
		return bad("", 0, "the request is no JSON at byte %d: %s", syntax.ByteOffset+1, what)
	}
	return bad("", 0, "the request is no JSON: %v", err)
}

// object reads an object, and has member read the value of each name.
func (r *reader) object(what string, member func(name string) error) error {
	if r.PeekKind() != '{' {
		return r.other(what, "an object")
	}
	if _, err := r.ReadToken(); err != nil {
		return malformed(err)
	}
	for r.PeekKind() != '}' {
		name, err := r.ReadToken()
		if err != nil {
			return malformed(err)
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err := r.ReadToken()
	return wrapped(err)
}

// list reads an array, and has element read each of its values.
func (r *reader) list(what string, element func(i int) error) error {
	if r.PeekKind() != '[' {
		return r.other(what, "a list")
	}
	if _, err := r.ReadToken(); err != nil {
		return malformed(err)
	}
	for i := 0; r.PeekKind() != ']'; i++ {
		if err := element(i); err != nil {
			return err
		}
	}
	_, err := r.ReadToken()
	return wrapped(err)
}

// other is the error of a value of another kind than what is wanted, or of none.
func (r *reader) other(what, wanted string) error {
	value, err := r.ReadValue()
	if err != nil {
		return malformed(err)
	}
	return bad(what, 0, "%s, where %s is wanted", kindOf(value), wanted)
}

func wrapped(err error) error {
	if err != nil {
		return malformed(err)
	}
	return nil
}

// kindOf names the kind of a value.
func kindOf(value jsontext.Value) string {
	switch value.Kind() {
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '"':
		return "a text"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	return "nothing"
}

// end is an error where something follows the request.
func (r *reader) end() error {
	if _, err := r.ReadToken(); !errors.Is(err, io.EOF) {
		return bad("", 0, "something follows the end of the request at byte %d", r.InputOffset()+1)
	}
	return nil
}

// value reads a value of a small member into v. Names are those of the fields letter by letter, and there are no others.
func (r *reader) value(what string, v any) error {
	value, err := r.ReadValue()
	if err != nil {
		return malformed(err)
	}
	err = jsonv2.Unmarshal(value, v, jsonv2.RejectUnknownMembers(true))
	var wrong *jsonv2.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && errors.Is(err, jsonv2.ErrUnknownName):
		return bad(what, 0, "there is no key %q", wrong.JSONPointer.LastToken())
	case errors.As(err, &wrong) && wrong.GoType != nil:
		return bad(join(what, strings.ReplaceAll(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/", ".")), 0, "%s is wanted", wanted(wrong.GoType))
	}
	return bad(what, 0, "it cannot be read: %v", err)
}

// wanted names what values of a type are in JSON.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "a number that is not too large"
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "." + b
}

// unknown is the error of a name that is none of some.
func unknown(name string, names ...string) error {
	return bad(name, 0, "there is no such key; there are %s%s", strings.Join(names, ", "), nearest.DidYouMean(name, names))
}

// rowsRequest is what is predicted.
type rowsRequest struct {
	frame *table.Frame
	input encoding.Input
}

// columns collects the values of a request.
type columns struct {
	limits   Limits
	list     []*table.Values // features, then ids
	types    []model.Column
	features int
	at       map[string]int
	given    []bool // ids
	rows     int
	vector   []float32
	lenient  bool // names that the model does not know are passed over
	missing  bool // columns that are not given are missing values
}

func (l *loaded) newColumns(limits Limits, rows int) *columns {
	c := &columns{limits: limits, features: len(l.columns), at: map[string]int{}, types: l.columns}
	for _, f := range l.columns {
		c.at[f.Name] = len(c.list)
		c.list = append(c.list, table.NewValues(f.Name, f.Type, f.Width, rows))
	}
	c.given = make([]bool, len(l.columns)+len(l.ids))
	for _, id := range l.ids {
		if _, ok := c.at[id]; ok {
			continue // a feature, or the user and item of a rating
		}
		c.at[id] = len(c.list)
		c.list = append(c.list, table.NewValues(id, table.TypeCategorical, 0, rows))
	}
	return c
}

// frame makes a frame of what was collected. Ids that no row had are left out.
func (c *columns) frame() (*table.Frame, error) {
	list := c.list[:c.features:c.features]
	for i := c.features; i < len(c.list); i++ {
		if c.given[i] {
			list = append(list, c.list[i])
		}
	}
	if c.missing { // those that no row had are told as absent
		kept := list[:0:0]
		for i, v := range list {
			if i >= c.features || c.given[i] {
				kept = append(kept, v)
			}
		}
		if len(kept) == 0 {
			return nil, bad("", 0, "no column of the model is given; allow_missing is for some of them")
		}
		list = kept
	}
	return table.RowsFrame(list...)
}

// readRows reads {"rows": [{"column": value, …}, …]}.
func (l *loaded) readRows(text []byte, limits Limits) (*rowsRequest, error) {
	c := l.newColumns(limits, 0)
	r := newReader(text)
	rows := int64(-1)
	// What decides on how rows are read may come behind them.
	twice := bytes.Contains(text, []byte("allow_missing")) || bytes.Contains(text, []byte("ignore_unknown"))
	keys := []string{"rows", "allow_missing", "ignore_unknown"}
	err := r.object("the request", func(name string) error {
		switch name {
		case "rows":
			rows = r.InputOffset()
			if twice && r.PeekKind() == '[' {
				return wrapped(r.SkipValue())
			}
			return c.read(r)
		case "allow_missing":
			return r.value(name, &c.missing)
		case "ignore_unknown":
			return r.value(name, &c.lenient)
		}
		return unknown(name, keys...)
	})
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, err
	}
	if rows < 0 {
		return nil, bad("rows", 0, `the rows are missing; give {"rows": [{"column": value}]}`)
	}
	if twice {
		text = text[rows:] // behind the name, a colon
		if err := c.read(newReader(text[bytes.IndexByte(text, '['):])); err != nil {
			return nil, err
		}
	}
	if c.rows == 0 {
		return nil, bad("rows", 0, "there are none")
	}
	f, err := c.frame()
	return &rowsRequest{f, encoding.Input{AllowMissing: c.missing}}, err
}

// read reads the list of rows.
func (c *columns) read(r *reader) error {
	return r.list("rows", func(i int) error {
		if i >= c.limits.Rows {
			return bad("rows", 0, "more than %d rows; send them in several requests", c.limits.Rows)
		}
		if r.PeekKind() != '{' {
			return r.other("rows", "an object for each row")
		}
		if _, err := r.ReadToken(); err != nil {
			return malformed(err)
		}
		for r.PeekKind() != '}' {
			if err := c.member(r, i+1); err != nil {
				return err
			}
		}
		if _, err := r.ReadToken(); err != nil {
			return malformed(err)
		}
		c.rows = i + 1
		for k, v := range c.list {
			if v.Len() == c.rows {
				continue
			}
			if k < c.features && !c.missing {
				return bad(v.Name(), c.rows, `the column is missing; give it, null where its value is not known, or "allow_missing": true`)
			}
			v.Missing()
		}
		return nil
	})
}

// member reads a name and a value of a row.
func (c *columns) member(r *reader, row int) error {
	raw, err := r.ReadValue()
	if err != nil {
		return malformed(err)
	}
	at, ok := c.find(raw)
	if !ok {
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return malformed(err)
		}
		if c.lenient {
			return wrapped(r.SkipValue())
		}
		names := make([]string, len(c.list))
		for i, v := range c.list {
			names[i] = v.Name()
		}
		return bad(name, row, `the model has no such column%s; leave it out, or say "ignore_unknown": true`, nearest.DidYouMean(name, names))
	}
	c.given[at] = true
	value, err := r.ReadValue()
	if err != nil {
		return malformed(err)
	}
	if err := c.add(at, value); err != nil {
		return bad(c.list[at].Name(), row, "%v", err)
	}
	return nil
}

// find looks a name up as it is written.
func (c *columns) find(raw jsontext.Value) (at int, ok bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		at, ok = c.at[string(raw[1:len(raw)-1])]
		return at, ok
	}
	name, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return 0, false
	}
	at, ok = c.at[string(name)]
	return at, ok
}

// add adds a value to a column.
func (c *columns) add(at int, value jsontext.Value) error {
	v := c.list[at]
	switch value.Kind() {
	case 'n':
		v.Missing()
	case 't', 'f':
		return v.Bool(value.Kind() == 't')
	case '"':
		text := []byte(value[1 : len(value)-1])
		if bytes.IndexByte(text, '\\') >= 0 {
			var err error
			if text, err = jsontext.AppendUnquote(nil, value); err != nil {
				return err
			}
		}
		return v.Text(text)
	case '0':
		x, err := number(value)
		if err != nil {
			return err
		}
		return v.Number(x, value)
	case '[':
		if at < len(c.types) && c.types[at].Type == table.TypeList {
			return v.Text(value)
		}
		if at >= len(c.types) || c.types[at].Type != table.TypeVector {
			return v.Vector(nil)
		}
		return c.addVector(v, value, c.types[at].Width)
	default:
		return errors.New("an object is no value")
	}
	return nil
}

// number reads a number that is finite.
func number(text []byte) (float64, error) {
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, errors.New(strconv.Quote(string(text)) + " is too large")
	}
	return x, nil
}

func (c *columns) addVector(v *table.Values, value jsontext.Value, width int) error {
	r := newReader(value)
	c.vector = c.vector[:0]
	err := r.list("", func(int) error {
		element, err := r.ReadValue()
		if err != nil {
			return malformed(err)
		}
		if element.Kind() != '0' {
			return bad("", 0, "%s in a vector of numbers", kindOf(element))
		}
		x, err := number(element)
		if err != nil || math.Abs(x) > math.MaxFloat32 {
			return bad("", 0, "%s is too large for a number of 32 bits", element)
		}
		if len(c.vector) > width {
			return bad("", 0, "a vector of more than %d numbers, on which the model was trained", width)
		}
		c.vector = append(c.vector, float32(x))
		return nil
	})
	if err != nil {
		return err
	}
	return v.Vector(c.vector)
}

// predictions answers for rows.
func (l *loaded) predictions(ctx context.Context, q *rowsRequest) (*model.Predictions, error) {
	b, err := l.rows.EncodeRows(ctx, q.frame, q.input)
	if err != nil {
		return nil, err
	}
	return l.scoring.predict(ctx, b)
}

package serve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/trainers/model"
)

// The Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol), with its extension of binary tensors: the
// header headerLength says how much of the body is JSON; the bytes of tensors follow, in the order of the inputs, little-endian, texts
// each behind their length in 32 bits.
const headerLength = "Inference-Header-Content-Length"

// tensor is an input, or an output.
type tensor struct {
	name     string
	datatype string
	shape    []int64
	data     []byte // JSON, or
	binary   []byte
	size     int // of binary; −1 for JSON
}

// inference is a request of the protocol.
type inference struct {
	id      string
	inputs  []tensor
	outputs []outputRequest
	binary  bool // all outputs
	missing bool
}

type outputRequest struct {
	name   string
	binary bool
}

// parameters are those of a request and of its tensors.
type parameters struct {
	BinaryDataSize   *int `json:"binary_data_size"`
	BinaryData       bool `json:"binary_data"`
	BinaryDataOutput bool `json:"binary_data_output"`
	AllowMissing     bool `json:"allow_missing"`
}

// readInference reads a request, of which the first bytes are JSON; head below 0: all.
func readInference(text []byte, head int) (*inference, error) {
	rest := []byte(nil)
	if head >= 0 {
		if head > len(text) {
			return nil, bad(headerLength, 0, "%d bytes of JSON in a request of %d", head, len(text))
		}
		text, rest = text[:head], text[head:]
	}
	q := &inference{}
	r := newReader(text)
	err := r.object("the request", func(name string) error {
		switch name {
		case "id":
			return r.value(name, &q.id)
		case "inputs":
			return r.list(name, func(i int) error {
				t, err := r.tensor(fmt.Sprintf("inputs[%d]", i))
				q.inputs = append(q.inputs, t)
				return err
			})
		case "outputs":
			return r.list(name, func(i int) error {
				o, err := r.output(fmt.Sprintf("outputs[%d]", i))
				q.outputs = append(q.outputs, o)
				return err
			})
		case "parameters":
			var p parameters
			err := r.value(name, &p)
			q.binary, q.missing = p.BinaryDataOutput, p.AllowMissing
			return err
		}
		return unknown(name, "id", "inputs", "outputs", "parameters")
	})
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, err
	}
	for i := range q.inputs {
		t := &q.inputs[i]
		if t.size < 0 {
			continue
		}
		if t.size > len(rest) {
			return nil, bad(t.name, 0, "binary_data_size is %d, and %d bytes are left of the request", t.size, len(rest))
		}
		t.binary, rest = rest[:t.size], rest[t.size:]
	}
	if len(rest) > 0 {
		return nil, bad("", 0, "%d bytes follow those of the tensors", len(rest))
	}
	return q, nil
}

// tensor reads an input.
func (r *reader) tensor(what string) (t tensor, err error) {
	t.size = -1
	err = r.object(what, func(name string) error {
		switch name {
		case "name":
			return r.value(join(what, name), &t.name)
		case "datatype":
			return r.value(join(what, name), &t.datatype)
		case "shape":
			return r.value(join(what, name), &t.shape)
		case "data":
			value, err := r.ReadValue()
			if err != nil {
				return malformed(err)
			}
			end := r.InputOffset() // the memory of the value is the decoder's
			t.data = r.text[end-int64(len(value)) : end]
			return nil
		case "parameters":
			var p parameters
			err := r.value(join(what, name), &p)
			if p.BinaryDataSize != nil {
				if t.size = *p.BinaryDataSize; t.size < 0 {
					return bad(what, 0, "binary_data_size is %d", t.size)
				}
			}
			return err
		}
		return unknown(name, "name", "shape", "datatype", "parameters", "data")
	})
	switch {
	case err != nil:
	case t.name == "":
		err = bad(what, 0, "the name is missing")
	case t.size < 0 && t.data == nil:
		err = bad(t.name, 0, "the data are missing")
	case t.size >= 0 && t.data != nil:
		err = bad(t.name, 0, "it has data and binary_data_size; give one of them")
	}
	return t, err
}

// output reads what of an output is asked for.
func (r *reader) output(what string) (o outputRequest, err error) {
	err = r.object(what, func(name string) error {
		switch name {
		case "name":
			return r.value(join(what, name), &o.name)
		case "parameters":
			var p parameters
			err := r.value(join(what, name), &p)
			o.binary = p.BinaryData
			return err
		}
		return unknown(name, "name", "parameters")
	})
	return o, err
}

// readTensors makes rows of the inputs, of which each is a column.
func (l *loaded) readTensors(q *inference, limits Limits) (*rowsRequest, error) {
	if len(q.inputs) == 0 {
		return nil, bad("inputs", 0, "there are none; GET the model's metadata for their names")
	}
	rows := int64(-1)
	for _, t := range q.inputs {
		if len(t.shape) == 0 || t.shape[0] < 0 {
			return nil, bad(t.name, 0, "the shape %v; give [rows, 1], or [rows, numbers] of a vector", t.shape)
		}
		if rows < 0 {
			rows = t.shape[0]
		}
		if t.shape[0] != rows {
			return nil, bad(t.name, 0, "%d rows, where %s has %d", t.shape[0], q.inputs[0].name, rows)
		}
	}
	switch {
	case rows == 0:
		return nil, bad("inputs", 0, "there are no rows")
	case rows > int64(limits.Rows):
		return nil, bad("inputs", 0, "%d rows, more than %d; send them in several requests", rows, limits.Rows)
	}
	c := l.newColumns(limits, int(rows))
	c.missing = q.missing
	for i := range q.inputs {
		t := &q.inputs[i]
		at, ok := c.at[t.name]
		switch {
		case !ok:
			return nil, bad(t.name, 0, "the model has no such input; GET its metadata for their names")
		case c.given[at]:
			return nil, bad(t.name, 0, "the input is given twice")
		}
		c.given[at] = true
		if err := c.addTensor(at, t, int(rows)); err != nil {
			var f *failure
			if errors.As(err, &f) {
				return nil, f
			}
			return nil, bad(t.name, 0, "%v", err)
		}
	}
	for k := range c.features {
		if v := c.list[k]; !c.given[k] && !q.missing {
			return nil, bad(v.Name(), 0, `the input is missing; give it, or parameters: {"allow_missing": true}`)
		}
	}
	f, err := c.frame()
	return &rowsRequest{f, encoding.Input{AllowMissing: q.missing}}, err
}

// addTensor adds the values of an input to its column.
func (c *columns) addTensor(at int, t *tensor, rows int) error {
	width := 1
	for _, d := range t.shape[1:] {
		if d < 0 || d > math.MaxInt32 || int64(width)*d > math.MaxInt32 {
			return fmt.Errorf("the shape %v", t.shape)
		}
		width *= int(d)
	}
	vector := at < len(c.types) && c.types[at].Type == table.TypeVector
	switch {
	case vector && width != c.types[at].Width:
		return fmt.Errorf("the shape %v, where the model was trained on vectors of %d numbers", t.shape, c.types[at].Width)
	case !vector && width != 1:
		return fmt.Errorf("the shape %v; give [%d, 1]", t.shape, rows)
	case !slices.Contains(datatypes, t.datatype):
		return fmt.Errorf("the datatype %.40q; there are %s", t.datatype, strings.Join(datatypes, ", "))
	case t.size >= 0:
		return c.addBinary(at, t, rows, width)
	}
	n := 0
	if err := c.addNested(at, newReader(t.data), t, vector, &n, rows*width); err != nil {
		return err
	}
	if n != rows*width {
		return fmt.Errorf("%d values for the shape %v", n, t.shape)
	}
	return nil
}

// addNested adds the values of a list of lists of any depth, in order.
func (c *columns) addNested(at int, r *reader, t *tensor, vector bool, n *int, limit int) error {
	v := c.list[at]
	return r.list(t.name, func(int) error {
		if r.PeekKind() == '[' {
			return c.addNested(at, r, t, vector, n, limit)
		}
		value, err := r.ReadValue()
		if err != nil {
			return malformed(err)
		}
		if *n++; *n > limit {
			return bad(t.name, 0, "more values than the shape %v has", t.shape)
		}
		if !vector {
			if err := t.fits(value); err != nil {
				return bad(t.name, *n, "%v", err)
			}
			if err := c.add(at, value); err != nil {
				return bad(t.name, *n, "%v", err)
			}
			return nil
		}
		x, err := number(value)
		if value.Kind() != '0' || err != nil || math.Abs(x) > math.MaxFloat32 {
			return bad(t.name, 0, "%.40s is no number of 32 bits", value)
		}
		if c.vector = append(c.vector, float32(x)); len(c.vector) == c.types[at].Width {
			err = v.Vector(c.vector)
			c.vector = c.vector[:0]
		}
		return err
	})
}

// fits says whether a value is of the datatype.
func (t *tensor) fits(value jsontext.Value) error {
	kind := value.Kind()
	text, isNumber := kind == '"', kind == '0'
	if kind == 'n' {
		return nil
	}
	if text != (t.datatype == "BYTES") || isNumber != (t.datatype != "BYTES" && t.datatype != "BOOL") {
		return fmt.Errorf("the value is none of datatype %s", t.datatype)
	}
	r, limited := ranges[t.datatype]
	if !limited {
		return nil
	}
	x, err := number(value)
	if err != nil {
		return err
	}
	if x < r.least || x > r.most || r.whole && x != math.Trunc(x) {
		return fmt.Errorf("%.40s is none of datatype %s", value, t.datatype)
	}
	return nil
}

// ranges are the numbers of a datatype, as they are read: in 64 bits.
var ranges = map[string]struct {
	least, most float64
	whole       bool
}{
	"UINT8": {0, math.MaxUint8, true}, "UINT16": {0, math.MaxUint16, true}, "UINT32": {0, math.MaxUint32, true}, "UINT64": {0, math.MaxUint64, true},
	"INT8": {math.MinInt8, math.MaxInt8, true}, "INT16": {math.MinInt16, math.MaxInt16, true}, "INT32": {math.MinInt32, math.MaxInt32, true},
	"INT64": {math.MinInt64, math.MaxInt64, true}, "FP32": {-math.MaxFloat32, math.MaxFloat32, false},
}

// datatypes are those of tensors.
var datatypes = []string{"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP32", "FP64", "BYTES"}

// addBinary adds the values of a tensor of bytes. A float that is no number is a missing value, as an empty text is.
func (c *columns) addBinary(at int, t *tensor, rows, width int) error {
	v, data := c.list[at], t.binary
	if t.datatype == "BYTES" {
		for range rows * width {
			if len(data) < 4 {
				return errors.New("the bytes end in the middle of the texts")
			}
			n := binary.LittleEndian.Uint32(data)
			if uint64(n) > uint64(len(data)-4) {
				return fmt.Errorf("a text of %d bytes, and %d are left", n, len(data)-4)
			}
			if err := v.Text(data[4 : 4+n]); err != nil {
				return err
			}
			data = data[4+n:]
		}
		if len(data) > 0 {
			return fmt.Errorf("%d bytes follow the texts", len(data))
		}
		return nil
	}
	size := map[string]int{"BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "UINT32": 4, "INT32": 4, "FP32": 4, "UINT64": 8, "INT64": 8, "FP64": 8}[t.datatype]
	if len(data) != rows*width*size {
		return fmt.Errorf("%d bytes, where %s of the shape %v has %d", len(data), t.datatype, t.shape, rows*width*size)
	}
	vector := at < len(c.types) && c.types[at].Type == table.TypeVector
	var literal [32]byte
	for i := range rows * width {
		x, float := decode(t.datatype, data[i*size:])
		switch {
		case vector:
			if math.IsNaN(x) || math.Abs(x) > math.MaxFloat32 {
				return fmt.Errorf("%v in a vector", x)
			}
			if c.vector = append(c.vector, float32(x)); len(c.vector) == width {
				if err := v.Vector(c.vector); err != nil {
					return err
				}
				c.vector = c.vector[:0]
			}
		case t.datatype == "BOOL":
			if err := v.Bool(x != 0); err != nil {
				return err
			}
		case math.IsNaN(x):
			v.Missing()
		case math.IsInf(x, 0):
			return fmt.Errorf("row %d: the value is infinite", i+1)
		default:
			text := literal[:0]
			switch {
			case float && t.datatype == "FP32":
				text = strconv.AppendFloat(text, x, 'g', -1, 32)
			case float:
				text = strconv.AppendFloat(text, x, 'g', -1, 64)
			case t.datatype == "UINT64":
				text = strconv.AppendUint(text, binary.LittleEndian.Uint64(data[i*size:]), 10)
			case t.datatype == "INT64":
				text = strconv.AppendInt(text, int64(binary.LittleEndian.Uint64(data[i*size:])), 10)
			default:
				text = strconv.AppendInt(text, int64(x), 10)
			}
			if err := v.Number(x, text); err != nil {
				return fmt.Errorf("row %d: %w", i+1, err)
			}
		}
	}
	return nil
}

// decode reads a number of a datatype.
func decode(datatype string, b []byte) (x float64, float bool) {
	switch datatype {
	case "BOOL", "UINT8":
		return float64(b[0]), false
	case "INT8":
		return float64(int8(b[0])), false
	case "UINT16":
		return float64(binary.LittleEndian.Uint16(b)), false
	case "INT16":
		return float64(int16(binary.LittleEndian.Uint16(b))), false
	case "UINT32":
		return float64(binary.LittleEndian.Uint32(b)), false
	case "INT32":
		return float64(int32(binary.LittleEndian.Uint32(b))), false
	case "UINT64":
		return float64(binary.LittleEndian.Uint64(b)), false
	case "INT64":
		return float64(int64(binary.LittleEndian.Uint64(b))), false
	case "FP32":
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), true
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), true
}

// datatypeOf is that of a column of predictions.
func datatypeOf(values any) string {
	switch values.(type) {
	case []float64:
		return "FP64"
	case []float32:
		return "FP32"
	case []int32:
		return "INT32"
	case []int64:
		return "INT64"
	case []bool:
		return "BOOL"
	}
	return "BYTES"
}

// appendInference writes the answer of the protocol. Where a tensor is to be binary, head is the length of the JSON before the bytes, else −1.
func appendInference(to []byte, name string, l *loaded, q *inference, p *model.Predictions) (_ []byte, head int, err error) {
	wanted := q.outputs
	if len(wanted) == 0 {
		for _, c := range p.Columns {
			wanted = append(wanted, outputRequest{c.Name, q.binary})
		}
	}
	to = append(to, `{"model_name":`...)
	to = appendText(to, name)
	to = append(to, `,"model_version":"`...)
	to = append(to, l.version...)
	to = append(to, '"')
	if q.id != "" {
		to = append(to, `,"id":`...)
		to = appendText(to, q.id)
	}
	to = append(to, `,"outputs":[`...)
	var bytes []byte
	head = -1
	for i, o := range wanted {
		at := slices.IndexFunc(p.Columns, func(c table.OutputColumn) bool { return c.Name == o.name })
		if at < 0 {
			return nil, 0, bad(fmt.Sprintf("outputs[%d].name", i), 0, "the model has no output %.200q", o.name)
		}
		c := p.Columns[at]
		if i > 0 {
			to = append(to, ',')
		}
		to = append(to, `{"name":`...)
		to = appendText(to, o.name)
		to = append(to, `,"datatype":"`...)
		to = append(to, datatypeOf(c.Values)...)
		to = append(to, `","shape":[`...)
		to = strconv.AppendInt(to, int64(p.Rows), 10)
		to = append(to, `,1]`...)
		if o.binary || q.binary {
			before := len(bytes)
			if bytes, err = appendBinary(bytes, c.Values); err != nil {
				return nil, 0, err
			}
			to = append(to, `,"parameters":{"binary_data_size":`...)
			to = strconv.AppendInt(to, int64(len(bytes)-before), 10)
			to = append(to, `}}`...)
			head = 0
			continue
		}
		to = append(to, `,"data":[`...)
		for row := range p.Rows {
			if row > 0 {
				to = append(to, ',')
			}
			if to, err = appendValue(to, c.Values, row); err != nil {
				return nil, 0, err
			}
		}
		to = append(to, `]}`...)
	}
	to = append(to, `]}`...)
	if head == 0 {
		head = len(to)
	}
	return append(to, bytes...), head, nil
}

// appendBinary writes the values of a column as bytes.
func appendBinary(to []byte, values any) ([]byte, error) {
	texts := func(list []string) {
		for _, s := range list {
			to = binary.LittleEndian.AppendUint32(to, uint32(len(s)))
			to = append(to, s...)
		}
	}
	switch v := values.(type) {
	case []string:
		texts(v)
	case table.TypedTexts:
		texts(v.Values)
	case []float64:
		for _, x := range v {
			to = binary.LittleEndian.AppendUint64(to, math.Float64bits(x))
		}
	case []float32:
		for _, x := range v {
			to = binary.LittleEndian.AppendUint32(to, math.Float32bits(x))
		}
	case []int32:
		for _, x := range v {
			to = binary.LittleEndian.AppendUint32(to, uint32(x))
		}
	case []int64:
		for _, x := range v {
			to = binary.LittleEndian.AppendUint64(to, uint64(x))
		}
	case []bool:
		for _, x := range v {
			b := byte(0)
			if x {
				b = 1
			}
			to = append(to, b)
		}
	default:
		return nil, fmt.Errorf("values of type %T", values)
	}
	return to, nil
}

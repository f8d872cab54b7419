package training

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"debut/bench/peers"
	"debut/engine"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/layers"
)

// CTRForm is how a case of ids is written.
const CTRForm = "fm, deepfm, dcnv2-39, or MODEL.FIELDSxIDSxWIDTHxBATCH, as in fm.10x5000x16x4096"

// CTRCase is a model of ids and the rows that it trains on.
type CTRCase struct {
	Model         string // fm, deepfm or dcnv2
	Cardinalities []int  // of the fields
	Width         int    // factors, or the embeddings' width
	Hidden        []int
	Cross         int // layers
	Batch         int
}

// frappe are the fields of the data set Frappe (Baltrunas, Church, Karatzoglou, Oliver, 2015), on which factorization machines are compared:
// users, items, time of the day, weekday, weekend, at home or work, cost, weather, country, city.
var frappe = []int{957, 4082, 7, 7, 2, 3, 2, 9, 80, 233}

// The models' hidden layers, and the layers of the cross network.
var (
	deepHidden  = []int{400, 400}
	crossHidden = []int{400, 400, 400}
)

const crossLayers = 3

// ParseCTR reads a case.
func ParseCTR(name string) (CTRCase, error) {
	model, size, given := strings.Cut(name, ".")
	c := CTRCase{Model: model, Cardinalities: frappe, Width: 16, Batch: 4096}
	switch {
	case model == "dcnv2-39" && !given:
		c.Model, c.Width, c.Cardinalities = "dcnv2", 10, evenly(39, 1_000_000)
	case given:
		sizes, err := parseSizes(size)
		if err != nil {
			return c, err
		}
		if sizes[0] > sizes[1] {
			return c, fmt.Errorf("%d fields of %d ids; a field has at least one", sizes[0], sizes[1])
		}
		c.Cardinalities, c.Width, c.Batch = evenly(sizes[0], sizes[1]), sizes[2], sizes[3]
	}
	switch c.Model {
	case "fm":
	case "deepfm":
		c.Hidden = deepHidden
	case "dcnv2":
		c.Hidden, c.Cross = crossHidden, crossLayers
	default:
		return c, fmt.Errorf("there is no model %q of ids; a case is %s", model, CTRForm)
	}
	return c, nil
}

// parseSizes reads fields, ids, width and batch.
func parseSizes(text string) (sizes [4]int, err error) {
	parts := strings.Split(text, "x")
	if len(parts) != len(sizes) {
		return sizes, fmt.Errorf("%q has %d sizes; a case is %s", text, len(parts), CTRForm)
	}
	for i, most := range [4]int{1000, 1e9, 1 << 10, MaxDimension} {
		if sizes[i], err = strconv.Atoi(parts[i]); err != nil || sizes[i] < 1 || sizes[i] > most {
			return sizes, fmt.Errorf("%q is not a size within 1 … %d; a case is %s", parts[i], most, CTRForm)
		}
	}
	return sizes, nil
}

// evenly shares ids among fields.
func evenly(fields, ids int) []int {
	of := make([]int, fields)
	for i := range of {
		of[i] = ids*(i+1)/fields - ids*i/fields
	}
	return of
}

// network is the case's network.
func (c CTRCase) network() layers.Network {
	n := layers.Network{Outputs: 1}
	for i, size := range c.Cardinalities {
		n.Fields = append(n.Fields, layers.Field{Name: "f" + strconv.Itoa(i), Cardinality: size, Dim: c.Width})
	}
	for _, w := range c.Hidden {
		n.Hidden = append(n.Hidden, layers.Block{Units: w})
	}
	if c.Cross > 0 {
		n.Cross = &layers.Cross{Layers: c.Cross}
	} else {
		n.Factors = c.Width
	}
	return n
}

// CTR is a model of ids and the rows it trains on, over and over, and where it is.
type CTR struct {
	Work
	Case  CTRCase
	ids   []int32   // [rows, fields], each raised by the ids of the fields before it
	y     []float32 // [rows]
	order []int32   // rows in the order they are trained on
	at    int
	input layers.Group
	bids  []int32
	by    []float32
}

// NewCTR builds a case on a device.
func NewCTR(dev kernels.Device, c CTRCase) (*CTR, error) {
	n := c.network()
	if err := n.Check(); err != nil {
		return nil, err
	}
	rows := c.Batch * Batches
	s := &CTR{
		Case: c, order: philox.New(1, 2).Perm(rows), input: n.IDInputs()[0],
		bids: make([]int32, c.Batch*len(c.Cardinalities)), by: make([]float32, c.Batch),
	}
	s.ids, s.y = clicks(c, rows)
	if err := s.build(dev, n, c.Batch, s.next); err != nil {
		return nil, err
	}
	return s, s.setRows(c.Batch)
}

// clicks draws rows: ids of which the first of a field come most often, by the square of a uniform number, and targets that follow from
// each id and from the pairs of neighboring fields.
func clicks(c CTRCase, rows int) (ids []int32, y []float32) {
	rnd := philox.New(1, 1)
	for range rows {
		first, z, last := 0, 0.0, 0.0
		for _, size := range c.Cardinalities {
			u := rnd.Float64()
			id := first + min(size-1, int(u*u*float64(size)))
			say := math.Sin(float64(id)*12.9898 + 1)
			z += say/2 + say*last
			last = say
			first += size
			ids = append(ids, int32(id))
		}
		target := float32(0)
		if z > 0 {
			target = 1
		}
		y = append(y, target)
	}
	return ids, y
}

// next feeds the next batch.
func (s *CTR) next() error {
	fields := len(s.Case.Cardinalities)
	for i := range s.by {
		r := int(s.order[s.at])
		s.at = (s.at + 1) % len(s.order)
		copy(s.bids[i*fields:(i+1)*fields], s.ids[r*fields:])
		s.by[i] = s.y[r]
	}
	if err := s.Trainer.FeedIDs(s.input.Input, s.bids); err != nil {
		return err
	}
	return engine.Feed(s.Trainer.Program, layers.InputTarget, s.by)
}

// Describe returns the model, its rows and its present parameters for a peer.
func (s *CTR) Describe() (peers.CTR, error) {
	c := s.Case
	m := peers.CTR{
		Model: c.Model, IDs: s.input.Rows, Fields: len(c.Cardinalities), Width: c.Width, Hidden: c.Hidden, Cross: c.Cross,
		Rows: len(s.order), Batch: c.Batch, Order: s.order, Adam: s.adam(), X: s.ids, Y: s.y,
	}
	var err error
	m.Parameters, err = s.values()
	return m, err
}

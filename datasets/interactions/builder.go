package interactions

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"debut/datasets/nearest"
	"debut/datasets/notation"
	"debut/datasets/table"
)

// Event is something that a user did with an item.
type Event struct {
	User, Item string
	Value      float64 // a rating, a quantity; 1 where there is none
	Time       int64   // in a unit of its own, or microseconds since 1970; NoTime where there is none
	Kind       string  // such as view or buy; "" where there are no kinds
}

// part numbers, as kept with each event.
const (
	partTrain = iota
	partValidation
	partTest
	parts
)

// PartNames are the names of the parts in the order of Dataset.Parts.
var PartNames = [parts]string{"train", "validation", "test"}

// Builder takes events in any order and makes a Dataset of them. It is for one goroutine.
type Builder struct {
	cfg          Config
	users, items *interner
	kinds        []string // in the order they came
	counts       [maxEvents + 1]int64
	lastKind     uint8

	// The events, column by column. times and tags begin with the first event that has one; those before it have none.
	user, item column[int32]
	value      column[float32]
	time       column[int64]
	tag        column[uint8] // kind + 1 and, from bit partShift on, the part
	n          int64

	report Report
	dates  timeUnit
}

const partShift = 6

type timeUnit uint8

const (
	unitUnknown timeUnit = iota
	unitInteger
	unitDate
)

// Report says what came of the events read.
type Report struct {
	Events  int64            `json:"events"`            // used
	Missing int64            `json:"missing,omitempty"` // rows without user or item, where drop_missing lets them pass
	Ignored int64            `json:"ignored,omitempty"` // events of kinds of weight 0
	Kinds   map[string]int64 `json:"kinds,omitempty"`   // events used, by kind
	Pairs   [parts]int64     `json:"pairs"`             // entries of the parts
	Files   table.Files      `json:"-"`                 // that were read
}

// NewBuilder returns an empty builder. Of the configuration it uses Weights, Aggregate, DropMissing and Split; the
// configuration is not changed. An error is a *configfile.FieldError.
func NewBuilder(cfg *Config) (*Builder, error) {
	c := *cfg
	c.SetDefaults()
	if err := c.validateRules(); err != nil {
		return nil, err
	}
	b := &Builder{cfg: c, users: newInterner(), items: newInterner()}
	return b, nil
}

// orDropMissing is the remedy of a run file, which an event in memory has not.
const orDropMissing = ", or leave such rows out with drop_missing: true"

// Add appends an event of the training part. Blanks around ids are removed. An error names the event by its number and
// leaves the builder as it was.
func (b *Builder) Add(e Event) error {
	if b.users == nil {
		return errSpent
	}
	problem, err := b.add([]byte(e.User), []byte(e.Item), e.Value, e.Time, e.Kind, partTrain)
	if err != nil {
		return err
	}
	if problem = strings.TrimSuffix(problem, orDropMissing); problem != "" {
		return fmt.Errorf("event %d: %s", b.n+b.report.Missing+b.report.Ignored+1, problem)
	}
	return nil
}

// add appends an event, or says what is wrong with it.
func (b *Builder) add(user, item []byte, value float64, time int64, kind string, part uint8) (problem string, err error) {
	if user, item = id(user), id(item); len(user) == 0 || len(item) == 0 {
		if b.cfg.DropMissing {
			b.report.Missing++
			return "", nil
		}
		what := "user"
		if len(user) > 0 {
			what = "item"
		}
		return "the " + what + " is missing; give it one" + orDropMissing, nil
	}
	if !isWeight(value) {
		return fmt.Sprintf("the value %v %s; correct it, or leave the row out", value, noWeight), nil
	}
	if time == NoTime {
		if why := b.cfg.needsTime(); why != "" {
			return "the time is missing, and " + why + " needs it; give it one, or leave the row out", nil
		}
	}
	code, weight, problem := b.kind(kind)
	if problem != "" {
		return problem, nil
	}
	if weight == 0 {
		b.report.Ignored++
		return "", nil
	}
	if value *= weight; value > maxWeight {
		return fmt.Sprintf("the value times the weight of %q is %v, more than 1e12; give smaller weights", kind, value), nil
	}
	u, err := b.users.number(user)
	if err != nil {
		return "", err
	}
	i, err := b.items.number(item)
	if err != nil {
		return "", err
	}
	b.user.add(u)
	b.item.add(i)
	b.value.add(float32(value))
	if time != NoTime || b.time.n > 0 {
		b.time.fill(b.n, NoTime)
		b.time.add(time)
	}
	if tag := code | part<<partShift; tag != 0 || b.tag.n > 0 {
		b.tag.fill(b.n, 0)
		b.tag.add(tag)
	}
	b.n++
	b.counts[code]++
	return "", nil
}

// kind returns the number of a kind, from 1, 0 for none, and its weight.
func (b *Builder) kind(name string) (code uint8, weight float64, problem string) {
	weight = 1
	if len(b.cfg.Weights) > 0 {
		var ok bool
		if weight, ok = b.cfg.Weights[name]; !ok {
			known := slices.Sorted(maps.Keys(b.cfg.Weights))
			if name == "" {
				return 0, 0, fmt.Sprintf("the kind of event is missing, and weights are given for %s; name the column, or give the source its event", strings.Join(known, ", "))
			}
			return 0, 0, fmt.Sprintf("there is no weight for events of kind %q%s; add it to weights, 0 leaves them out", name, nearest.DidYouMean(name, known))
		}
	}
	if name == "" || weight == 0 {
		return 0, weight, ""
	}
	if b.lastKind > 0 && b.kinds[b.lastKind-1] == name {
		return b.lastKind, weight, ""
	}
	k := slices.Index(b.kinds, name)
	if k < 0 {
		if len(b.kinds) == maxEvents {
			return 0, 0, fmt.Sprintf("event %q is kind %d; there can be at most %d: is it the right column, or give rarer ones one name", name, maxEvents+1, maxEvents)
		}
		k = len(b.kinds)
		b.kinds = append(b.kinds, strings.Clone(name))
	}
	b.lastKind = uint8(k + 1)
	return b.lastKind, weight, ""
}

var errSpent = errors.New("interactions: the builder has built its dataset already; make another with NewBuilder")

var errUnits = errors.New("some times are integers, others dates; write all of them alike")

// unit notes how a time is written.
func (b *Builder) unit(u timeUnit) error {
	if b.dates == unitUnknown {
		b.dates = u
	}
	if b.dates != u {
		return errUnits
	}
	return nil
}

// ID is what the text of an id stands for, as ids are read.
func ID(text string) string { return string(id([]byte(text))) }

// id is what the text of an id stands for: itself without the blanks around it, and of a whole number, however it is
// written, the number.
func id(text []byte) []byte {
	text = trim(text)
	if bytes.IndexByte(text, '.') < 0 && (len(text) == 0 || text[0] != '+') {
		return text
	}
	if whole := notation.Category(string(text)); whole != string(text) {
		return []byte(whole)
	}
	return text
}

func trim(b []byte) []byte {
	blank := func(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// column is a growing array that never moves: what has been appended stays where it is, and can be given back piece by
// piece.
type column[T any] struct {
	chunks [][]T
	n      int64
}

const chunkBits = 16

func (c *column[T]) add(v T) {
	if c.n&(1<<chunkBits-1) == 0 {
		c.chunks = append(c.chunks, make([]T, 0, 1<<chunkBits))
	}
	last := &c.chunks[len(c.chunks)-1]
	*last = append(*last, v)
	c.n++
}

// fill appends v until there are n values.
func (c *column[T]) fill(n int64, v T) {
	for c.n < n {
		c.add(v)
	}
}

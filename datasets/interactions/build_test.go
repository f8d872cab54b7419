package interactions

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/kernels/philox"
)

// drawn returns events in which ids, values, times and kinds repeat.
func drawn(r *philox.Stream, n int, times bool) []Event {
	kinds := []string{"view", "cart", "buy"}
	events := make([]Event, n)
	for k := range events {
		events[k] = Event{User: fmt.Sprintf("u%d", r.IntN(40)), Item: fmt.Sprintf("i%d", r.IntN(25)), Value: float64(r.IntN(1000)) / 7, Time: NoTime, Kind: kinds[r.IntN(3)]}
		if times {
			events[k].Time = int64(r.IntN(50))
		}
	}
	return events
}

func shuffled(events []Event, r *philox.Stream) []Event {
	out := make([]Event, len(events))
	for i, k := range r.Perm(len(events)) {
		out[i] = events[k]
	}
	return out
}

const byTime = "split: {method: time, test: 0.25, validation_from: 20}"

// TestOrderAndThreadsDoNotMatter builds the same events in other orders, on other numbers of threads.
func TestOrderAndThreadsDoNotMatter(t *testing.T) {
	for n, text := range []string{
		"{}", "aggregate: last", "weights: {view: 0.1, cart: 0.7, buy: 3}\naggregate: once", "split: {method: random}",
		"split: {method: leave_last_out, test_items: 2, validation_items: 1}", "split: {method: leave_random_out, event: buy}", byTime,
	} {
		r := philox.New(uint64(n), 1)
		events := drawn(r, 4*blockEvents, true) // so that there are several blocks to share
		first := sum(mustBuild(t, events, text, 1))
		for _, threads := range []int{1, 2, 7} {
			if s := sum(mustBuild(t, shuffled(events, r), text, threads)); s != first {
				t.Errorf("%s: another order and %d threads give another dataset", text, threads)
			}
		}
	}
}

// TestAgainstMaps compares aggregation with the obvious way to do it.
func TestAgainstMaps(t *testing.T) {
	for _, times := range []bool{false, true} {
		events := drawn(philox.New(3, 4), 4000, times)
		type pair struct{ user, item string }
		groups := map[pair][]Event{}
		for _, e := range events {
			groups[pair{e.User, e.Item}] = append(groups[pair{e.User, e.Item}], e)
		}
		for _, aggregate := range []string{AggregateSum, AggregateMean, AggregateMax, AggregateCount, AggregateOnce, AggregateLast} {
			if !times && aggregate == AggregateLast {
				continue
			}
			d := mustBuild(t, events, "aggregate: "+aggregate, 2)
			if int(d.Train.Len()) != len(groups) {
				t.Fatalf("%d pairs, want %d", d.Train.Len(), len(groups))
			}
			for u := range d.Train.Rows {
				for k := d.Train.Offsets[u]; k < d.Train.Offsets[u+1]; k++ {
					group := groups[pair{d.Users.ID(u), d.Items.ID(int(d.Train.Indices[k]))}]
					value, once, last, mask := 0.0, map[string]float64{}, group[0], uint16(0)
					for _, e := range group {
						once[e.Kind] = max(once[e.Kind], e.Value)
						if cmp.Or(cmp.Compare(e.Time, last.Time), strings.Compare(e.Kind, last.Kind), cmp.Compare(e.Value, last.Value)) > 0 {
							last = e
						}
						mask |= 1 << slices.Index(d.Kinds, e.Kind)
						switch aggregate {
						case AggregateSum:
							value += e.Value
						case AggregateMean:
							value += e.Value / float64(len(group))
						case AggregateMax:
							value = max(value, e.Value)
						case AggregateCount:
							value++
						}
					}
					switch aggregate {
					case AggregateOnce:
						for _, kind := range slices.Sorted(maps.Keys(once)) {
							value += once[kind]
						}
					case AggregateLast:
						value = last.Value
					}
					if got := float64(d.Train.Values[k]); math.Abs(got-value) > 1e-6*value || int(d.Train.Count(k)) != len(group) || d.Train.Events[k] != mask {
						t.Fatalf("%s: %v: %v x%d, want %v x%d", aggregate, group[0], got, d.Train.Count(k), value, len(group))
					}
					if times && d.Train.Times[k] != last.Time {
						t.Fatalf("time %d, want %d", d.Train.Times[k], last.Time)
					}
				}
			}
		}
	}
}

func TestSplits(t *testing.T) {
	events := drawn(philox.New(5, 6), 5000, true)
	whole := mustBuild(t, events, "{}", 1)
	count := func(d *Dataset) (n int64) {
		for _, m := range d.Parts() {
			if m != nil {
				n += m.Len()
			}
		}
		return n
	}
	d := mustBuild(t, events, "split: {method: random, test: 0.3, validation: 0.1}", 2)
	if n := count(d); n != whole.Train.Len() {
		t.Errorf("random: %d pairs in all, want %d", n, whole.Train.Len())
	}
	if share := float64(d.Test.Len()) / float64(count(d)); math.Abs(share-0.3) > 0.06 {
		t.Errorf("random: %v of the pairs are for testing", share)
	}
	// A pair's part depends on its own ids alone: other events do not move it.
	half := mustBuild(t, events[:2500], "split: {method: random, test: 0.3, validation: 0.1}", 1)
	place := func(d *Dataset) map[string]int {
		parts := map[string]int{}
		for part, m := range d.Parts() {
			for u := range m.Rows {
				items, _ := m.Row(u)
				for _, i := range items {
					parts[d.Users.ID(u)+" "+d.Items.ID(int(i))] = part
				}
			}
		}
		return parts
	}
	all := place(d)
	for pair, part := range place(half) {
		if all[pair] != part {
			t.Errorf("random: %s is in %s, with more events in %s", pair, PartNames[part], PartNames[all[pair]])
		}
	}

	d = mustBuild(t, events, "split: {method: leave_last_out, test_items: 2, validation_items: 1}", 2)
	if n := count(d); n != whole.Train.Len() {
		t.Errorf("leave_last_out: %d pairs, want %d", n, whole.Train.Len())
	}
	for u := range d.Users.Len() {
		latest := func(m *Matrix, better func(a, b int64) int64, start int64) int64 {
			for k := m.Offsets[u]; k < m.Offsets[u+1]; k++ {
				start = better(start, m.Times[k])
			}
			return start
		}
		lo := func(a, b int64) int64 { return min(a, b) }
		hi := func(a, b int64) int64 { return max(a, b) }
		if n := d.Test.Offsets[u+1] - d.Test.Offsets[u]; n != 2 {
			t.Errorf("user %d has %d test items", u, n)
		}
		if latest(d.Test, lo, math.MaxInt64) < latest(d.Validation, hi, 0) || latest(d.Validation, lo, math.MaxInt64) < latest(d.Train, hi, 0) {
			t.Errorf("user %d: a later item stayed in an earlier part", u)
		}
	}

	d = mustBuild(t, events, "split: {method: leave_random_out, event: buy}", 2)
	mask, err := d.Mask("buy")
	if err != nil {
		t.Fatal(err)
	}
	for k := range d.Test.Len() {
		if d.Test.Events[k]&mask == 0 {
			t.Error("leave_random_out: a pair without a buy was left out")
		}
	}
	if d.Test.Len() != int64(d.Users.Len()) {
		t.Errorf("leave_random_out: %d pairs of %d users", d.Test.Len(), d.Users.Len())
	}

	d = mustBuild(t, events, byTime, 2)
	from := slices.Min(d.Test.Times)
	n := int64(0)
	for _, e := range events {
		if e.Time >= from {
			n++
		}
	}
	if n < int64(len(events))/4 || slices.Max(d.Train.Times) >= 20 || slices.Min(d.Validation.Times) != 20 || slices.Max(d.Validation.Times) >= from {
		t.Errorf("by time: testing from %d on (%d events), training to %d", from, n, slices.Max(d.Train.Times))
	}
}

func TestLeaveOutLeavesOne(t *testing.T) {
	events := []Event{{User: "a", Item: "x", Value: 1, Time: 1}, {User: "b", Item: "x", Value: 1, Time: 1}, {User: "b", Item: "y", Value: 1, Time: 2}}
	d := mustBuild(t, events, "split: {method: leave_last_out, test_items: 3, validation_items: 1}", 1)
	want(t, "train", render(d, d.Train), "a>x=1@1 b>x=1@1")
	want(t, "validation", render(d, d.Validation), "")
	want(t, "test", render(d, d.Test), "b>y=1@2")
}

func TestGiven(t *testing.T) {
	dir := t.TempDir()
	file(t, dir, "train.log", "a x\nb y\n")
	file(t, dir, "test.log", "a z\na x\nc x\n")
	d := mustLoad(t, dir, "sources: [{path: train.log, format: log}]\ntest: [{path: test.log, format: log}]")
	want(t, "train", render(d, d.Train), "a>x=1 b>y=1")
	want(t, "test", render(d, d.Test), "a>x=1 a>z=1 c>x=1")
	want(t, "validation", render(d, d.Validation), "-")
	if items, values := d.Train.Row(2); len(items) != 0 || len(values) != 0 {
		t.Error("a user of the test alone has items in training")
	}
}

func TestSplitByTimeOfOneMoment(t *testing.T) {
	b, err := NewBuilder(config(t, "split: {method: time}"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := b.Add(Event{User: "u", Item: fmt.Sprint(i), Value: 1, Time: -5}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = b.Build(t.Context(), 1, nil)
	wantError(t, err, "all events are from -5 on")
}

func TestKth(t *testing.T) {
	b, err := NewBuilder(&Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := philox.New(1, 2)
	var times []int64
	for range 500 {
		times = append(times, int64(r.Uint64())>>(r.IntN(64)))
	}
	for _, at := range times {
		b.time.add(at)
	}
	slices.Sort(times)
	for k := range times {
		if got := b.kth(int64(k)); got != times[k] {
			t.Fatalf("value %d is %d, want %d", k, got, times[k])
		}
	}
}

func TestTranspose(t *testing.T) {
	d := mustBuild(t, drawn(philox.New(8, 9), 2000, true), "split: {method: random, test: 0.9, validation: 0}", 1)
	m := d.Train
	x := m.Transpose()
	for k, c := range m.ColumnCounts() {
		if int64(c) != x.Offsets[k+1]-x.Offsets[k] {
			t.Fatalf("column %d has %d entries, the transposed row %d", k, c, x.Offsets[k+1]-x.Offsets[k])
		}
	}
	back := x.Transpose()
	want(t, "twice", render(d, back), render(d, m))
	if back.Bytes() == 0 || x.Len() != m.Len() {
		t.Error("the transposed matrix has another size")
	}
}

func TestAddRefuses(t *testing.T) {
	b, err := NewBuilder(&Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{-1, math.NaN(), math.Inf(1), math.MaxFloat64} {
		wantError(t, b.Add(Event{User: "u", Item: "i", Value: v}), "event 1", "no weight")
	}
	err = b.Add(Event{User: " ", Item: "i", Value: 1})
	wantError(t, err, "user is missing")
	if strings.Contains(err.Error(), "drop_missing") {
		t.Errorf("an event in memory has no run file: %v", err)
	}
	_, err = b.Build(t.Context(), 1, nil)
	wantError(t, err, "no events")
	b, _ = NewBuilder(&Config{})
	for range 2 {
		if err := b.Add(Event{User: "u", Item: "i", Value: 1e12}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = b.Build(t.Context(), 1, nil)
	wantError(t, err, `user "u"`, "smaller weights")
	wantError(t, b.Add(Event{User: "u", Item: "i", Value: 1}), "make another")
	_, err = b.Build(t.Context(), 1, nil)
	wantError(t, err, "make another")
	b, _ = NewBuilder(&Config{})
	for k := range 17 {
		err = b.Add(Event{User: "u", Item: "i", Value: 1, Kind: fmt.Sprint(k)})
	}
	wantError(t, err, "at most 16")
}

func TestVocabularyFile(t *testing.T) {
	v, err := NewVocabulary([]string{"b", "a", `a\n`, "a\nb", "a\rb", "é", "b", "\xff"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := v.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	whole := b.Bytes()
	w, err := ReadVocabulary(bytes.NewReader(whole))
	if err != nil || w.Sum() != v.Sum() || w.Len() != 7 {
		t.Fatalf("read %v, %v", w, err)
	}
	for n := range whole {
		if _, err := ReadVocabulary(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("a file of %d of %d bytes is read", n, len(whole))
		}
		changed := bytes.Clone(whole)
		changed[n] ^= 1
		if w, err := ReadVocabulary(bytes.NewReader(changed)); err == nil && w.Sum() != v.Sum() {
			t.Errorf("a change of byte %d is not noticed", n)
		}
	}
	path := t.TempDir() + "/items"
	if err := v.Save(path); err != nil {
		t.Fatal(err)
	}
	if w, err := LoadVocabulary(path); err != nil || w.Sum() != v.Sum() {
		t.Errorf("%v", err)
	}
	if _, err := NewVocabulary([]string{""}); err == nil {
		t.Error("an empty id is taken")
	}
}

func TestValidate(t *testing.T) {
	for text, parts := range map[string][]string{
		"{}":                                {"sources", "no source"},
		"sources: [{path: a, format: xml}]": {"sources[0].format", "xml"},
		"sources: [{path: a, format: log, encoding: latin-1}]":                      {"sources[0].encoding", "read it as csv"},
		"sources: [{path: a, delimiter: ';;'}]":                                     {"sources[0].delimiter", "cannot separate fields"},
		"sources: [{path: a, encoding: utf8}]":                                      {"sources[0].encoding", "utf-8"},
		"sources: [{path: a, format: log, columns: {user: u}}]":                     {"sources[0].columns", "names"},
		"sources: [{path: a}]\ncolumns: {user: x, item: x}":                         {"item", "already"},
		"sources: [{path: a, event: view}]\ncolumns: {event: e}":                    {"sources[0].event"},
		"sources: [{path: a}]\nsplit: {method: random, test: 1.5}":                  {"split.test", "1.5"},
		"sources: [{path: a}]\nsplit: {method: random, test: 0.6, validation: 0.4}": {"split.test", "nothing is left"},
		"sources: [{path: a}]\nsplit: {method: random, test_items: 1}":              {"split.test_items", "random"},
		"sources: [{path: a}]\nsplit: {method: given}":                              {"split.method", "neither"},
		"sources: [{path: a}]\ntest: [{path: b}]\nsplit: {method: random}":          {"split.method", "separate"},
		"sources: [{path: a}]\nsplit: {method: time, test_from: soon}":              {"split.test_from", "soon"},
		"sources: [{path: a}]\nsplit: {method: leave_last_out, test_items: -1}":     {"split.test_items", "negative"},
		"sources: [{path: a}]\nsplit: {method: leav_last_out}":                      {"split.method", "leave_last_out"},
	} {
		c := config(t, text)
		c.SetDefaults()
		before := fmt.Sprintf("%+v", c)
		c.SetDefaults()
		if after := fmt.Sprintf("%+v", c); before != after {
			t.Errorf("a second SetDefaults changes %s to %s", before, after)
		}
		wantError(t, c.Validate(), parts...)
	}
}

func FuzzReadVocabulary(f *testing.F) {
	v, err := NewVocabulary([]string{"a", `b\`, "c\nd"})
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := v.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("debut-vocabulary 1 -1 sha256:\n"))
	f.Add([]byte("debut-vocabulary 1 99999999999 sha256:\na\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ReadVocabulary(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if _, err := v.WriteTo(&again); err != nil {
			t.Fatal(err)
		}
		if w, err := ReadVocabulary(&again); err != nil || w.Sum() != v.Sum() {
			t.Errorf("written and read again: %v", err)
		}
	})
}

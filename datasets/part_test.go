package datasets

import (
	"context"
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

func TestEncodedAppend(t *testing.T) {
	d := mustLoad(t, shop(100), shopConfig())
	whole := d.Train.Encoded()
	rows := func(from, to int) *encoding.Encoded {
		part := &encoding.Encoded{Rows: to - from, D: whole.D, F: whole.F, Numeric: whole.Numeric[from*whole.D : to*whole.D], IDs: whole.IDs[from*whole.F : to*whole.F],
			Target: whole.Target[from:to], Weight: whole.Weight[from:to]}
		for _, c := range whole.IDColumns {
			part.IDColumns = append(part.IDColumns, encoding.IDColumn{Name: c.Name, Values: c.Values[from:to]})
		}
		return part
	}
	joined := new(encoding.Encoded)
	for _, part := range []*encoding.Encoded{rows(0, 7), rows(7, 7), rows(7, 30), rows(30, whole.Rows)} {
		if err := joined.Append(part); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(joined, whole) {
		t.Errorf("joined %+v\nwant %+v", joined, whole)
	}
	if err := joined.Append(&encoding.Encoded{Rows: 1, D: 1, Numeric: []float32{1}}); err == nil {
		t.Error("rows of another encoder: no error")
	}
	// What one of the two lacks, the sum lacks.
	bare := rows(0, 3)
	bare.Weight, bare.IDColumns = nil, nil
	if err := joined.Append(bare); err != nil || joined.Weight != nil || joined.IDColumns != nil || joined.Rows != whole.Rows+3 {
		t.Errorf("%v: %d weights, %d id columns, %d rows", err, len(joined.Weight), len(joined.IDColumns), joined.Rows)
	}
}

func TestAbsentPart(t *testing.T) {
	var p *Part
	if p.Rows() != 0 || p.Streamed() || p.Encoded() != nil {
		t.Error("a part that is not there has rows")
	}
	for d, err := range p.Blocks(t.Context()) {
		t.Errorf("a block of nothing: %v, %v", d, err)
	}
	if err := p.Hash(t.Context(), sha256.New()); err != nil {
		t.Error(err)
	}
}

func TestPartInMemory(t *testing.T) {
	e := &encoding.Encoded{Rows: 3, D: 1, Numeric: []float32{1, 2, 3}}
	p := InMemory(e)
	blocks := 0
	for b, err := range p.Blocks(t.Context()) {
		if blocks++; err != nil || b != e {
			t.Errorf("%v, %v", b, err)
		}
	}
	if blocks != 1 || p.Rows() != 3 {
		t.Errorf("%d blocks, %d rows", blocks, p.Rows())
	}
	b := p.Batches(Order{Shuffle: true})
	defer b.Close()
	var got []float32
	visit := func(d *encoding.Encoded, rows []int32, done int) {
		out := encoding.Batch{Numeric: make([]float32, len(rows))}
		d.Gather(&out, done, rows)
		got = append(got, out.Numeric...)
	}
	if err := b.Rows(t.Context(), 0, 0, 2, []int32{2, 0}, visit); err != nil || !slices.Equal(got, []float32{3, 1}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := b.Rows(t.Context(), 0, 0, 2, nil, visit); err == nil {
		t.Error("no rows chosen: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range p.Blocks(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	}
}

// Load leaves the caller's configuration alone, and returns what it made of it.
func TestLoadResolves(t *testing.T) {
	cfg := shopConfig()
	cfg.Source.Path = configfile.Strings{"data.csv"}
	cfg.Source.Tables = map[string]table.Source{"more": {Path: configfile.Strings{"data.csv"}}}
	cfg.Source.Query = "SELECT * FROM data"
	cfg.Validation = &table.Source{Path: configfile.Strings{"data.csv"}, Query: "SELECT * FROM data LIMIT 50"}
	cfg.Columns = map[string]encoding.Column{"city": {MinCount: 2}}
	dir := write(t, "data.csv", shop(200))
	before := cfg.clone()
	d, err := Load(t.Context(), &cfg, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&cfg, before) {
		t.Errorf("the configuration was changed to %+v\nfrom %+v", &cfg, before)
	}
	before.SetDefaults()
	before.Task, before.Split.Stratify = encoding.TaskBinary, new(true) // which the target decides on
	if !reflect.DeepEqual(d.Resolved, before) {
		t.Errorf("resolved to %+v\nwant %+v", d.Resolved, before)
	}
	if d.Resolved.Source.Format != "auto" || d.Resolved.Split.Method != SplitRandom || d.Resolved.Source.Tables["more"].Format != "auto" {
		t.Errorf("resolved to %+v", d.Resolved)
	}
}

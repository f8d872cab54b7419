package datasets

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// realData returns the folder of real data files, or skips the test.
func realData(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	dir, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real data %s: set DEBUT_DATA to the folder that holds it (%v)", name, err)
	}
	return dir
}

func TestShoppers(t *testing.T) {
	dir := realData(t, "shoppers")
	cfg := &Config{
		Source: table.Source{
			Path:   configfile.Strings{"online_shoppers_intention.csv"},
			Tables: map[string]table.Source{"splits": {Path: configfile.Strings{"splits.csv"}}},
			Query:  "SELECT d.*, s.test_0 FROM data d POSITIONAL JOIN splits s",
		},
		Target: "Revenue",
		Split:  Split{Method: SplitColumn, Column: "test_0", TestValues: configfile.Strings{"1"}, Validation: new(0.1)},
		Columns: map[string]encoding.Column{
			"OperatingSystems": {Type: table.TypeCategorical}, "Browser": {Type: table.TypeCategorical},
			"Region": {Type: table.TypeCategorical}, "TrafficType": {Type: table.TypeCategorical, MinCount: 10},
		},
		Defaults: encoding.Defaults{Numeric: encoding.Column{Transform: configfile.Strings{"log1p", "standardize"}, Encoding: configfile.Strings{encoding.EncodingPiecewiseLinear}}},
	}
	d, err := Load(context.Background(), cfg, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Report
	if r.Rows != 12330 || r.Train+r.Validation+r.Test != 12330 || r.Test != 2466 {
		t.Errorf("rows %d = %d + %d + %d, want 12330 with 2466 for testing", r.Rows, r.Train, r.Validation, r.Test)
	}
	if r.Task != encoding.TaskBinary || d.Encoder.Target.Positive != "true" {
		t.Errorf("task %s, positive %q", r.Task, d.Encoder.Target.Positive)
	}
	buyers := 0.0
	for _, y := range d.Train.Encoded().Target {
		buyers += y
	}
	if share := buyers / float64(d.Train.Rows()); share < 0.150 || share > 0.160 {
		t.Errorf("share of buyers in the training rows %g, want about 0.155", share)
	}
	if d.Train.Encoded().D != 11 || d.Train.Encoded().F != 6 {
		t.Errorf("%d numeric features, %d fields, want 11 and 6: %+v", d.Train.Encoded().D, d.Train.Encoded().F, r.Columns)
	}
	if len(r.Files) != 2 || len(r.Files[0].SHA256) != 64 {
		t.Errorf("files = %+v", r.Files)
	}
}

func TestAdult(t *testing.T) {
	dir := realData(t, "adult")
	names := strings.Fields("age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain capital_loss hours_per_week native_country income")
	cfg := &Config{
		Source: table.Source{Path: configfile.Strings{"adult.data.gz"}, Format: "csv", Names: names, Null: configfile.Strings{"?"}},
		Test:   &table.Source{Path: configfile.Strings{"adult.test.gz"}, Query: "SELECT * REPLACE (rtrim(income, '.') AS income) FROM data"},
		Target: "income",
	}
	d, err := Load(context.Background(), cfg, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := d.Train.Rows() + d.Validation.Rows(); n != 32561 || d.Test.Rows() != 16281 {
		t.Errorf("%d and %d rows, want 32561 and 16281", n, d.Test.Rows())
	}
	if got := d.Encoder.Target; got.Positive != ">50K" || got.Classes[0] != "<=50K" {
		t.Errorf("classes %q, positive %q", got.Classes, got.Positive)
	}
	if d.Train.Encoded().D != 6 || d.Train.Encoded().F != 8 {
		t.Errorf("%d numeric features and %d fields, want 6 and 8", d.Train.Encoded().D, d.Train.Encoded().F)
	}
	for _, c := range d.Report.Columns {
		if want := c.Name == "workclass" || c.Name == "occupation" || c.Name == "native_country"; want != (c.Missing > 0) {
			t.Errorf("column %s: %d missing", c.Name, c.Missing)
		}
	}
}

package datasets

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// What was decided in training is told, stored with the encoder, and holds for files that leave it open.
func TestDecisionsAreKept(t *testing.T) {
	content := "day;price;n;y\n" + numbered(60, func(i int) string { return fmt.Sprintf("%02d/%02d/24;€ 1.%03d,50;%d;%d", 1+i%28, 1+i%12, i, i, i%2) })
	d := mustLoad(t, content, Config{Target: "y", Source: table.Source{Decimal: ",", Thousands: "."}, Columns: map[string]encoding.Column{"price": {Type: table.TypeNumeric}}})
	read := d.Report.Read
	if read == nil || read.Format != "csv" || read.Delimiter != ";" || read.Header == nil || !*read.Header {
		t.Fatalf("%+v", read)
	}
	want := []table.Decision{{Column: "day", Type: table.TypeDate, Written: "DD/MM/YY"}, {Column: "price", Type: table.TypeNumeric, Written: "$1.234,5"}, {Column: "n", Type: table.TypeNumeric},
		{Column: "y", Type: table.TypeNumeric}}
	for i, w := range want {
		if got := read.Columns[i]; got.Column != w.Column || got.Type != w.Type || got.Written != w.Written && w.Column != "n" && w.Column != "y" {
			t.Errorf("%+v, want %+v", got, w)
		}
	}

	var file bytes.Buffer
	if err := d.Encoder.Save(&file); err != nil {
		t.Fatal(err)
	}
	e, err := encoding.LoadEncoder(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	// A month of 1 to 12 in both places, and amounts without thousands.
	dir := write(t, "new.csv", "day;price;n\n02/03/24;€ 7,25;1\n04/05/24;€ 1.007;2\n")
	for _, query := range []string{"", "SELECT * FROM data"} {
		f, err := e.Read(context.Background(), table.Source{Path: configfile.Strings{"new.csv"}, Query: query}, dir, false)
		if err != nil {
			t.Fatalf("query %q: %v", query, err)
		}
		if day, price := f.Column("day"), f.Column("price"); day.Format(0) != "2024-03-02" || price.Floats[0] != 7.25 || price.Floats[1] != 1007 {
			t.Errorf("query %q: day %s, prices %v", query, day.Format(0), price.Floats)
		}
	}
}

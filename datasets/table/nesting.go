package table

import (
	"context"
	"errors"
	"fmt"
	"io"

	"debut/datasets/strictjson"
	"debut/datasets/wording"
)

// checkNesting looks through a file of JSON for values that are nested too deep, before DuckDB sees it: that ends the process
// where its stack is full. What is compressed is read to its end.
func checkNesting(ctx context.Context, file string) (err error) {
	in, err := OpenText(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var nesting strictjson.Nesting
	buffer := make([]byte, 1<<17)
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := in.Read(buffer)
		if nesting.Deep(buffer[:n]) {
			return &ValueError{Place: fmt.Sprintf("%s:%d", wording.FileName(file), nesting.Line()),
				Problem:  fmt.Sprintf("the value is nested more than %d deep", strictjson.MaxDepth),
				Remedies: []Remedy{ManualRemedy("flatten it, or leave it out of the file")}}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read %s: the file is damaged or cut off (%w); copy or download it again", wording.FileName(file), err)
		}
	}
}

package duck

import (
	"context"
	"fmt"
	"unsafe"

	"debut/datasets/strictjson"
)

// flatJSON is the function that lets a text in JSON through unless it is nested too deep.
const flatJSON = Reserved + "flat_json"

// shadows stand before functions of DuckDB that call themselves for each level of a value in JSON, and end the process
// where the stack is full. Check refuses what else does: casts to VARIANT.
var shadows = []string{
	"json_structure(a) AS system.main.json_structure(" + flatJSON + "(a))",
	"json_pretty(a) AS system.main.json_pretty(" + flatJSON + "(a))",
	"json_contains(a, b) AS system.main.json_contains(" + flatJSON + "(a), " + flatJSON + "(b))",
	"json_merge_patch(a, b) AS system.main.json_merge_patch(" + flatJSON + "(a), " + flatJSON + "(b))",
	"json_tree(a) AS TABLE SELECT * FROM system.main.json_tree(" + flatJSON + "(a))",
}

// shadow puts functions that look at the depth of JSON before those that do not.
func (d *DB) shadow(ctx context.Context) error {
	err := DefineChecked(d, flatJSON, func(text string) (string, bool, error) {
		if new(strictjson.Nesting).Deep(unsafe.Slice(unsafe.StringData(text), len(text))) {
			return "", false, fmt.Errorf("a value of JSON is nested more than %d deep", strictjson.MaxDepth)
		}
		return text, true, nil
	})
	for i := 0; err == nil && i < len(shadows); i++ {
		err = d.Query(ctx, "CREATE TEMP MACRO "+shadows[i], nil)
	}
	return err
}

// variants returns an error for a statement that casts to VARIANT.
func variants(tree node) (err error) {
	walk(tree, func(n node) bool {
		if n["id"] == "VARIANT" {
			err = &Error{Message: "VARIANT is not taken: a value of JSON that is nested deep would end the program; cast to a type of SQL, or take json_extract"}
		}
		return err == nil
	})
	return err
}

package export

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"debut/datasets/atomicfile"
	"debut/engine/onnx"
	"debut/trainers/model"
	"debut/trainers/runfolder"
)

// About tells of a model what its folder does not.
type About struct {
	// Run is what came out of the training; nil where that is not known.
	Run *runfolder.RunResult
	// License is a file that says on which terms the model may be used; "": it is not said.
	License string
}

// exampleRows is how many rows an example has.
const exampleRows = 3

// bundle writes the graphs with all that is needed to use them without asking whoever made them.
func (w *writer) bundle(ctx context.Context) error {
	if err := w.license(); err != nil { // before what takes long
		return err
	}
	if err := w.graphs(ctx, func(graph string) string { return graph + ".onnx" }); err != nil {
		return err
	}
	for i, g := range w.result.Graphs {
		prefix := ""
		if i > 0 {
			prefix = g.Name + "."
		}
		if err := w.json(prefix+"request.schema.json", requestSchema(g)); err != nil {
			return err
		}
		if err := w.example(ctx, i, prefix); err != nil {
			return err
		}
	}
	if err := w.text("MODEL_CARD.md", w.card()); err != nil {
		return err
	}
	var sums strings.Builder
	for _, f := range w.result.Files {
		fmt.Fprintf(&sums, "%s  %s\n", f.SHA256, f.Name)
	}
	return w.text("SHA256SUMS", sums.String())
}

// example writes a request and what the model answers. Rows of a table are made up of what the model knows: those of the data may be about
// people.
func (w *writer) example(ctx context.Context, graph int, prefix string) error {
	x, ok := w.m.(model.Exporter)
	if !ok {
		return ErrNoGraph
	}
	list, err := x.Graphs()
	if err != nil {
		return err
	}
	g := w.result.Graphs[graph]
	var trial model.Trial
	if list[graph].Own != nil {
		trial, err = list[graph].Own(ctx, g.Signature, w.o.Graph, exampleRows)
	} else {
		made, ok := w.m.(model.Exemplary)
		if !ok {
			return nil
		}
		trial, err = list[graph].Trials(ctx, g.Signature, made.ExampleRows(exampleRows))
	}
	if err != nil {
		return fmt.Errorf("export: an example for %s: %w", g.Name, err)
	}
	if err := w.json(prefix+"example_request.json", tensorsJSON(g.Inputs, trial.Inputs, "inputs")); err != nil {
		return err
	}
	return w.json(prefix+"example_response.json", tensorsJSON(g.Outputs, trial.Outputs, "outputs"))
}

// tensorJSON is a tensor of the inference protocol that KServe and Triton speak over HTTP (Open Inference Protocol, version 2).
type tensorJSON struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
	Data     []any  `json:"data"`
}

// protocolTypes are the types of that protocol.
var protocolTypes = map[string]string{"string": "BYTES", "float32": "FP32", "float64": "FP64", "int64": "INT64", "int32": "INT32", "bool": "BOOL"}

func tensorsJSON(ports []model.Port, values map[string]onnx.Tensor, key string) map[string][]tensorJSON {
	list := []tensorJSON{}
	for _, p := range ports {
		v := values[p.Name]
		list = append(list, tensorJSON{p.Name, protocolTypes[p.Type], v.Shape, elements(v)})
	}
	return map[string][]tensorJSON{key: list}
}

// elements are the values of a tensor as JSON has them: null stands for what is no finite number.
func elements(t onnx.Tensor) []any {
	out := []any{}
	number := func(v float64, as any) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			as = nil
		}
		out = append(out, as)
	}
	switch d := t.Data.(type) {
	case []float32:
		for _, v := range d {
			number(float64(v), v)
		}
	case []float64:
		for _, v := range d {
			number(v, v)
		}
	case []int64:
		for _, v := range d {
			out = append(out, v)
		}
	case []string:
		for _, v := range d {
			out = append(out, v)
		}
	case []bool:
		for _, v := range d {
			out = append(out, v)
		}
	}
	return out
}

// requestSchema is the JSON schema of a request of one graph.
func requestSchema(g Graph) map[string]any {
	elements := map[string]map[string]any{
		"string": {"type": "string"}, "float32": {"type": []string{"number", "null"}}, "float64": {"type": []string{"number", "null"}},
		"int64": {"type": "integer"}, "int32": {"type": "integer"}, "bool": {"type": "boolean"},
	}
	var inputs []any
	for _, p := range g.Inputs {
		about := p.About
		if p.Encoded != "" {
			about += "; " + p.Encoded
		}
		inputs = append(inputs, map[string]any{
			"type": "object", "description": about, "required": []string{"name", "datatype", "shape", "data"}, "additionalProperties": false,
			"properties": map[string]any{
				"name": map[string]any{"const": p.Name}, "datatype": map[string]any{"const": protocolTypes[p.Type]},
				"shape": map[string]any{"type": "array", "prefixItems": []any{map[string]any{"type": "integer", "minimum": 1}, map[string]any{"const": p.Width}}, "minItems": 2, "maxItems": 2},
				"data":  map[string]any{"type": "array", "items": elements[p.Type], "minItems": 1, "description": "row by row; null is NaN"},
			},
		})
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "a request to " + g.File + " (Open Inference Protocol, version 2)", "type": "object",
		"required": []string{"inputs"}, "properties": map[string]any{"inputs": map[string]any{"type": "array", "prefixItems": inputs, "minItems": len(inputs), "maxItems": len(inputs)}},
	}
}

// maxLicense bounds the text of a license.
const maxLicense = 1 << 20

// license copies the license.
func (w *writer) license() error {
	if w.o.About.License == "" {
		return nil
	}
	text, err := atomicfile.Read(w.o.About.License, maxLicense)
	if err != nil {
		return fmt.Errorf("export: the license: %w", err)
	}
	return w.text("LICENSE", string(text))
}

// card is the model card: what the model is, what it was trained and measured on, and what it is not for.
func (w *writer) card() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s\n\nA model of the family %s, exported by debut %s.\n", w.o.Name, w.m.Family(), w.o.Version)
	line("## What it answers\n")
	for _, g := range w.result.Graphs {
		line("`%s` takes, a row each:\n\n| input | type | what |\n|---|---|---|", g.File)
		for _, p := range g.Inputs {
			line("| %s | %s%s | %s |", cell(p.Name), p.Type, times(p.Width), cell(strings.TrimSuffix(p.About+"; "+p.Encoded, "; ")))
		}
		line("\nand answers:\n\n| output | type | what |\n|---|---|---|")
		for _, p := range g.Outputs {
			line("| %s | %s%s | %s |", cell(p.Name), p.Type, times(p.Width), cell(strings.TrimSuffix(p.About+"; "+p.Encoded, "; ")))
		}
		line("")
	}
	w.cardRun(line)
	line("## Limits\n")
	line("- It knows what was in its training data. Values that these did not have count as unknown, and numbers far beyond them are guesses.")
	line("- It was measured on data like those it was trained on; measure it anew on those it is used on, and train it anew when they change.")
	line("- Whom its answers treat differently was not looked at.\n")
	line("## Verification\n")
	if len(w.result.Verified) == 0 {
		line("The graphs were not run after the export; `debut export --verify` does.\n")
	}
	for _, v := range w.result.Verified {
		line("- %s: %d rows by ONNX Runtime, largest difference %.2g from what debut itself answers, %d texts that differ, %d ties exchanged.", v.Graph, v.Rows, v.Largest, v.Texts, v.Exchanged)
	}
	line("\n## Files\n\nSHA-256 of each is in SHA256SUMS.\n\n## License\n")
	if w.o.About.License == "" {
		line("Not said; ask whoever gave you this model.")
	} else {
		line("See LICENSE.")
	}
	return b.String()
}

// cardRun is what the training says.
func (w *writer) cardRun(line func(format string, args ...any)) {
	r := w.o.About.Run
	if r == nil {
		return
	}
	line("## Training\n")
	line("- run: %s, finished %s, seed %d, debut %s", cell(r.Name), r.Finished.UTC().Format("2006-01-02"), r.Seed, r.Versions.Debut)
	if r.Protocol != "" {
		line("- protocol: %s", cell(r.Protocol))
	}
	for _, f := range r.Data {
		line("- data: %s, SHA-256 %s", cell(f.Path), f.SHA256)
	}
	line("\n## Metrics\n")
	for _, part := range slices.Sorted(maps.Keys(r.Metrics)) {
		m := r.Metrics[part]
		if m == nil {
			continue
		}
		line("%s, %d rows:\n\n| metric | value |\n|---|---|", part, m.Rows)
		for _, v := range m.Values {
			line("| %s | %.6g |", cell(v.Name), v.Value)
		}
		line("")
	}
}

// times says how many values a row of a tensor has, where that is not one.
func times(width int) string {
	if width == 1 {
		return ""
	}
	return fmt.Sprintf(" × %d", width)
}

// cell is a text for a table.
func cell(s string) string {
	return cmp.Or(strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;").Replace(s), "–")
}

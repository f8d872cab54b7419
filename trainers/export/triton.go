package export

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"debut/trainers/model"
)

// maxBatch is how many rows Triton joins in a batch at most.
const maxBatch = 1024

// tritonTypes are the types of a configuration for those of a signature.
var tritonTypes = map[string]string{"string": "TYPE_STRING", "float32": "TYPE_FP32", "float64": "TYPE_FP64", "int64": "TYPE_INT64", "int32": "TYPE_INT32", "bool": "TYPE_BOOL"}

// triton writes a model repository of Triton Inference Server: a folder for each question, named as the model, with its configuration and
// a folder of its first version.
func (w *writer) triton(ctx context.Context) error {
	name := tritonName(w.o.Name)
	of := func(graph string) string {
		if graph == "model" {
			return name
		}
		return name + "_" + graph
	}
	if err := w.graphs(ctx, func(graph string) string { return path.Join(of(graph), "1", "model.onnx") }); err != nil {
		return err
	}
	for _, g := range w.result.Graphs {
		text, err := tritonConfig(of(g.Name), g.Signature)
		if err != nil {
			return err
		}
		if err := w.text(path.Join(of(g.Name), "config.pbtxt"), text); err != nil {
			return err
		}
	}
	return nil
}

// tritonName makes a name of a folder and in addresses.
func tritonName(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
	return cmp.Or(strings.Trim(safe, "_"), "model")
}

// tritonConfig is a model's configuration, the message ModelConfig as text. Batches are Triton's to make: dims are those of a row.
func tritonConfig(name string, s model.Signature) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nbackend: \"onnxruntime\"\ndefault_model_filename: \"model.onnx\"\nmax_batch_size: %d\n", protoText(name), maxBatch)
	for _, list := range []struct {
		field string
		ports []model.Port
	}{{"input", s.Inputs}, {"output", s.Outputs}} {
		for _, p := range list.ports {
			typ, ok := tritonTypes[p.Type]
			if !ok {
				return "", fmt.Errorf("export: Triton has no type for %s of %s", p.Type, p.Name)
			}
			fmt.Fprintf(&b, "%s {\n  name: %s\n  data_type: %s\n  dims: [ %d ]\n}\n", list.field, protoText(p.Name), typ, p.Width)
		}
	}
	b.WriteString("version_policy {\n  latest {\n    num_versions: 1\n  }\n}\ninstance_group {\n  count: 1\n  kind: KIND_CPU\n}\ndynamic_batching {\n  max_queue_delay_microseconds: 500\n}\n")
	return b.String(), nil
}

// protoText quotes a text as the text format of protocol buffers does, byte by byte but for plain letters.
func protoText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
		default: // of UTF-8 all bytes stand for themselves
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

package behavior

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// treeForgeries change everything in model.json and encoder.json to what it cannot be, whatever it means.
func treeForgeries(base *forger) (list []forgery) {
	for _, file := range []struct {
		name string
		root func(f *forger) map[string]any
	}{{"model", func(f *forger) map[string]any { return f.model }}, {"encoder", func(f *forger) map[string]any { return f.encoder }}} {
		leaves(file.root(base), "", func(path string, v any) {
			add := func(what string, change func(root map[string]any)) {
				list = append(list, forgery{name: file.name + "." + path + " " + what, change: func(f *forger) { change(file.root(f)) }})
			}
			replace := func(values ...string) {
				for _, text := range values {
					add("= "+text, func(root map[string]any) { set(root, path, raw(text)) })
				}
			}
			parent, key := at(file.root(base), path)
			if _, ok := parent.(map[string]any); ok {
				holder := strings.TrimSuffix(path, key)
				add("twice", func(root map[string]any) { set(root, holder+twin+key, v) })
				add("twice, once in capitals", func(root map[string]any) { set(root, holder+twinOfCase+key, v) })
				add("in capitals", func(root map[string]any) {
					set(root, holder+twinOfCase+key, v)
					remove(root, path)
				})
				add("renamed", func(root map[string]any) {
					set(root, holder+"x"+key, v)
					remove(root, path)
				})
			}
			switch v := v.(type) {
			case map[string]any:
				replace(`null`, `[]`, `7`)
				add("with an unknown key", func(root map[string]any) { set(root, path+".unknown", 1) })
				add("nested deep", func(root map[string]any) {
					set(root, path+".unknown", raw(strings.Repeat("[", 150)+strings.Repeat("]", 150)))
				})
			case []any:
				replace(`{}`, `"x"`)
				if path != "id" { // without it predictions have no ids
					replace(`[]`)
				}
			case string:
				replace(`null`, `7`, `["x"]`)
				// Values may be empty; an empty activation is the usual one.
				if path != "weight" && !strings.Contains(path, "vocabulary") && !strings.Contains(path, "classes") && !strings.HasSuffix(path, "activation") {
					replace(`""`)
				}
			case bool:
				replace(`7`, `"true"`)
			case json.Number:
				replace(`null`, `"1"`, `[1]`, `true`, `1e999`, `-1e999`)
				switch key {
				case "mean", "fill_number", "low", "high", "value", "intercept": // any number could be theirs
				case "dropout":
					replace(`-1`, `1`)
				default:
					if !strings.Contains(path, "prior") && !strings.Contains(path, "edges") && !strings.Contains(path, "knots") {
						replace(`-1`, `0`)
					}
					if !strings.Contains(string(v), ".") && key != "scale" {
						replace(`1.5`, `18446744073709551616`)
					}
				}
			}
		})
	}
	return list
}

// modelForgeries change model.json alone, or with what must agree.
func modelForgeries(base *forger) (list []forgery) {
	add := func(name string, change func(f *forger)) {
		list = append(list, forgery{name: "model: " + name, change: change})
	}
	harmless := func(name string, change func(f *forger)) {
		list = append(list, forgery{name: "model: " + name, change: change, harmless: true})
	}
	linear := get(base.model, "network.hidden") == nil
	for _, path := range []string{"network.outputs", "network.fields.0.cardinality", "network.fields.0.dim", "network.hidden.0.units"} {
		if get(base.model, path) == nil {
			continue
		}
		if linear && strings.HasSuffix(path, "dim") {
			harmless("the width of an embedding that a linear model has not", func(f *forger) { set(f.model, path, 7) })
			continue
		}
		for _, v := range []int{2, 5, 1000, 10_000_000, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64} {
			add(fmt.Sprintf("%s %d", path, v), func(f *forger) { set(f.model, path, v) })
		}
	}
	add("numeric features swapped", func(f *forger) {
		l := get(f.model, "network.numeric").([]any)
		l[0], l[1] = l[1], l[0]
	})
	add("a numeric feature renamed", func(f *forger) { set(f.model, "network.numeric.1.name", "a") })
	add("a field renamed", func(f *forger) { set(f.model, "network.fields.0.name", "town") })
	add("a field more", func(f *forger) {
		set(f.model, "network.fields", append(get(f.model, "network.fields").([]any), map[string]any{"name": "x", "cardinality": 3, "dim": 2}))
	})
	add("no field", func(f *forger) { set(f.model, "network.fields", nil) })
	add("no features", func(f *forger) { set(f.model, "network.fields", nil); set(f.model, "network.numeric", nil) })
	for name, edges := range map[string]string{
		"two": "[0,2]", "one": "[0]", "falling": "[1,0]", "equal": "[1,1,2]", "equal in 32 bits": "[1,1.00000000001,2]", "large": "[0,1e300]", "none": "[]",
	} {
		add("edges of b, "+name, func(f *forger) { set(f.model, "network.numeric.1.edges", raw(edges)) })
		add("edges of b in both files, "+name, func(f *forger) {
			set(f.model, "network.numeric.1.edges", raw(edges))
			set(f.encoder, "columns.1.features.0.edges", raw(edges))
		})
	}
	add("dropout of all inputs", func(f *forger) { set(f.model, "network.input_dropout", 1) })
	add("negative dropout", func(f *forger) { set(f.model, "network.input_dropout", -0.5) })
	harmless("dropout of inputs", func(f *forger) { set(f.model, "network.input_dropout", 0.25) })
	harmless("other blanks", func(f *forger) {
		f.modelText = func(text []byte) []byte { return append(append([]byte(" \n"), text...), "\r\n\t "...) }
	})
	harmless("nothing", func(*forger) {})
	if !linear {
		add("no hidden layers", func(f *forger) { set(f.model, "network.hidden", nil) })
		add("a layer more", func(f *forger) {
			set(f.model, "network.hidden", append(get(f.model, "network.hidden").([]any), map[string]any{"units": 6}))
		})
		add("100000 layers", func(f *forger) {
			set(f.model, "network.hidden", raw("["+strings.Repeat(`{"units":1},`, 99_999)+`{"units":1}]`))
		})
		add("900 layers", func(f *forger) {
			set(f.model, "network.hidden", raw("["+strings.Repeat(`{"units":1},`, 899)+`{"units":1}]`))
		})
		add("an activation that is none", func(f *forger) { set(f.model, "network.hidden.0.activation", "rleu") })
		add("dropout of a whole layer", func(f *forger) { set(f.model, "network.hidden.0.dropout", 1) })
		harmless("dropout of a layer", func(f *forger) { set(f.model, "network.hidden.0.dropout", 0.9) })
		if get(base.model, "network.hidden.0.batch_norm") == false {
			add("batch norm", func(f *forger) { set(f.model, "network.hidden.0.batch_norm", true) })
		} else {
			add("no batch norm", func(f *forger) { set(f.model, "network.hidden.0.batch_norm", false) })
			harmless("batch norm said", func(f *forger) { set(f.model, "network.hidden.0.batch_norm", true) })
		}
		add("coefficients", func(f *forger) { set(f.model, "coefficients", raw(`{"intercept":1,"features":[]}`)) })
	} else {
		add("a hidden layer", func(f *forger) { set(f.model, "network.hidden", raw(`[{"units":3}]`)) })
		add("no coefficients", func(f *forger) { remove(f.model, "coefficients") })
		add("no intercept", func(f *forger) { remove(f.model, "coefficients.intercept") })
		add("another intercept", func(f *forger) { set(f.model, "coefficients.intercept", 3.8) })
		add("a huge intercept", func(f *forger) { set(f.model, "coefficients.intercept", 1e308) })
		add("another coefficient", func(f *forger) { set(f.model, "coefficients.features.1.value", 0.5) })
		add("a coefficient that is 0", func(f *forger) { set(f.model, "coefficients.features.0.value", 0) })
		add("coefficients swapped", func(f *forger) {
			l := get(f.model, "coefficients.features").([]any)
			l[0], l[1] = l[1], l[0]
		})
		add("a coefficient less", func(f *forger) {
			l := get(f.model, "coefficients.features").([]any)
			set(f.model, "coefficients.features", l[:len(l)-1])
		})
		add("a coefficient more", func(f *forger) {
			l := get(f.model, "coefficients.features").([]any)
			set(f.model, "coefficients.features", append(l, l[0]))
		})
		add("another class", func(f *forger) { set(f.model, "coefficients.output", "yes") })
		add("further outputs", func(f *forger) { set(f.model, "coefficients.more", raw(`[{"intercept":1,"features":[]}]`)) })
		add("further outputs, nested", func(f *forger) {
			set(f.model, "coefficients.more", raw(strings.Repeat(`[{"intercept":1,"features":[],"more":`, 40)+"null"+strings.Repeat("}]", 40)))
		})
		add("outputs and classes 10000", func(f *forger) { manyClasses(f, 10_000) })
	}
	add("no encoder's checksum", func(f *forger) { f.sums = func(s map[string]any) { delete(s, encoderFile) } })
	add("no parameters' checksum", func(f *forger) { f.sums = func(s map[string]any) { delete(s, parametersFile) } })
	add("no checksums", func(f *forger) { delete(f.model, "sha256") })
	add("a checksum in capitals", func(f *forger) {
		f.sums = func(s map[string]any) { s[encoderFile] = strings.ToUpper(s[encoderFile].(string)) }
	})
	add("a short checksum", func(f *forger) { f.sums = func(s map[string]any) { s[encoderFile] = "00" } })
	add("another checksum", func(f *forger) { f.sums = func(s map[string]any) { s[encoderFile] = strings.Repeat("0", 64) } })
	for _, name := range []string{"../x", "/etc/passwd", "sub/x", "", ".", "model.json", "extra.bin", "ENCODER.JSON"} {
		add("a checksum of "+name, func(f *forger) { f.sums = func(s map[string]any) { s[name] = s[encoderFile] } })
	}
	for _, tail := range []string{"x", "{}", "\x00", "]"} {
		add(fmt.Sprintf("%q behind the end", tail), func(f *forger) { f.modelText = func(b []byte) []byte { return append(b, tail...) } })
	}
	add("cut short", func(f *forger) { f.modelText = func(b []byte) []byte { return b[:len(b)/2] } })
	add("empty", func(f *forger) { f.modelText = func([]byte) []byte { return nil } })
	add("null", func(f *forger) { f.modelText = func([]byte) []byte { return []byte("null") } })
	add("a mark of byte order", func(f *forger) { f.modelText = func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) } })
	add("nested deep, without an end", func(f *forger) {
		f.modelText = func([]byte) []byte { return []byte(strings.Repeat(`{"a":[`, 100_000)) }
	})
	add("another family", func(f *forger) { set(f.model, "family", "pricing") })
	add("a version to come", func(f *forger) { set(f.model, "version", 2) })
	if base.keys == nil {
		add("said to be encrypted", func(f *forger) { set(f.model, "encrypted", true) })
	} else {
		add("encrypted inside only", func(f *forger) { f.outer = func(m map[string]any) { m["encrypted"] = false } })
		add("a network in the clear", func(f *forger) { f.outer = func(m map[string]any) { m["network"] = f.model["network"] } })
		add("another version outside", func(f *forger) { f.outer = func(m map[string]any) { m["version"] = 0 } })
		add("an unknown key outside", func(f *forger) { f.outer = func(m map[string]any) { m["unknown"] = 0 } })
		add("other checksums outside", func(f *forger) {
			f.outer = func(m map[string]any) { m["sha256"].(map[string]any)["x"] = strings.Repeat("0", 64) }
		})
		add("no checksum of what is sealed", func(f *forger) {
			f.outer = func(m map[string]any) { delete(m["sha256"].(map[string]any), "network.json") }
		})
	}
	return list
}

// manyClasses makes target and network one of n classes.
func manyClasses(f *forger, n int) {
	classes, prior := make([]any, n), make([]any, n)
	for i := range classes {
		classes[i], prior[i] = fmt.Sprint("c", i), 1/float64(n)
	}
	f.encoder["target"] = map[string]any{"name": "y", "type": "categorical", "task": "multiclass", "classes": classes, "prior": prior, "mean": 0, "scale": 1}
	set(f.model, "network.outputs", n)
}

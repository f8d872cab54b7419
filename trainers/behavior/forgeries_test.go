package behavior

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"debut/datasets/sealed"
	"debut/engine/safetensors"
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
					if !strings.Contains(path, "prior") && !strings.Contains(path, "edges") {
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
		add("no batch norm", func(f *forger) { set(f.model, "network.hidden.0.batch_norm", false) })
		harmless("batch norm said", func(f *forger) { set(f.model, "network.hidden.0.batch_norm", true) })
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

// encoderForgeries change encoder.json alone, or with what must agree.
func encoderForgeries(base *forger) (list []forgery) {
	add := func(name string, change func(f *forger)) {
		list = append(list, forgery{name: "encoder: " + name, change: change})
	}
	harmless := func(name string, change func(f *forger)) {
		list = append(list, forgery{name: "encoder: " + name, change: change, harmless: true})
	}
	field := 0 // the categorical column
	for i, c := range base.encoder["columns"].([]any) {
		if get(c.(map[string]any), "type") == "categorical" {
			field = i
		}
	}
	city := fmt.Sprintf("columns.%d.", field)
	puts := func(path string, values ...string) {
		for _, v := range values {
			add(path+" = "+v, func(f *forger) { set(f.encoder, path, raw(v)) })
		}
	}
	for _, c := range []string{"columns.0.features.0.", "columns.1.features.0."} {
		puts(c+"scale", "0", "-0", "-1", "-1e-300", "1e-400", "1e309")
		puts(c+"mean", "1e309")
		puts(c+"name", `"z"`)
		puts(c+"source", `"z"`)
		puts(c+"edges", "[0,1,2]", "[5,4]", "[0]", "[]")
	}
	puts("columns.0.type", `"boolean"`, `"date"`, `"vector"`, `"text"`, `"categorical"`, `"ignore"`, `"auto"`)
	puts("columns.0.fill", `"category"`, `"zeros"`, `"what"`)
	puts("columns.0.low", "1", "-1")
	puts("columns.0.log1p", "true")
	puts("columns.0.fill_text", `"x"`)
	puts("columns.0.fill_micros", "5")
	puts("columns.0.parts", `["year"]`)
	puts("columns.0.date_layout", `"2006"`)
	puts("columns.0.bounds", "[1,2]", "[2,1]", "[0]")
	puts("columns.0.vocabulary", `["x"]`)
	puts("columns.0.missing_id", "1")
	puts("columns.0.hash_buckets", "5")
	puts("columns.0.embedding", "5")
	puts("columns.0.width", "1", "65536")
	puts("columns.0.l2", "true")
	puts("columns.0.means", "[0]")
	puts("columns.0.indicator", "true")
	puts("columns.0.words", "[1,2]")
	puts(city+"missing_id", "1", "3", "4", "5", "-1", "2147483647", "2147483648")
	puts(city+"hash_buckets", "3", "1000000000", "2147483647", "-1", "9223372036854775807")
	puts(city+"embedding", "-1", "10000000", "2147483648")
	puts(city+"vocabulary", `["Ulm"]`, `["Ulm","Bonn"]`, `["Ulm","Bonn","Kiel","x"]`, `["Ulm","Ulm","Kiel"]`, `[]`, `null`)
	puts(city+"type", `"numeric"`, `"date"`, `"text"`)
	puts(city+"fill", `"zeros"`, `"mean"`)
	puts(city+"features", `[{"name":"city","source":"city","mean":0,"scale":1}]`)
	puts(city+"indicator", "true")
	puts("target.scale", "0", "-1", "1e-400")
	puts("target.mean", "1e309")
	puts("target.task", `"ranking"`, `""`)
	puts("target.classes", `["a"]`, `["a","a"]`, `["a","b","c","d"]`, `["no","yes","no"]`)
	puts("target.prior", `[0.5]`, `[2,-1]`, `[0.1,0.1]`, `[0.5,0.25,0.125,0.125]`)
	puts("target.positive", `"maybe"`)
	puts("target.type", `"date"`, `"vector"`, `""`)
	puts("target.name", `"a"`, `""`, `"id"`)
	puts("id", `["a"]`, `[""]`, `["id","id"]`)
	puts("weight", `"a"`, `"id"`)
	puts("version", "1", "3", "4", "-2", "2147483648")
	add("10000 classes", func(f *forger) {
		manyClasses(f, 10_000)
		set(f.model, "network.outputs", 1)
	})
	if outputs := fmt.Sprint(get(base.model, "network.outputs")); outputs == "1" {
		for _, n := range []int{2, 3, 5} {
			add(fmt.Sprintf("%d classes of one output", n), func(f *forger) {
				manyClasses(f, n)
				set(f.model, "network.outputs", 1)
			})
		}
	} else {
		for _, n := range []int{2, 4, 5} {
			add(fmt.Sprintf("%d classes of %s outputs", n, outputs), func(f *forger) {
				manyClasses(f, n)
				set(f.model, "network.outputs", raw(outputs))
			})
		}
		add("a regression of several outputs", func(f *forger) {
			f.encoder["target"] = raw(`{"name":"y","type":"numeric","task":"regression","mean":0,"scale":1}`)
		})
	}
	add("as many buckets as there can be, in both files", func(f *forger) {
		remove(f.encoder, city+"vocabulary")
		set(f.encoder, city+"hash_buckets", 1_000_000_000)
		set(f.model, "network.fields.0.cardinality", 1_000_000_001)
	})
	add("a word more, in both files", func(f *forger) {
		set(f.encoder, city+"vocabulary", raw(`["Ulm","Bonn","Kiel","x"]`))
		set(f.model, "network.fields.0.cardinality", 5)
	})
	add("columns swapped", func(f *forger) {
		l := f.encoder["columns"].([]any)
		l[0], l[1] = l[1], l[0]
	})
	add("a column twice", func(f *forger) {
		f.encoder["columns"] = append(f.encoder["columns"].([]any), get(f.encoder, "columns.0"))
	})
	add("a column less", func(f *forger) { f.encoder["columns"] = f.encoder["columns"].([]any)[1:] })
	add("columns of 65536 features, 2000 of them", func(f *forger) {
		l := f.encoder["columns"].([]any)
		for i := range 2000 {
			l = append(l, map[string]any{"name": fmt.Sprint("v", i), "type": "vector", "fill": "zeros", "width": 65536})
		}
		f.encoder["columns"], f.encoder["version"] = l, 3
	})
	add("invalid UTF-8", func(f *forger) {
		f.encoderText = func(b []byte) []byte { return []byte(strings.Replace(string(b), "Bonn", "B\xffnn", 1)) }
	})
	for _, tail := range []string{"x", "{}", "\x00"} {
		add(fmt.Sprintf("%q behind the end", tail), func(f *forger) { f.encoderText = func(b []byte) []byte { return append(b, tail...) } })
	}
	add("cut short", func(f *forger) { f.encoderText = func(b []byte) []byte { return b[:len(b)-1] } })
	add("empty", func(f *forger) { f.encoderText = func([]byte) []byte { return nil } })
	add("null", func(f *forger) { f.encoderText = func([]byte) []byte { return []byte("null") } })
	add("a list", func(f *forger) { f.encoderText = func([]byte) []byte { return []byte("[]") } })
	add("nested deep", func(f *forger) {
		f.encoderText = func([]byte) []byte { return []byte(strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000)) }
	})
	add("megabytes of zero bytes", func(f *forger) { f.encoderText = func([]byte) []byte { return make([]byte, 4<<20) } })
	harmless("other blanks", func(f *forger) { f.encoderText = func(b []byte) []byte { return append(b, "\n\n "...) } })
	harmless("another way to the same fill", func(f *forger) { set(f.encoder, "columns.0.fill", "mean") })
	harmless("no weight", func(f *forger) { remove(f.encoder, "weight") })
	harmless("numbers with other digits", func(f *forger) {
		f.encoderText = func(b []byte) []byte { return []byte(strings.Replace(string(b), `"version":2`, `"version" : 2`, 1)) }
	})
	return list
}

// tensorForgeries change the parameters.
func tensorForgeries(base *forger) (list []forgery) {
	add := func(name string, change func(f *forger)) {
		list = append(list, forgery{name: "parameters: " + name, change: change})
	}
	harmless := func(name string, change func(f *forger)) {
		list = append(list, forgery{name: "parameters: " + name, change: change, harmless: true})
	}
	header := func(name string, change func(h map[string]any)) {
		add(name, func(f *forger) {
			f.tensorText = func(b []byte) []byte {
				n := 8 + binary.LittleEndian.Uint64(b)
				var h map[string]any
				if err := json.Unmarshal(b[8:n], &h); err != nil {
					panic(err)
				}
				change(h)
				text, err := json.Marshal(h)
				if err != nil {
					panic(err)
				}
				return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, b[n:])
			}
		})
	}
	bytesOf := func(name string, change func(b []byte) []byte) { add(name, func(f *forger) { f.tensorText = change }) }
	for i, tensor := range base.tensors {
		name := tensor.Name
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			add(fmt.Sprintf("%s begins with %v", name, v), func(f *forger) { f.tensors[i].Data[0] = float32(v) })
			add(fmt.Sprintf("%s ends with %v", name, v), func(f *forger) { f.tensors[i].Data[len(tensor.Data)-1] = float32(v) })
		}
		if strings.HasSuffix(name, ".running") {
			add(name+" with a negative variance", func(f *forger) { f.tensors[i].Data[len(tensor.Data)-1] = -0.5 })
			add(name+" with a tiny negative variance", func(f *forger) { f.tensors[i].Data[tensor.Shape[1]] = -1e-30 })
		}
		if name == "numeric.edges" || name == "output.sum" {
			add(name+" changed", func(f *forger) { f.tensors[i].Data[0] += 0.25 })
		}
		add(name+" renamed", func(f *forger) { f.tensors[i].Name += "x" })
		add(name+" missing", func(f *forger) { f.tensors = slices.Delete(f.tensors, i, i+1) })
		add(name+" flat", func(f *forger) { f.tensors[i].Shape = append([]int{1}, f.tensors[i].Shape...) })
		add(name+" a row more", func(f *forger) {
			t := &f.tensors[i]
			last := len(t.Shape) - 1
			t.Data = append(t.Data, make([]float32, len(t.Data)/t.Shape[last])...)
			t.Shape[last]++
		})
		if len(tensor.Shape) == 2 && tensor.Shape[0] != tensor.Shape[1] {
			add(name+" turned", func(f *forger) { slices.Reverse(f.tensors[i].Shape) })
		}
		for _, d := range []string{"F64", "F16", "BF16", "I32", "U32", "BOOL", "F31", ""} {
			header(name+" of type "+d, func(h map[string]any) { h[name].(map[string]any)["dtype"] = d })
		}
		for _, shape := range []string{"[]", "[0]", "[-1]", "[1e3]", "[10000000]", "[4294967296,4294967296]", "[9223372036854775807]", "null"} {
			header(name+" of shape "+shape, func(h map[string]any) { h[name].(map[string]any)["shape"] = raw(shape) })
		}
		for _, offsets := range []string{"[0,0]", "[0,4]", "[4,0]", "[-4,0]", "[0,9223372036854775807]", "[0]", "null"} {
			if tensor.Name != base.tensors[0].Name || len(tensor.Data) != 1 {
				header(name+" at "+offsets, func(h map[string]any) { h[name].(map[string]any)["data_offsets"] = raw(offsets) })
			}
		}
		header(name+" with an unknown key", func(h map[string]any) { h[name].(map[string]any)["x"] = 1 })
	}
	add("one more", func(f *forger) {
		f.tensors = append(f.tensors, safetensors.Tensor{Name: "extra", Shape: []int{2}, Data: []float32{1, 2}})
	})
	add("an empty one more", func(f *forger) { f.tensors = append(f.tensors, safetensors.Tensor{Name: "extra", Shape: []int{0}}) })
	add("none", func(f *forger) { f.tensors = nil })
	if len(base.tensors) > 1 {
		header("two at one place", func(h map[string]any) {
			h[base.tensors[1].Name].(map[string]any)["data_offsets"] = h[base.tensors[0].Name].(map[string]any)["data_offsets"]
		})
		harmless("in another order", func(f *forger) { slices.Reverse(f.tensors) })
	}
	add("metadata of another format", func(f *forger) { f.metadata["format"] = "pt" })
	add("more metadata", func(f *forger) { f.metadata["x"] = "y" })
	add("no metadata", func(f *forger) { f.metadata = nil })
	header("metadata that are no texts", func(h map[string]any) { h["__metadata__"] = raw(`{"format":1}`) })
	header("nested deep", func(h map[string]any) { h["x"] = raw(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)) })
	for _, n := range []uint64{0, 1, 7, 1 << 20, 1 << 31, 1 << 32, 1 << 62, 1 << 63, math.MaxUint64} {
		bytesOf(fmt.Sprintf("a header of %d bytes", n), func(b []byte) []byte { binary.LittleEndian.PutUint64(b, n); return b })
	}
	for _, part := range []float64{0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99} {
		bytesOf(fmt.Sprintf("cut to %v", part), func(b []byte) []byte { return b[:int(part*float64(len(b)))] })
	}
	bytesOf("a byte less", func(b []byte) []byte { return b[:len(b)-1] })
	bytesOf("a byte more", func(b []byte) []byte { return append(b, 0) })
	bytesOf("twice", func(b []byte) []byte { return append(b, b...) })
	bytesOf("zeros", func(b []byte) []byte { return make([]byte, len(b)) })
	harmless("a longer header", func(f *forger) {
		f.tensorText = func(b []byte) []byte {
			n := binary.LittleEndian.Uint64(b)
			return slices.Concat(binary.LittleEndian.AppendUint64(nil, n+8), b[8:8+n], []byte("        "), b[8+n:])
		}
	})
	return list
}

// folderForgeries change what the files of the folder are.
func folderForgeries(base *forger) (list []forgery) {
	names := []string{encoderFile, parametersFile}
	if base.keys != nil {
		names = []string{encoderFile + sealed.Extension, parametersFile + sealed.Extension, "network.json" + sealed.Extension}
	}
	for _, name := range append(names, "model.json") {
		add := func(what string, change func(path string) error) {
			list = append(list, forgery{name: "folder: " + name + " " + what, change: func(f *forger) {
				f.folder = func(dir string) error { return change(filepath.Join(dir, name)) }
			}})
		}
		add("is a link to itself, moved", func(path string) error {
			if err := os.Rename(path, path+".moved"); err != nil {
				return err
			}
			return os.Symlink(path+".moved", path)
		})
		replace := func(what string, with func(path string) error) {
			add(what, func(path string) error {
				if err := os.Remove(path); err != nil {
					return err
				}
				return with(path)
			})
		}
		replace("is missing", func(string) error { return nil })
		replace("is a folder", func(path string) error { return os.Mkdir(path, 0o700) })
		replace("is a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) })
		replace("is a device", func(path string) error { return os.Symlink("/dev/zero", path) })
		replace("is a link to nothing", func(path string) error { return os.Symlink("nowhere", path) })
		replace("is empty", func(path string) error { return os.WriteFile(path, nil, 0o600) })
		if name != encoderFile+sealed.Extension && name != "network.json"+sealed.Extension && name != parametersFile+sealed.Extension {
			add("is endless", func(path string) error { return os.Truncate(path, 1<<36) })
		}
	}
	return list
}

package behavior

import (
	"fmt"
	"strings"
)

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

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
		if name != "output.sum" { // which models of this version do not have
			add(name+" missing", func(f *forger) { f.tensors = slices.Delete(f.tensors, i, i+1) })
		}
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
		add("is endless", func(path string) error { return os.Truncate(path, 1<<36) })
	}
	return list
}

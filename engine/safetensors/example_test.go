package safetensors_test

import (
	"bytes"
	"fmt"
	"log"

	"debut/engine/safetensors"
)

// Vectors of numbers go to a file and come back.
func Example() {
	var file bytes.Buffer
	offsets := safetensors.Vector("offsets", []int64{0, 2, 3})
	values := safetensors.Vector("values", []float32{0.5, 1, 2})
	if err := safetensors.Stream(&file, []safetensors.Source{offsets, values}, nil); err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	v, err := safetensors.ReadVector[float32](f, "values")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v)
	// Output: [0.5 1 2]
}

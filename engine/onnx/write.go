package onnx

import (
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"debut/engine/safetensors"
)

// LargestInside is how many bytes of tables a model holds at most: the format ends at 2 GiB, and runtimes map a file beside it.
const LargestInside = 1 << 30

// largestMessage is how many bytes the message of a graph may have, so that the model, which has some more, stays below the 2 GiB of protocol buffers; a test has less.
var largestMessage int64 = math.MaxInt32 - 1<<20

// TableBytes is the size of all tables.
func (g *Graph) TableBytes() (n int64) {
	for i := range g.tensors {
		n += g.tensors[i].bytes()
	}
	return n
}

// bytes is the size of a table, 0 of what is none.
func (t *initializer) bytes() int64 {
	if t.table == nil {
		return 0
	}
	n, err := t.table.Bytes()
	if err != nil {
		return 0 // whoever writes it will say so
	}
	return n
}

// Write writes the model with its tables inside.
func (g *Graph) Write(to io.Writer) error {
	if n := g.TableBytes(); n > LargestInside {
		return fmt.Errorf("onnx: tables of %d bytes are more than the %d that a model holds; write them beside it", n, LargestInside)
	}
	return g.write(to, "", nil)
}

// WriteBeside writes the model to one writer and its tables to another, as a safetensors file that lies beside the model under the given
// name.
func (g *Graph) WriteBeside(to, tables io.Writer, file string) error {
	if err := g.check(); err != nil {
		return err
	}
	var sources []safetensors.Source
	for i := range g.tensors {
		if t := &g.tensors[i]; t.table != nil {
			sources = append(sources, *t.table)
		}
	}
	header, err := safetensors.Header(sources, nil)
	if err != nil {
		return err
	}
	offsets, at := map[string]int64{}, int64(len(header))
	for _, s := range sources {
		offsets[s.Name] = at
		n, err := s.Bytes()
		if err != nil {
			return err
		}
		at += n
	}
	if err := g.write(to, file, offsets); err != nil {
		return err
	}
	return safetensors.Stream(tables, sources, nil)
}

// piece is a part of the message: bytes, and after them the data of a table.
type piece struct {
	bytes []byte
	table *safetensors.Source
}

// write writes the message piece by piece. A message tells its length before it begins, so that all lengths are known first.
func (g *Graph) write(to io.Writer, file string, offsets map[string]int64) error {
	if err := g.check(); err != nil {
		return err
	}
	pieces, size := g.pieces(file, offsets)
	if size > largestMessage {
		return fmt.Errorf("onnx: the graph takes %d bytes, and the format ends at 2 GiB: fewer values that it knows by their texts, or tables beside it", size)
	}
	head := appendText(appendInt(nil, modelIR, irVersion), modelProducer, "debut")
	head = append(head, appendMessage(nil, modelOpset, opsetMessage("", opset))...)
	head = append(head, appendMessage(nil, modelOpset, opsetMessage(mlDomain, mlOpset))...)
	for _, e := range g.metadata {
		head = appendMessage(head, modelMetadata, entry(e))
	}
	head = protowire.AppendVarint(protowire.AppendTag(head, modelGraph, protowire.BytesType), uint64(size))
	if _, err := to.Write(head); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	for _, p := range pieces {
		if _, err := to.Write(p.bytes); err != nil {
			return fmt.Errorf("onnx: %w", err)
		}
		if p.table == nil {
			continue
		}
		if err := p.table.Copy(to); err != nil {
			return fmt.Errorf("onnx: %w", err)
		}
	}
	return nil
}

// pieces makes the message of the graph, and tells its size.
func (g *Graph) pieces(file string, offsets map[string]int64) (pieces []piece, size int64) {
	var b []byte
	for _, n := range g.nodes {
		b = appendMessage(b, graphNode, n)
	}
	b = appendText(b, graphName, g.name)
	for _, p := range g.inputs {
		b = appendMessage(b, graphInput, p.message())
	}
	for _, p := range g.outputs {
		b = appendMessage(b, graphOutput, p.message())
	}
	for i := range g.tensors {
		t := &g.tensors[i]
		head, data := t.head(), t.bytes()
		switch at, beside := offsets[t.name]; {
		case t.texts != nil || t.typ == String:
			b = appendMessage(b, graphTensor, head)
			continue
		case beside && t.table != nil:
			b = appendMessage(b, graphTensor, external(head, file, at, data))
			continue
		case t.table == nil:
			head = protowire.AppendTag(head, tensorRaw, protowire.BytesType)
			b = appendMessage(b, graphTensor, protowire.AppendBytes(head, t.raw))
			continue
		}
		head = protowire.AppendVarint(protowire.AppendTag(head, tensorRaw, protowire.BytesType), uint64(data))
		b = protowire.AppendVarint(protowire.AppendTag(b, graphTensor, protowire.BytesType), uint64(int64(len(head))+data))
		b = append(b, head...)
		pieces = append(pieces, piece{b, t.table})
		size += int64(len(b)) + data
		b = nil
	}
	return append(pieces, piece{bytes: b}), size + int64(len(b))
}

package onnx

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"debut/kernels/rawbytes"
)

// Versions of what is written.
const (
	irVersion = 8
	opset     = 17
	mlDomain  = "ai.onnx.ml"
	mlOpset   = 3
)

// Numbers of fields, as onnx-ml.proto has them.
const (
	modelIR, modelProducer, modelGraph, modelOpset, modelMetadata = 1, 2, 7, 8, 14

	graphNode, graphName, graphTensor, graphInput, graphOutput = 1, 2, 5, 11, 12

	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute, nodeDomain = 1, 2, 3, 4, 5, 7

	attributeName, attributeFloat, attributeInt, attributeText, attributeFloats, attributeInts, attributeTexts, attributeType = 1, 2, 3, 4, 7, 8, 9, 20

	tensorDims, tensorType, tensorTexts, tensorName, tensorRaw, tensorExternal, tensorLocation = 1, 2, 6, 8, 9, 13, 14

	infoName, infoType, infoAbout             = 1, 2, 3
	typeTensor, typeElement, typeShape        = 1, 1, 2
	shapeDim, dimValue, dimName               = 1, 1, 2
	opsetDomain, opsetVersion                 = 1, 2
	entryKey, entryValue                      = 1, 2
	batchName                                 = "batch"
	kindFloat, kindInt, kindText              = 1, 2, 3
	kindFloats, kindInts, kindTexts           = 6, 7, 8
	locationExternal                   uint64 = 1
)

// Attribute is a setting of a node.
type Attribute []byte

// appendText, appendInt and appendMessage append a field.
func appendText(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func appendMessage(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

func appendFloat(b []byte, v float32) []byte { return protowire.AppendFixed32(b, math.Float32bits(v)) }

// Int is an attribute.
func Int(name string, v int) Attribute {
	b := appendText(nil, attributeName, name)
	return appendInt(appendInt(b, attributeInt, int64(v)), attributeType, kindInt)
}

// FloatOf is an attribute.
func FloatOf(name string, v float32) Attribute {
	b := protowire.AppendTag(appendText(nil, attributeName, name), attributeFloat, protowire.Fixed32Type)
	return appendInt(appendFloat(b, v), attributeType, kindFloat)
}

// Text is an attribute.
func Text(name, v string) Attribute {
	return appendInt(appendText(appendText(nil, attributeName, name), attributeText, v), attributeType, kindText)
}

// Ints is an attribute.
func Ints[T int | int32 | int64](name string, v []T) Attribute {
	b := appendText(nil, attributeName, name)
	for _, x := range v {
		b = appendInt(b, attributeInts, int64(x))
	}
	return appendInt(b, attributeType, kindInts)
}

// TextList is an attribute.
func TextList(name string, v []string) Attribute {
	b := appendText(nil, attributeName, name)
	for _, s := range v {
		b = appendText(b, attributeTexts, s)
	}
	return appendInt(b, attributeType, kindTexts)
}

// node is the message of a node.
func node(op, domain, name string, attributes []Attribute, in, out []Value) []byte {
	var b []byte
	for _, v := range in {
		b = appendText(b, nodeInput, string(v))
	}
	for _, v := range out {
		b = appendText(b, nodeOutput, string(v))
	}
	b = appendText(appendText(b, nodeName, name), nodeOp, op)
	for _, a := range attributes {
		b = appendMessage(b, nodeAttribute, a)
	}
	if domain != "" {
		b = appendText(b, nodeDomain, domain)
	}
	return b
}

// message is that of an input or output.
func (p port) message() []byte {
	var shape []byte
	for _, n := range p.shape {
		dim := appendText(nil, dimName, batchName)
		if n != Batch {
			dim = appendInt(nil, dimValue, int64(n))
		}
		shape = appendMessage(shape, shapeDim, dim)
	}
	tensor := appendMessage(appendInt(nil, typeElement, int64(p.typ)), typeShape, shape)
	b := appendMessage(appendText(nil, infoName, p.name), infoType, appendMessage(nil, typeTensor, tensor))
	if p.about != "" {
		b = appendText(b, infoAbout, p.about)
	}
	return b
}

// head is the message of a tensor without its numbers.
func (t *initializer) head() []byte {
	var b []byte
	for _, n := range t.shape {
		b = appendInt(b, tensorDims, int64(n))
	}
	b = appendText(appendInt(b, tensorType, int64(t.typ)), tensorName, t.name)
	for _, s := range t.texts {
		b = appendText(b, tensorTexts, s)
	}
	return b
}

// external refers to the bytes of a file beside the model.
func external(b []byte, file string, offset, size int64) []byte {
	for _, e := range [][2]string{{"location", file}, {"offset", strconv.FormatInt(offset, 10)}, {"length", strconv.FormatInt(size, 10)}} {
		b = appendMessage(b, tensorExternal, entry(e))
	}
	return protowire.AppendVarint(protowire.AppendTag(b, tensorLocation, protowire.VarintType), locationExternal)
}

func entry(e [2]string) []byte { return appendText(appendText(nil, entryKey, e[0]), entryValue, e[1]) }

func opsetMessage(domain string, version int64) []byte {
	return appendInt(appendText(nil, opsetDomain, domain), opsetVersion, version)
}

// rawOf returns the type of numbers and their little-endian bytes.
func rawOf[T Number](values []T) (Type, []byte) {
	switch v := any(values).(type) {
	case []float32:
		return Float, clone(rawbytes.Of(v))
	case []float64:
		return Double, clone(rawbytes.Of(v))
	case []int32:
		return Int32, clone(rawbytes.Of(v))
	case []int64:
		return Int64, clone(rawbytes.Of(v))
	case []bool:
		raw := make([]byte, len(v))
		for i, x := range v {
			if x {
				raw[i] = 1
			}
		}
		return Bool, raw
	}
	return 0, nil
}

func clone(b []byte) []byte { return append([]byte{}, b...) }

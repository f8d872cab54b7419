// Package onnx writes models in the ONNX format: a [Graph] is built node by node and written as a protobuf message, with its tables inside,
// piece by piece, or in a safetensors file beside it that the message refers to.
//
// Nothing is read here; the messages that are written are few, and their fields stand in proto.go. Operators are those of opset 17 and of
// ai.onnx.ml 3, in files of version 8, as every runtime since 2022 reads them.
//
// Format: https://github.com/onnx/onnx/blob/main/docs/IR.md.
package onnx

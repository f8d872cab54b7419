// Package onnxruntime runs models of ONNX by ONNX Runtime, whose shared library is looked for when a model is to be run: nothing is linked,
// and no header of it is needed. It proves that what is exported answers as the model does that it was made of.
//
// The library's functions lie in a table that only ever grows at its end (OrtApi in onnxruntime_c_api.h); places.h has the places of
// those that are called.
package onnxruntime

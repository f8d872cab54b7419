// Package cublas finds cuBLASLt, NVIDIA's library of matrix products, and plans products with it. The library is opened when it
// is first asked for and never linked: a program works without it. In builds without the tag gpu there is nothing but [Find], which
// says so.
package cublas

// Variable is the environment variable that names the library, or a folder that it lies in; "none" stands for no library.
const Variable = "DEBUT_CUBLAS"

// Report is what [Find] found.
type Report struct {
	Found bool `json:"found"`
	// File is the library, as the loader names it.
	File string `json:"file,omitempty"`
	// Version is the library's own, such as "12.4.5".
	Version string `json:"version,omitempty"`
	// Reason says why there is none, or how one that is there fails; it is empty when it is found.
	Reason string `json:"reason,omitempty"`
}

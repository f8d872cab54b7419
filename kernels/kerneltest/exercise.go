package kerneltest

import (
	"errors"
	"fmt"

	"debut/kernels"
)

// Families names the families of kernels, as subtests of Run are named.
func Families() []string {
	var names []string
	for _, f := range families {
		names = append(names, f.name)
	}
	return names
}

// Exercise runs every kernel of a device in every form, in strided views and for several numbers of rows: the shape of short tests, those
// about the edges of blocks, and those that fill a device. It looks at no results. It is for tools that watch a device's memory
// while it works, which slow it down a hundredfold: one device does everything that it offers. It says which forms it comes to; an error ends it.
func Exercise(dev kernels.Device, at func(form string) error) error {
	for _, fam := range families {
		if err := fam.has(dev); errors.Is(err, kernels.ErrUnsupported) {
			continue
		} else if err != nil {
			return err
		}
		for _, s := range []scale{small, large, conformance} {
			for _, f := range fam.forms(s) {
				if err := at(fam.name + ": " + f.name); err != nil {
					return err
				}
				if err := exercise(dev, &f); err != nil {
					return fmt.Errorf("%s: %s: %w", fam.name, f.name, err)
				}
			}
		}
	}
	return nil
}

// exercise binds and runs a form.
func exercise(dev kernels.Device, f *form) error {
	ms := map[string]kernels.Matrix{}
	counts := map[string]kernels.RowCount{}
	for _, o := range f.operands {
		if o.dtype == 0 {
			o.dtype = kernels.Float32
		}
		stride := o.cols + 3
		n := 1 + o.rows*stride
		values := make([]byte, n*o.dtype.Size())
		for i := range o.rows {
			for j := range o.cols {
				if o.fill != nil {
					put(values, o.dtype, 1+i*stride+j, o.fill(i, j))
				}
			}
		}
		buf, err := dev.Alloc(o.dtype, n, "test")
		if err != nil {
			return err
		}
		defer dev.Release(buf)
		if err := dev.Upload(buf, 0, values); err != nil {
			return err
		}
		m := kernels.Matrix{Buf: buf, Offset: 1, Rows: o.rows, Cols: o.cols, Stride: stride}
		if o.count != noCount {
			if counts[o.count] == nil {
				if counts[o.count], err = dev.NewRowCount(o.rows); err != nil {
					return err
				}
			}
			m.Count = counts[o.count]
		}
		ms[o.name] = m
	}
	k, err := f.bind(dev, func(name string) kernels.Matrix { return ms[name] })
	if err != nil {
		return err
	}
	rows := batchRows(f)
	for _, n := range []int{rows, rows / 2, min(1, rows)} {
		if c := counts[batchCount]; c != nil {
			if err := c.Set(n); err != nil {
				return err
			}
		}
		if err := k.Run(); err != nil {
			return err
		}
	}
	return dev.Synchronize()
}

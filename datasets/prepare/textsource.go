package prepare

import (
	"errors"
	"fmt"
	"path/filepath"

	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/table"
	"debut/datasets/textformat"
)

// stageText reads files of one of the field's text formats.
func (p *pipeline) stageText(name string, s *Source) (table.Files, error) {
	src := table.Source{Path: s.Path, Format: "csv"}
	files, err := src.Files(p.baseDir)
	if err != nil {
		return nil, err
	}
	var kept []rejected
	o := textformat.Options{
		Format: s.Format, Delimiter: string(s.Delimiter), Columns: s.Names, Header: s.Header, Layout: s.Layout, Features: s.Features,
		MaxRejects: p.cfg.Rejects.Limit - p.made.Rejected,
		Rejects: func(r textformat.Reject) error {
			r.File = filepath.Base(r.File)
			kept = append(kept, rejected{place: r.Place(), what: r.Problem, text: string(r.Text)})
			return nil
		},
	}
	if _, err := textformat.Stage(p.ctx, p.db, name, files.Paths(), o); err != nil {
		var many *textformat.RejectError
		if errors.As(err, &many) {
			return files, fmt.Errorf("%w; malformed rows can be kept aside up to a limit: rejects: {limit: N}", many)
		}
		return files, err
	}
	if name == p.cfg.From && (s.Format == "libsvm" || s.Format == "libfm") {
		if err := p.markSparse(name); err != nil {
			return nil, err
		}
	}
	if len(kept) == 0 {
		return files, nil
	}
	return files, p.reject(len(kept), func(i int) rejected { return kept[i] })
}

// markSparse notes which columns are features of sparse rows, unless a later step may give the absent ones other values
// than 0.
func (p *pipeline) markSparse(name string) error {
	for i := range p.cfg.Steps {
		switch p.cfg.Steps[i].kind() {
		case "derive", "filter", "count", "deduplicate", "resample", "select", "drop":
		default:
			return nil
		}
	}
	columns, err := p.db.Describe(p.ctx, "SELECT * FROM "+duck.Name(name))
	if err != nil {
		return p.explain("", err)
	}
	var of *manifest.Sparse
	for _, c := range columns {
		index, ok := manifest.SparseIndex(c.Name)
		switch {
		case !ok:
		case of == nil:
			of = &manifest.Sparse{First: index, Last: index}
		default:
			of.First, of.Last = min(of.First, index), max(of.Last, index)
		}
	}
	p.made.Sparse = of
	return nil
}

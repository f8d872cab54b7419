package prepare

import (
	"strings"

	"debut/datasets/table"
)

// vectors reports a source of ready-made vectors, a matrix of .npy.
func (s *Source) vectors() bool {
	return s.Format == "npy" || (s.Format == "" || s.Format == "auto") && len(s.Path) == 1 && strings.HasSuffix(strings.ToLower(s.Path[0]), ".npy")
}

// stageVectors makes a table of a matrix: a column of ids, one of vectors.
func (p *pipeline) stageVectors(name string, s *Source) (table.Files, error) {
	t := table.VectorTable{Matrix: s.Path[0], IDs: s.IDs}
	if len(s.Names) == 2 {
		t.IDColumn, t.VectorColumn = s.Names[0], s.Names[1]
	}
	return t.Stage(p.ctx, p.db, name, p.baseDir)
}

package prepare

import (
	"strings"

	"debut/datasets/manifest"
	"debut/datasets/table"
)

// vectors reports a source of ready-made vectors, a matrix of .npy.
func (s *Source) vectors() bool {
	return s.Format == "npy" || (s.Format == "" || s.Format == "auto") && len(s.Path) == 1 && strings.HasSuffix(strings.ToLower(s.Path[0]), ".npy")
}

// stageVectors makes a table of a matrix: a column of ids, one of vectors.
func (p *pipeline) stageVectors(name string, s *Source) ([]manifest.Hash, error) {
	table := table.VectorTable{Matrix: s.Path[0], IDs: s.IDs}
	if len(s.Names) == 2 {
		table.IDColumn, table.VectorColumn = s.Names[0], s.Names[1]
	}
	files, err := table.Stage(p.ctx, p.db, name, p.baseDir)
	if err != nil {
		return nil, err
	}
	hashes, _, err := hashFiles(p.ctx, files)
	return hashes, err
}

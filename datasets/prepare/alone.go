package prepare

import (
	"maps"
	"slices"

	"debut/datasets/duck"
)

// alone does what hangs on the order in which rows are met, on one thread. Sources
// that several threads have read are put down again first: where their row groups
// end, which shows in the last bits of a sum, was a matter of timing.
func (p *pipeline) alone(do func() error) (err error) {
	if err := p.db.SetThreads(p.ctx, 1); err != nil {
		return err
	}
	defer func() {
		if again := p.db.SetThreads(p.ctx, p.cfg.Threads); err == nil {
			err = again
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(p.laid)) {
		if p.laid[name] {
			continue
		}
		for _, sql := range []string{
			"CREATE TABLE __laid AS SELECT * FROM " + duck.Name(name),
			"DROP TABLE " + duck.Name(name),
			"ALTER TABLE __laid RENAME TO " + duck.Name(name),
		} {
			if err := p.db.Query(p.ctx, sql, nil); err != nil {
				return p.explain("", err)
			}
		}
		p.laid[name] = true
	}
	return do()
}

package prepare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"debut/datasets/bytesize"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/scratch"
	"debut/datasets/sealed"
	"debut/datasets/table"
)

// Options are what Run needs beside the configuration. The zero value works.
type Options struct {
	BaseDir   string                  // what paths in the configuration are relative to
	Log       *slog.Logger            // of what each step did
	Overwrite bool                    // replace an earlier output
	DryRun    bool                    // do every step and write nothing
	SQL       func(title, sql string) // receives the SQL of each step
}

// Run prepares data and returns its description. The output appears complete or
// not at all: it is made in a folder beside, which then gets its name. Errors of
// the configuration are *configfile.FieldError.
func Run(ctx context.Context, cfg *Config, opt Options) (_ *manifest.Dataset, err error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	cfg.SetDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	output, err := configfile.ExpandPath(cfg.Output, opt.BaseDir)
	if err != nil {
		return nil, &configfile.FieldError{Path: "output", Msg: err.Error()}
	}
	if err := cfg.outside(output, opt.BaseDir); err != nil {
		return nil, err
	}
	kind := publish.Kind(cfg.kind)
	if err := publish.Check(output, opt.Overwrite || opt.DryRun, kind); err != nil {
		return nil, &configfile.FieldError{Path: "output", Msg: err.Error()}
	}
	if opt.DryRun {
		kind = nil
	}
	folder, err := publish.Begin(output, kind)
	if err != nil {
		return nil, err
	}
	p := &pipeline{ctx: ctx, cfg: cfg, log: opt.Log, baseDir: opt.BaseDir, dir: folder.Dir, temp: folder.Work, show: opt.SQL, laid: map[string]bool{}, opened: map[string]*table.Table{}, clear: map[string]*scratch.File{}}
	defer func() { err = errors.Join(err, p.discard(), folder.Discard()) }()
	p.made = manifest.Dataset{Version: manifest.Version, Seed: cfg.Seed}
	if err := p.run(opt.DryRun); err != nil {
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), errors.New("nothing was written"))
		}
		return nil, err
	}
	if opt.DryRun {
		return &p.made, nil
	}
	return &p.made, folder.Commit()
}

// kind recognizes prepared data that data prepare has made.
func (c *Config) kind(dir string) (owns func(name string) bool, err error) {
	d, err := manifest.Read(dir)
	switch {
	case errors.Is(err, manifest.ErrNotFound):
		return nil, err
	case err != nil: // a damaged description names nothing
		return c.named, nil
	case d.Simulated():
		return nil, fmt.Errorf("%s holds data that %s made; choose another folder", filepath.Base(dir), manifest.SimulatedBy)
	}
	return d.Owns, nil
}

// named reports whether data prepare gives files names like that.
func (c *Config) named(name string) bool {
	plain := strings.TrimSuffix(name, sealed.Extension)
	if name == manifest.File || plain == c.Rejects.File {
		return true
	}
	for _, part := range partNames {
		if plain == partFile(part) {
			return true
		}
	}
	digits, ok := strings.CutPrefix(name, vocabularyDir+"/")
	digits, csv := strings.CutSuffix(digits, ".csv")
	return ok && csv && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// outside returns an error for a source whose files lie in the output: that is replaced.
func (c *Config) outside(output, baseDir string) error {
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s := c.Sources[name]
		paths := map[string]string{"ids": s.IDs}
		for i, path := range s.Path {
			paths["path."+strconv.Itoa(i)] = path
		}
		for _, key := range slices.Sorted(maps.Keys(paths)) {
			files, _ := (&table.Source{Path: configfile.Strings{paths[key]}}).Files(baseDir) // reading will say what is wrong with them
			if i := slices.IndexFunc(files, func(f table.File) bool { return publish.Inside(f.Path, output) }); i >= 0 {
				return configfile.Errorf("sources."+name+"."+key, "%s lies in the output folder, %s, which is replaced as a whole; move it away, or choose another output", filepath.Base(files[i].Path), c.Output)
			}
		}
	}
	return nil
}

// run does everything but publishing.
func (p *pipeline) run(dry bool) (err error) {
	if err := p.secrets(); err != nil {
		return err
	}
	if err := p.openRecipients(); err != nil {
		return err
	}
	if err := p.openDatabase(); err != nil {
		return err
	}
	defer p.db.Close()
	if err := p.openSources(); err != nil {
		return err
	}
	for i := range p.cfg.Steps {
		s := &p.cfg.Steps[i]
		kind := s.kind()
		if s.learns() && !p.split {
			if err := p.splitRows(); err != nil {
				return err
			}
		}
		p.path = fmt.Sprintf("steps.%d.%s", i, kind)
		if err := p.do(kind, func() error { return p.apply(s) }); err != nil {
			return err
		}
	}
	if !p.split {
		if err := p.splitRows(); err != nil {
			return err
		}
	}
	p.path = ""
	if dry {
		p.made.Rows = p.rows
		return nil
	}
	return p.write()
}

// do runs one step and records what it did.
func (p *pipeline) do(kind string, apply func() error) error {
	p.step = &manifest.Step{Kind: kind, RowsIn: p.rows}
	p.title, p.serial = kind, false
	began := time.Now()
	err := apply()
	if err != nil {
		return err
	}
	if p.rows == 0 {
		return p.configErrorf("", "no row is left; check its conditions")
	}
	p.step.RowsOut = p.rows
	p.made.Steps = append(p.made.Steps, *p.step)
	args := []any{"rows", p.rows, "seconds", time.Since(began).Seconds()}
	if p.step.Dropped > 0 {
		args = append(args, "dropped", p.step.Dropped)
	}
	p.log.Info(kind, args...)
	p.step = nil
	return nil
}

// secrets reads the key of pseudonyms before any work is done.
func (p *pipeline) secrets() error {
	needs := slices.ContainsFunc(p.cfg.Steps, func(s Step) bool { return s.Pseudonymize != nil })
	if p.cfg.Key == nil {
		if needs {
			return &configfile.FieldError{Path: "key", Msg: "pseudonyms need a secret key; name a file or an environment variable that holds it: key: {env: DEBUT_KEY}"}
		}
		return nil
	}
	key, err := p.cfg.Key.Read(p.baseDir, "key", p.log)
	p.key = []byte(key)
	return err
}

// openDatabase opens the database that does the work. It is a file, so that
// tables are compressed and leave memory. What it has no room for is encrypted where the output is, or where ids become
// pseudonyms.
func (p *pipeline) openDatabase() error {
	if p.cfg.Temp != "" {
		dir, err := configfile.ExpandPath(p.cfg.Temp, p.baseDir)
		if err != nil {
			return &configfile.FieldError{Path: "temp", Msg: err.Error()}
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return &configfile.FieldError{Path: "temp", Msg: err.Error()}
		}
		swept, err := scratch.Sweep(dir)
		for _, path := range swept {
			p.log.Info("removed what a process that was killed had left", "path", path)
		}
		if err != nil {
			p.log.Warn("what a process that was killed had left could not be removed", "error", err)
		}
		if p.folder, err = scratch.NewDir(dir, "prepare"); err != nil {
			return &configfile.FieldError{Path: "temp", Msg: err.Error()}
		}
		p.temp = p.folder.Path()
	}
	if err := p.openClear(); err != nil {
		return err
	}
	var err error
	p.db, err = duck.Open(duck.Options{
		Path: filepath.Join(p.temp, "work.duckdb"), Threads: p.cfg.Threads, TempDir: filepath.Join(p.temp, "spill"),
		Memory: databaseShare(p.cfg.Memory), External: p.cfg.External, Timeout: p.cfg.Timeout, Search: p.baseDir, Secret: p.cfg.Encrypt != nil || p.cfg.Key != nil,
	})
	return err
}

// discard removes temporary files.
func (p *pipeline) discard() error {
	err := p.folder.Remove()
	for _, f := range p.clear {
		err = errors.Join(err, f.Close())
	}
	return err
}

// databaseShare is what of the memory the database gets: the rest is for what it
// does not count, and for Go.
func databaseShare(memory Size) int64 { return int64(memory) * 3 / 4 }

// Size is an amount of memory.
type Size = bytesize.Size

// openSources makes a table of each source, those of files first, then the
// queries over them in the order of their names. SQL of the data file runs once all files are open: the database is
// confined to those that it still has to read, and to the output.
func (p *pipeline) openSources() error {
	var plain, selected, queries []string
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Sources)) {
		switch s := p.cfg.Sources[name]; {
		case s.Query == "" || s.Postgres != nil:
			plain = append(plain, name)
		case len(s.Path) > 0:
			selected = append(selected, name)
		default:
			queries = append(queries, name)
		}
	}
	for _, name := range plain {
		if err := p.openSource(name); err != nil {
			return err
		}
	}
	var read []string
	for _, name := range selected {
		t, err := p.openTable(name)
		if err != nil {
			return p.at(err)
		}
		p.opened[name] = t
		read = append(read, t.Reads()...)
	}
	for _, f := range p.clear {
		read = append(read, f.Path()) // of the output, too
	}
	if err := p.db.Confine(p.ctx, read, []string{p.dir}); err != nil {
		return err
	}
	for _, name := range slices.Concat(selected, queries) {
		if err := p.openSource(name); err != nil {
			return err
		}
	}
	order := slices.Concat(slices.Sorted(slices.Values(slices.Concat(plain, selected))), queries)
	slices.SortFunc(p.made.Sources, func(a, b manifest.Source) int {
		return slices.Index(order, a.Name) - slices.Index(order, b.Name)
	})
	from := duck.Name(p.cfg.From)
	columns, err := p.describe(from)
	if err != nil {
		return err
	}
	p.path = "from"
	if p.rows, err = p.integer("", "SELECT count(*) FROM "+from); err != nil {
		return err
	}
	if p.rows == 0 {
		return p.configErrorf("", "source %s has no rows", p.cfg.From)
	}
	return p.do("read", func() error {
		return p.view("", "SELECT "+rowNumber(columns)+" AS "+rowColumn+", * FROM "+from, columns)
	})
}

// rowNumber is SQL that increases with the rows of a source: rowid, unless a column is called so.
func rowNumber(columns []column) string {
	for _, c := range columns {
		if strings.EqualFold(c.name, "rowid") {
			return "row_number() OVER () - 1"
		}
	}
	return "rowid"
}

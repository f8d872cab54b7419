package interactions

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"

	"debut/datasets/atomicfile"
	"debut/datasets/notation"
)

// Vocabulary numbers ids from 0 in the order of their bytes. It is immutable, and safe for concurrent use.
type Vocabulary struct {
	text    string  // all ids, one after another
	offsets []int64 // [Len+1]
}

// NewVocabulary makes a vocabulary of ids in any order; repeated ones count once. An empty id, and more than 2³¹−1 ids,
// are errors.
func NewVocabulary(ids []string) (*Vocabulary, error) {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if len(sorted) > 0 && sorted[0] == "" {
		return nil, errors.New("vocabulary: an id is empty")
	}
	if len(sorted) > math.MaxInt32 {
		return nil, fmt.Errorf("vocabulary: %d ids; there can be at most %d", len(sorted), math.MaxInt32)
	}
	v := &Vocabulary{text: strings.Join(sorted, ""), offsets: make([]int64, len(sorted)+1)}
	for i, id := range sorted {
		v.offsets[i+1] = v.offsets[i] + int64(len(id))
	}
	return v, nil
}

// Len returns the number of ids.
func (v *Vocabulary) Len() int { return len(v.offsets) - 1 }

// ID returns id i, 0 ≤ i < Len. It allocates nothing.
func (v *Vocabulary) ID(i int) string { return v.text[v.offsets[i]:v.offsets[i+1]] }

// IDs are all ids, in the order of their numbers.
func (v *Vocabulary) IDs() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range v.Len() {
			if !yield(v.ID(i)) {
				return
			}
		}
	}
}

// Index returns the number of an id, by binary search: as it is written, or as the whole number that it is, of 1.0 that
// of 1.
func (v *Vocabulary) Index(id string) (int32, bool) {
	i, ok := v.index(id)
	if !ok {
		if whole := notation.Category(id); whole != id {
			i, ok = v.index(whole)
		}
	}
	return i, ok
}

func (v *Vocabulary) index(id string) (int32, bool) {
	i := sort.Search(v.Len(), func(i int) bool { return v.ID(i) >= id })
	if i < v.Len() && v.ID(i) == id {
		return int32(i), true
	}
	return -1, false
}

// Bytes returns the memory that the vocabulary holds.
func (v *Vocabulary) Bytes() int64 { return int64(len(v.text)) + 8*int64(len(v.offsets)) }

// Sum returns a SHA-256 of the ids in their order, in hexadecimal digits: equal for equal vocabularies alone.
func (v *Vocabulary) Sum() string {
	h := sha256.New()
	var length [8]byte
	for i := range v.Len() {
		id := v.ID(i)
		binary.LittleEndian.PutUint64(length[:], uint64(len(id)))
		_, _ = h.Write(length[:]) // hash.Hash documents that Write never fails
		_, _ = io.WriteString(h, id)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// The file of a vocabulary: a line "debut-vocabulary 1 <ids> sha256:<sum>", then an id a line, in which a backslash, a
// line feed and a carriage return are written \\, \n and \r.
const vocabularyMark = "debut-vocabulary 1"

var (
	escaper   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	unescaper = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// WriteTo writes the vocabulary to w.
func (v *Vocabulary) WriteTo(w io.Writer) (n int64, err error) {
	b := bufio.NewWriter(w)
	put := func(format string, args ...any) {
		k, e := fmt.Fprintf(b, format, args...)
		n, err = n+int64(k), errors.Join(err, e)
	}
	put("%s %d sha256:%s\n", vocabularyMark, v.Len(), v.Sum())
	for i := 0; i < v.Len() && err == nil; i++ {
		put("%s\n", escaper.Replace(v.ID(i)))
	}
	if err = errors.Join(err, b.Flush()); err != nil {
		return n, fmt.Errorf("write the vocabulary: %w", err)
	}
	return n, nil
}

// Save writes the vocabulary to a file, which is complete or absent.
func (v *Vocabulary) Save(path string) error {
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		_, err := v.WriteTo(w)
		return err
	})
}

// ReadVocabulary reads what WriteTo wrote. What was cut off or changed is an error.
func ReadVocabulary(r io.Reader) (*Vocabulary, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("read the vocabulary: %s; copy the file again, or train again", fmt.Sprintf(format, args...))
	}
	b := bufio.NewReaderSize(r, 1<<16)
	head, err := b.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the vocabulary: %w", err)
	}
	fields := strings.Fields(strings.TrimPrefix(head, vocabularyMark))
	if !strings.HasPrefix(head, vocabularyMark+" ") || len(fields) != 2 {
		return nil, bad("the first line is not %q with a number of ids and a checksum", vocabularyMark)
	}
	count, err := strconv.ParseInt(fields[0], 10, 32)
	if err != nil || count < 0 {
		return nil, bad("the first line says %q ids", fields[0])
	}
	v := &Vocabulary{offsets: []int64{0}}
	var text strings.Builder
	previous := ""
	for {
		line, err := b.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			break
		}
		if errors.Is(err, io.EOF) {
			return nil, bad("line %d is cut off", v.Len()+2)
		}
		if err != nil {
			return nil, fmt.Errorf("read the vocabulary: %w", err)
		}
		id := unescaper.Replace(line[:len(line)-1])
		if id <= previous {
			return nil, bad("line %d does not come after the one before it", v.Len()+2)
		}
		text.WriteString(id)
		v.offsets = append(v.offsets, int64(text.Len()))
		previous = id
		if int64(v.Len()) > count {
			break
		}
	}
	v.text = text.String()
	if int64(v.Len()) != count {
		return nil, bad("the first line says %d ids, and there are others", count)
	}
	if "sha256:"+v.Sum() != fields[1] {
		return nil, bad("the checksum differs")
	}
	return v, nil
}

// LoadVocabulary reads the file that Save wrote.
func LoadVocabulary(path string) (_ *Vocabulary, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the vocabulary: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	v, err := ReadVocabulary(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

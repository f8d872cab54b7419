// Package tensorboard writes scalars as TensorBoard event files.
//
// An event file is a sequence of TFRecords, each an Event message of
// TensorFlow's event.proto: first the file's version, then one record a summary. The
// few fields that scalars need are encoded by hand. Every record is written by one
// call to Write, so that a killed program leaves at most one torn record at the end,
// which TensorBoard skips.
package tensorboard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of Event, Summary and Summary.Value in event.proto and summary.proto.
const (
	eventWallTime    = 1 // double, seconds since the epoch
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	eventSessionLog  = 7 // SessionLog
	sessionStatus    = 1 // enum; 1: START
	summaryValue     = 1 // repeated Value
	valueTag         = 1 // string
	valueSimple      = 2 // float
)

// fileVersion is what TensorBoard expects in the first record.
const fileVersion = "brain.Event:2"

// castagnoli is the polynomial of TFRecord's checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is the checksum of a TFRecord: CRC-32C, rotated and offset so that the
// checksum of data that contains checksums stays strong.
func maskedCRC(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// Scalar is one point of one curve.
type Scalar struct {
	Tag   string // name of the curve; "train/loss" groups it under "train"
	Value float64
}

// Writer writes events. It is not safe for concurrent use.
type Writer struct {
	w      io.Writer
	record []byte // header, data and checksum of the record at hand
	inner  []byte // scratch for nested messages
	value  []byte
	err    error // the first error; a torn record makes all that follow unreadable
}

// NewWriter starts an event file on w by its version record, dated at.
func NewWriter(w io.Writer, at time.Time) (*Writer, error) {
	t := &Writer{w: w}
	t.begin(at)
	t.record = protowire.AppendTag(t.record, eventFileVersion, protowire.BytesType)
	t.record = protowire.AppendString(t.record, fileVersion)
	if err := t.end(); err != nil {
		return nil, err
	}
	return t, nil
}

// Scalars writes one event with a point of each curve at step. Values are stored
// as float32, as TensorBoard has them. After an error every further call returns it.
func (t *Writer) Scalars(at time.Time, step int64, scalars ...Scalar) error {
	if t.err != nil {
		return t.err
	}
	t.begin(at)
	t.record = protowire.AppendTag(t.record, eventStep, protowire.VarintType)
	t.record = protowire.AppendVarint(t.record, uint64(step))
	t.inner = t.inner[:0]
	for _, s := range scalars {
		t.value = protowire.AppendTag(t.value[:0], valueTag, protowire.BytesType)
		t.value = protowire.AppendString(t.value, strings.ToValidUTF8(s.Tag, "\uFFFD"))
		t.value = protowire.AppendTag(t.value, valueSimple, protowire.Fixed32Type)
		t.value = protowire.AppendFixed32(t.value, math.Float32bits(float32(s.Value)))
		t.inner = protowire.AppendTag(t.inner, summaryValue, protowire.BytesType)
		t.inner = protowire.AppendBytes(t.inner, t.value)
	}
	t.record = protowire.AppendTag(t.record, eventSummary, protowire.BytesType)
	t.record = protowire.AppendBytes(t.record, t.inner)
	return t.end()
}

// Restart says that a training goes on after step: what earlier files of the folder hold of later steps is not shown.
func (t *Writer) Restart(at time.Time, step int64) error {
	if t.err != nil {
		return t.err
	}
	t.begin(at)
	t.record = protowire.AppendTag(t.record, eventStep, protowire.VarintType)
	t.record = protowire.AppendVarint(t.record, uint64(step)+1)
	t.inner = protowire.AppendTag(t.inner[:0], sessionStatus, protowire.VarintType)
	t.inner = protowire.AppendVarint(t.inner, 1)
	t.record = protowire.AppendTag(t.record, eventSessionLog, protowire.BytesType)
	t.record = protowire.AppendBytes(t.record, t.inner)
	return t.end()
}

// headerBytes is the length of a record and the checksum of the length.
const headerBytes = 12

// begin starts a record and the event in it.
func (t *Writer) begin(at time.Time) {
	t.record = append(t.record[:0], make([]byte, headerBytes)...)
	t.record = protowire.AppendTag(t.record, eventWallTime, protowire.Fixed64Type)
	seconds := float64(at.Unix()) + float64(at.Nanosecond())/1e9
	t.record = protowire.AppendFixed64(t.record, math.Float64bits(seconds))
}

// end fills in length and checksums and writes the record.
func (t *Writer) end() error {
	data := t.record[headerBytes:]
	binary.LittleEndian.PutUint64(t.record, uint64(len(data)))
	binary.LittleEndian.PutUint32(t.record[8:], maskedCRC(t.record[:8]))
	t.record = binary.LittleEndian.AppendUint32(t.record, maskedCRC(data))
	if _, err := t.w.Write(t.record); err != nil {
		t.err = fmt.Errorf("tensorboard: write event: %w", err)
	}
	return t.err
}

// File is an event file in a folder.
type File struct {
	*Writer
	f *os.File
}

// Create makes a new event file in dir, named the way TensorBoard finds it,
// "events.out.tfevents.<seconds>.<host>", with a number appended where that exists:
// TensorBoard joins the files of a folder, so a resumed run adds one.
func Create(dir string, at time.Time) (*File, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	host = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == 0 {
			return '-'
		}
		return r
	}, host)
	base := filepath.Join(dir, fmt.Sprintf("events.out.tfevents.%d.%s", at.Unix(), host))
	path := base
	for n := 1; ; n++ {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) && n < 1000 {
			path = fmt.Sprintf("%s.%d", base, n)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tensorboard: %w", err)
		}
		w, err := NewWriter(f, at)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &File{Writer: w, f: f}, nil
	}
}

// Name returns the path of the file.
func (f *File) Name() string { return f.f.Name() }

// Close flushes the file to disk and closes it.
func (f *File) Close() error {
	if err := errors.Join(f.f.Sync(), f.f.Close()); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	return nil
}

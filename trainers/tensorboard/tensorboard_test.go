package tensorboard

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// event is a decoded Event message.
type event struct {
	wall    float64
	step    int64
	version string
	scalars []Scalar
}

// readAll decodes an event file and checks every checksum.
func readAll(data []byte) ([]event, error) {
	var events []event
	for len(data) > 0 {
		if len(data) < 12 {
			return nil, errors.New("torn header")
		}
		n := binary.LittleEndian.Uint64(data)
		if got := binary.LittleEndian.Uint32(data[8:]); got != maskedCRC(data[:8]) {
			return nil, fmt.Errorf("checksum of the length: %08x", got)
		}
		if uint64(len(data)) < 16+n {
			return nil, errors.New("torn record")
		}
		body := data[12 : 12+n]
		if got := binary.LittleEndian.Uint32(data[12+n:]); got != maskedCRC(body) {
			return nil, fmt.Errorf("checksum of the data: %08x", got)
		}
		var e event
		err := fields(body, func(num protowire.Number, v uint64, b []byte) error {
			switch num {
			case eventWallTime:
				e.wall = math.Float64frombits(v)
			case eventStep:
				e.step = int64(v)
			case eventFileVersion:
				e.version = string(b)
			case eventSummary:
				return fields(b, func(_ protowire.Number, _ uint64, b []byte) error {
					var s Scalar
					err := fields(b, func(num protowire.Number, v uint64, b []byte) error {
						switch num {
						case valueTag:
							s.Tag = string(b)
						case valueSimple:
							s.Value = float64(math.Float32frombits(uint32(v)))
						}
						return nil
					})
					e.scalars = append(e.scalars, s)
					return err
				})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		events = append(events, e)
		data = data[16+n:]
	}
	return events, nil
}

// fields calls f for every field of a message.
func fields(b []byte, f func(num protowire.Number, v uint64, b []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var v uint64
		var inner []byte
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var v32 uint32
			v32, n = protowire.ConsumeFixed32(b)
			v = uint64(v32)
		case protowire.BytesType:
			inner, n = protowire.ConsumeBytes(b)
		default:
			return fmt.Errorf("wire type %d", typ)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := f(num, v, inner); err != nil {
			return err
		}
	}
	return nil
}

func TestMaskedCRC(t *testing.T) {
	// 0xe3069283, the check value of CRC-32C, rotated right by 15 bits, plus 0xa282ead8.
	if got := maskedCRC([]byte("123456789")); got != 0xc78ab0e5 {
		t.Errorf("%08x", got)
	}
}

func TestGolden(t *testing.T) {
	var b bytes.Buffer
	at := time.Unix(1700000000, 500000000)
	w, err := NewWriter(&b, at)
	if err != nil {
		t.Fatal(err)
	}
	first := b.Len()
	if err := w.Scalars(at, 300, Scalar{"loss", 0.25}); err != nil {
		t.Fatal(err)
	}
	got := hex.EncodeToString(b.Bytes()[first:])
	// length, its checksum; 09: wall time 1700000000.5; 10: step 300; 2a: summary of
	// one value, 0a: tag "loss", 15: 0.25; checksum.
	want := "1b00000000000000" + "1a0d9e13" +
		"09" + "00002040fc54d941" + "10ac02" + "2a0d" + "0a0b" + "0a046c6f7373" + "150000803e" + "c5f6859b"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	at := time.Unix(1700000000, 0)
	f, err := Create(dir, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Scalars(at.Add(time.Second), 1, Scalar{"train/loss", 0.5}, Scalar{"valid/auc", 0.75}); err != nil {
		t.Fatal(err)
	}
	if err := f.Scalars(at.Add(2*time.Second), 1<<40, Scalar{"bad\xff", math.Inf(1)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(filepath.Base(f.Name()), "events.out.tfevents.1700000000.") {
		t.Error(f.Name())
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	events, err := readAll(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []event{
		{wall: 1.7e9, version: "brain.Event:2"},
		{wall: 1.7e9 + 1, step: 1, scalars: []Scalar{{"train/loss", 0.5}, {"valid/auc", 0.75}}},
		{wall: 1.7e9 + 2, step: 1 << 40, scalars: []Scalar{{"bad\uFFFD", math.Inf(1)}}},
	}
	if fmt.Sprint(events) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", events, want)
	}
	for i := range data {
		broken := bytes.Clone(data)
		broken[i] ^= 0x10
		if _, err := readAll(broken); err == nil {
			t.Fatalf("a flipped bit in byte %d went unnoticed", i)
		}
	}
	// A second file in the same second, as a resumed run makes it.
	again, err := Create(dir, at)
	if err != nil {
		t.Fatal(err)
	}
	if again.Name() != f.Name()+".1" {
		t.Error(again.Name())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(filepath.Join(dir, "none"), at); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// failing accepts some writes, then fails.
type failing struct{ left int }

var errFull = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errFull
	}
	f.left--
	return len(p), nil
}

func TestErrorStays(t *testing.T) {
	if _, err := NewWriter(&failing{}, time.Now()); !errors.Is(err, errFull) {
		t.Error(err)
	}
	sink := &failing{left: 1}
	w, err := NewWriter(sink, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Scalars(time.Now(), 1, Scalar{"a", 1}); !errors.Is(err, errFull) {
		t.Error(err)
	}
	sink.left = 10
	if err := w.Scalars(time.Now(), 2, Scalar{"a", 1}); !errors.Is(err, errFull) {
		t.Error("a file with a hole in it was written on")
	}
}

func TestNoAllocation(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	w.w = discard{}
	at := time.Unix(1, 0)
	scalars := []Scalar{{"a", 1}, {"b", 2}}
	if n := testing.AllocsPerRun(100, func() { _ = w.Scalars(at, 1, scalars...) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

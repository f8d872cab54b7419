package encoding

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/datasets/table"
	"debut/kernels/philox"
)

// hashText returns the features of a text.
func hashText(width int, words, characters []int, text string) []float32 {
	out := make([]float32, width)
	newTextHasher(width, words, characters).hash(out, text)
	return out
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// TestTextHashing checks the definition against plain code.
func TestTextHashing(t *testing.T) {
	const width = 64
	text := "Rote Schuhe – rote SCHUHE, Größe 42!"
	tokens := []string{"rote", "schuhe", "rote", "schuhe", "größe", "42"}
	var order []uint64
	counts := map[uint64]int{}
	add := func(seed uint64, gram string) {
		h := mix(fnv(fnvOffset^seed, gram))
		if counts[h] == 0 {
			order = append(order, h)
		}
		counts[h]++
	}
	for i := range tokens {
		for n := 1; n <= 2 && i+n <= len(tokens); n++ {
			add(wordSeed, "<"+strings.Join(tokens[i:i+n], "><")+">")
		}
	}
	for _, token := range tokens {
		runes := []rune("<" + token + ">")
		for i := range runes {
			for n := 3; n <= 5 && i+n <= len(runes); n++ {
				add(characterSeed, string(runes[i:i+n]))
			}
		}
	}
	want, length := make([]float64, width), 0.0
	for _, h := range order {
		sign := 1.0
		if h>>63 != 0 {
			sign = -1
		}
		want[int(h&math.MaxUint32)*width>>32] += sign * (1 + math.Log(float64(counts[h])))
	}
	for _, v := range want {
		length += v * v
	}
	got := hashText(width, []int{1, 2}, []int{3, 5}, text)
	for i := range want {
		if math.Abs(want[i]/math.Sqrt(length)-float64(got[i])) > 1e-6 {
			t.Fatalf("feature %d: %v, want %v", i, got[i], want[i]/math.Sqrt(length))
		}
	}
}

func TestTextSimilarity(t *testing.T) {
	const width = 512
	h := func(text string) []float32 { return hashText(width, []int{1, 2}, []int{3, 5}, text) }
	a := h("red leather shoes")
	if got := dot(a, a); math.Abs(got-1) > 1e-5 {
		t.Errorf("length %v", got)
	}
	if !slices.Equal(a, h("  RED, Leather... SHOES! ")) {
		t.Error("case and punctuation matter")
	}
	near, plural, far := dot(a, h("blue leather shoes")), dot(a, h("red leather shoe")), dot(a, h("garden hose 20 m"))
	if near < 0.5 || plural < 0.5 || math.Abs(far) > 0.25 {
		t.Errorf("similarities %.2f, %.2f, %.2f", near, plural, far)
	}
	// The order of words is seen by pairs of them alone.
	one := func(text string) []float32 { return hashText(width, []int{1, 1}, []int{0, 0}, text) }
	if dot(one("red shoes"), one("shoes red")) < 1-1e-6 || dot(h("red shoes"), h("shoes red")) > 1-1e-3 {
		t.Error("the order of words")
	}
	for _, empty := range []string{"", "  ", "!?", "\xff\xfe"} {
		if slices.Max(h(empty)) != 0 || slices.Min(h(empty)) != 0 {
			t.Errorf("%q has features", empty)
		}
	}
	// Decomposed letters and other scripts are words, too.
	if dot(h("שלום עולם"), h("שלום")) < 0.3 || dot(h("नमस्ते दुनिया"), h("नमस्ते")) < 0.3 {
		t.Error("words of other scripts")
	}
	// Single characters count, the signs of a word's ends alone do not.
	if dot(hashText(width, []int{0, 0}, []int{1, 1}, "a"), hashText(width, []int{0, 0}, []int{1, 1}, "b")) > 0.9 {
		t.Error("the ends of words are characters of theirs")
	}
}

func FuzzTextHasher(f *testing.F) {
	for _, seed := range []string{"Rote Schuhe, Größe 42", "", "\xff\xfe a", "日本語 テキスト", "a", strings.Repeat("ab cd ", 200), "İstanbul ẞ"} {
		f.Add(seed, uint8(64), uint8(1), uint8(2), uint8(3), uint8(5))
	}
	f.Fuzz(func(t *testing.T, text string, width, w0, w1, c0, c1 uint8) {
		words, characters := []int{int(w0), int(w1)}, []int{int(c0), int(c1)}
		settings := Column{Type: table.TypeText, Words: words, Characters: characters, Dimensions: int(width)}
		if width == 0 || settings.Validate("x", table.TypeText) != nil {
			return
		}
		h := newTextHasher(int(width), words, characters)
		first, second := make([]float32, width), make([]float32, width)
		h.hash(first, text)
		h.hash(second, "something else")
		h.hash(second, text)
		if !slices.Equal(first, second) {
			t.Fatalf("%q: %v, then %v", text, first, second)
		}
		// Signs may cancel out.
		if length := dot(first, first); length != 0 && math.Abs(length-1) > 1e-4 {
			t.Fatalf("%q: length %v", text, length)
		}
	})
}

func TestTextGrams(t *testing.T) {
	// Many n-grams, so that the table grows while it counts.
	text := numbered(3000, func(i int) string { return fmt.Sprintf("word%d again", i) })
	h := newTextHasher(16, []int{1, 1}, []int{0, 0})
	h.split(text)
	h.count()
	if len(h.grams) != 3001 {
		t.Fatalf("%d n-grams", len(h.grams))
	}
	most := int32(0)
	for _, g := range h.grams {
		most = max(most, g.count)
	}
	if most != 3000 {
		t.Errorf("the most frequent one is counted %d times", most)
	}
}

func BenchmarkTextHasher(b *testing.B) {
	rnd := philox.New(1, 1)
	words := strings.Fields("red blue leather cotton shoes shirt summer winter classic running garden hose kitchen knife stainless steel organic premium edition wireless headphones")
	titles := make([]string, 1024)
	for i := range titles {
		var t []string
		for range 4 + rnd.IntN(4) {
			t = append(t, words[rnd.IntN(len(words))])
		}
		titles[i] = strings.Join(t, " ")
	}
	h := newTextHasher(defaultDimensions, []int{1, 2}, []int{3, 5})
	out := make([]float32, defaultDimensions)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.hash(out, titles[i%len(titles)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "titles/s")
}

package bytesize

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "17": 17, "12B": 12, "2GiB": 2 << 30, "2gib": 2 << 30, "1.5 MiB": 3 << 19, "2GB": 2e9, "4K": 4096, "3M": 3 << 20, "1TB": 1e12,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1e3", "2 apples", "0x10", "NaN", "inf", "1..2", "99999999TiB"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %d, want an error", text, got)
		}
	}
}

func TestTextIsExact(t *testing.T) {
	for _, s := range []Size{0, 1, 1023, 1024, 1500, 1 << 20, 1<<20 + 1, 3 << 19, 5 << 30, 1<<40 + 7} {
		text, err := s.MarshalText()
		var back Size
		if err == nil {
			err = back.UnmarshalText(text)
		}
		if err != nil || back != s {
			t.Errorf("%d became %q and then %d, %v", s, text, back, err)
		}
	}
	if got := (3 << 29 * Size(1)).String(); got != "1536MiB" {
		t.Errorf("1.5 GiB is written %s", got)
	}
}

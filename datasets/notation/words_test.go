package notation

import "testing"

func TestBool(t *testing.T) {
	for s, want := range map[string]bool{"true": true, "TRUE": true, "t": true, "Yes": true, "y": true, "1": true,
		"false": false, "False": false, "F": false, "no": false, "N": false, "0": false} {
		if v, ok := Bool(s); !ok || v != want {
			t.Errorf("Bool(%q) = %v, %v", s, v, ok)
		}
	}
	for _, s := range []string{"", "2", "on", "off", "yes ", "tru", "truee", "nope", "01", "-", "ſ", "yeſ", "falſe"} {
		if v, ok := Bool(s); v || ok {
			t.Errorf("Bool(%q) = %v, %v", s, v, ok)
		}
	}
	for s, want := range map[string]bool{"true": true, "False": true, "FALSE": true, "t": false, "yes": false, "1": false, "": false, "truth": false} {
		if got := TrueFalse(s); got != want {
			t.Errorf("TrueFalse(%q) = %v", s, got)
		}
	}
}

func TestMissing(t *testing.T) {
	for _, s := range []string{"NA", "n/a", "#N/A", "NULL", "None", "nil", "NaN", "-", "--", "?", "??", ".", "missing", "Unknown", `\N`, "inf", "-Inf",
		"+inf", "Infinity", "-infinity", "#DIV/0!", "#VALUE!", "#REF!", "undefined", "not available", "Not Applicable", "not set", "(not set)", "(none)",
		"(null)", "<NA>", "NaT"} {
		if !Missing(s) {
			t.Errorf("Missing(%q) = false", s)
		}
	}
	for _, s := range []string{"", "0", "n", "no", "other", "...", "!", "unknown artist", "not applicable here", "ΝΑ", "---", " ", "nan\x00"} {
		if Missing(s) {
			t.Errorf("Missing(%q) = true", s)
		}
	}
	for s := range missing {
		if len(s) > longestMissing {
			t.Errorf("%q is longer than longestMissing", s)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Missing("UNDEFINED"); Bool("FALSE") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

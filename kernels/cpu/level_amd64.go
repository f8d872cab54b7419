package cpu

import (
	"golang.org/x/sys/cpu"
)

// levels returns the levels that this processor has, worst first. What package cpu finds, the system supports too.
func levels() []string {
	has := []string{levelGeneric}
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return has
	}
	has = append(has, levelAVX2)
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL {
		has = append(has, levelAVX512)
	}
	return has
}

// loopsOf returns a level's loops.
func loopsOf(level string) *loops[float32] {
	switch level {
	case levelAVX2:
		l := routinesAVX2.loops()
		l.tiling = avx2Tiling()
		return l
	case levelAVX512:
		l := routinesAVX512.loops()
		l.tiling = avx512Tiling()
		return l
	}
	return genericLoops[float32]()
}

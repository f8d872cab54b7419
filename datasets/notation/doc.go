// Package notation knows how numbers, dates and truth values are written in
// texts. It reads single texts, and it tallies the texts of a column to tell how
// they are written as a whole; what follows from that is for its callers to say.
//
// Numbers: Number reads plain decimal notation, a Style what people write
// besides: a decimal comma, thousands set apart, currencies, percent. The styles
// are few, so that StylesOf tells all of those that read a text at once, and a
// NumberTally counts each of them.
//
// Dates: a Layout is one way to write dates, LayoutsOf tells those of a text, and
// a DateTally counts them. There is one scanner; that a layout reads a text and
// that LayoutsOf lists it is the same by construction.
//
// Words: Bool, TrueFalse and Missing.
//
// Texts are taken as they are: Trim takes off the blanks around them. Nothing
// here depends on the locale or the time zone, nor on the order in which texts are
// tallied, but for which example of a layout is kept and in which order units are
// listed.
package notation

package notation

// AllLayouts is for tests of other packages.
var AllLayouts = layouts

package notation

import "sync"

var named = sync.OnceValue(func() map[string]Layout {
	all := map[string]Layout{}
	for l := range layouts {
		all[l.Name()] = l
	}
	return all
})

// NamedLayout returns the layout that has a name, such as DD/MM/YYYY hh:mm.
func NamedLayout(name string) (Layout, bool) {
	l, ok := named()[name]
	return l, ok
}

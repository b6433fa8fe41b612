package admin

import "slices"

// Right says who may ask for a path.
type Right struct {
	Method, Path string
	Role         Role   // the least that may ask
	Says         string // what is there, in a line
	Page         bool   // it is for a browser; else it is for programs
}

// Rights are all paths that a server may serve, as the documentation lists them.
func Rights() (all []Right) {
	s := &Server{}
	s.console = s.newConsole()
	pages := s.pages()
	for i, e := range slices.Concat(pages, s.everything()) {
		all = append(all, Right{e.method, e.path, e.role, e.summary, i < len(pages)})
	}
	return all
}

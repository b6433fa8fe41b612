package config

// Unavailable lists the settings of a loaded file that this release cannot run
// yet, in the order of the table below. Whoever runs the file refuses it when
// there are any: a setting that is accepted and ignored would be a broken
// promise.
func Unavailable(f *File) Faults {
	var out Faults
	for _, row := range later {
		for _, path := range row.uses(f) {
			out = append(out, f.Fault(path, "not in this release: "+row.what, row.instead))
		}
	}
	return out
}

// later is what the grammar knows and the runtime does not. Delete a row when
// the runtime learns it.
var later = []struct {
	what, instead string
	uses          func(*File) []string // where the file uses it
}{
	{
		"forget_after", "",
		perRoute(".order.forget_after", func(_ *File, r Route) bool { return r.Order.ForgetAfter > 0 }),
	},
}

// perRoute names the setting in the route, or in the defaults when only they
// have it, once.
func perRoute(setting string, uses func(*File, Route) bool) func(*File) []string {
	return func(f *File) (paths []string) {
		shared := false
		for _, r := range f.Routes {
			if !uses(f, r) {
				continue
			}
			_, own := f.places[r.Path+setting]
			_, inherited := f.places["defaults"+setting]
			switch {
			case own || !inherited:
				paths = append(paths, r.Path+setting)
			case !shared:
				paths, shared = append(paths, "defaults"+setting), true
			}
		}
		return paths
	}
}

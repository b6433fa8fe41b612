package bridgetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// view is all that is known, at one time.
type view struct {
	fates   map[ordering.ID]fate
	kept    kept
	got     map[store.Key][]lane.Revision
	strange []string

	lanes   []store.Key                   // sorted
	planned map[store.Key][]lane.Revision // what the source has of each, sorted
}

// plan lists what the source has, by lane.
func (v *view) plan(laneOf func(ordering.ID) store.Key) {
	v.planned = map[store.Key][]lane.Revision{}
	for id := range v.fates {
		k := laneOf(id)
		v.planned[k] = append(v.planned[k], id.Revision)
	}
	all := map[store.Key]bool{}
	for k, revisions := range v.planned {
		slices.Sort(revisions)
		all[k] = true
	}
	for k := range v.got {
		all[k] = true
	}
	v.lanes = slices.SortedFunc(maps.Keys(all), func(a, b store.Key) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Epoch, b.Epoch))
	})
}

func idOf(k store.Key, r lane.Revision) ordering.ID {
	return ordering.ID{Key: k.Name, Epoch: k.Epoch, Revision: r}
}

// faults is all that is wrong.
func (v *view) faults(duplicates int) []string {
	faults := slices.Clone(v.strange)
	for _, k := range v.lanes {
		faults = append(faults, v.disorder(k)...)
		faults = append(faults, v.repeated(k, duplicates)...)
	}
	return append(faults, v.missing()...)
}

// disorder finds first deliveries that do not follow the one before.
func (v *view) disorder(k store.Key) (faults []string) {
	planned, got := v.planned[k], v.got[k]
	var next lane.Revision
	if len(planned) > 0 {
		next = planned[0]
	}
	for i, r := range got {
		if _, ok := slices.BinarySearch(planned, r); !ok {
			faults = append(faults, tell(k, r, "was never sent", got[:i], got[i+1:]))
			continue
		}
		for next < r && v.kept.excuses(k, next) {
			next++
		}
		if r > next {
			what := fmt.Sprintf("came when %d was next", next)
			faults = append(faults, tell(k, r, what, got[:i], got[i+1:]))
		}
		next = max(next, r+1)
	}
	return faults
}

// repeated finds the first repetition that is one too many.
func (v *view) repeated(k store.Key, allowed int) []string {
	got := v.got[k]
	seen, n := map[lane.Revision]bool{}, 0
	for i, r := range got {
		if seen[r] {
			n++
		}
		if n > allowed {
			what := fmt.Sprintf("is repetition %d of its key, %d may be", n, allowed)
			return []string{tell(k, r, what, got[:i], got[i+1:])}
		}
		seen[r] = true
	}
	return nil
}

// missing finds what was sent and is nowhere.
func (v *view) missing() (faults []string) {
	for _, k := range v.lanes {
		got := v.got[k]
		seen := make(map[lane.Revision]bool, len(got))
		for _, r := range got {
			seen[r] = true
		}
		for _, r := range v.planned[k] {
			f := v.fates[idOf(k, r)]
			if f.sent && !seen[r] && !v.kept.has(k, r) {
				i := gapIn(got, r)
				faults = append(faults, tell(k, r, f.lost(), got[:i], got[i:]))
			}
		}
	}
	return faults
}

// gapIn is the place before the first later revision.
func gapIn(got []lane.Revision, r lane.Revision) int {
	if i := slices.IndexFunc(got, func(other lane.Revision) bool { return other > r }); i >= 0 {
		return i
	}
	return len(got)
}

// lost says what a message's being missing means.
func (f fate) lost() string {
	if f.acked {
		return "is missing though it was acknowledged"
	}
	return "is missing; it was not acknowledged, so the source has it"
}

// tell is a fault with what was delivered of its key before and after.
func tell(k store.Key, r lane.Revision, what string, before, after []lane.Revision) string {
	name := fmt.Sprintf("key %q", k.Name)
	if k.Epoch > 0 {
		name += fmt.Sprintf(" (epoch %d)", k.Epoch)
	}
	const most = 3
	return fmt.Sprintf("%s, revision %d: %s (before: %s; after: %s)", name, r, what,
		listed(before[max(0, len(before)-most):]), listed(after[:min(len(after), most)]))
}

func listed(revisions []lane.Revision) string {
	if len(revisions) == 0 {
		return "nothing"
	}
	texts := make([]string, len(revisions))
	for i, r := range revisions {
		texts[i] = fmt.Sprint(r)
	}
	return strings.Join(texts, " ")
}

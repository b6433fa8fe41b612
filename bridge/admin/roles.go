package admin

import "slices"

// Role is what a caller may do; each may do what those before it may. The zero
// value is none: an endpoint without a role is a mistake.
type Role int

// The roles.
const (
	RoleAnyone   Role = iota + 1 // also who has no token: health
	RoleViewer                   // see everything, payloads included
	RoleOperator                 // let things go on: pause, redrive, skip …
	RoleAdmin                    // everything
)

var roleNames = []string{"none", "anyone", "viewer", "operator", "admin"}

// String is the role as the topology file spells it.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roleNames) {
		return roleNames[0]
	}
	return roleNames[r]
}

// ParseRole finds the role of a token by its name.
func ParseRole(name string) (Role, bool) {
	r := Role(slices.Index(roleNames, name))
	return r, r >= RoleViewer
}

package config

import "fmt"

// admin reports an interface that is open to more than it says.
func (c checker) admin() {
	a := c.Admin
	if a.Off {
		for _, s := range []string{"tls", "tokens", "behind_proxy", "read_only", "hosts", "mask", "trace_url"} {
			if path := "admin." + s; c.Has(path) {
				c.Add(path, "means nothing with listen: off", "")
			}
		}
		return
	}
	c.tokens(a.Tokens)
	if a.TLS != nil && a.BehindProxy {
		c.Add("admin.behind_proxy", "means nothing with tls", "with tls the bridge encrypts itself, towards a proxy, too")
	}
	c.reachable(a)
}

// reachable reports what an address lacks that others reach. A setting that has
// a fault of its own is not missed.
func (c checker) reachable(a Admin) {
	if isLoopback(a.Listen) {
		return
	}
	open := len(a.Tokens) == 0 && !c.Faulty("admin.tokens")
	plain := a.TLS == nil && !a.BehindProxy && !c.Faulty("admin.behind_proxy")
	const others = "others reach this address, so it wants "
	const loopback = "; or listen on 127.0.0.1, and reach it by an SSH tunnel"
	switch {
	case open && plain:
		c.Add("admin.listen", others+"tokens, and tls or behind_proxy", "tokens say who may ask, tls keeps them secret on their way"+loopback)
	case open:
		c.Add("admin.listen", others+"tokens", "they say who may ask: tokens: [ { name: …, role: viewer, token: … } ]"+loopback)
	case plain:
		c.Add("admin.listen", others+"tls, or behind_proxy", "else tokens could be read on their way"+loopback)
	}
}

// tokens reports two tokens that could not be told apart.
func (c checker) tokens(all []Token) {
	names, sums := map[string]string{}, map[[32]byte]string{}
	line := func(path string) int {
		line, _ := c.Places().Find(path).Pos()
		return line
	}
	for _, t := range all {
		name, secret := t.Path+".name", t.Path+".token"
		if !t.SHA256.IsZero() {
			secret = t.Path + ".sha256"
		}
		if first, double := names[t.Name]; double && t.Name != "" {
			c.Add(name, fmt.Sprintf("the token on line %d has this name", line(first)), "the audit tells them by their names")
		}
		if first, double := sums[t.Sum()]; double && c.Has(secret) && !c.Faulty(secret) {
			c.Add(secret, fmt.Sprintf("the token on line %d is the same", line(first)), "")
		}
		names[t.Name], sums[t.Sum()] = name, secret
	}
}

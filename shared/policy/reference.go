package policy

// Key is a key that can stand in a file, for the reference and for whoever shows a policy.
type Key struct {
	Path    string // as "storm.cases"
	In      string // where it can stand: "root, routes", "root, agents", "root" or "routes"
	Takes   string // what may stand there, in words
	Default string // as the file writes it; "" where the keys below it have one each, or it has none
}

// Keys lists every key, in the order in which they are best read.
func Keys() []Key {
	s, a := defaultSettings(), defaultAccount()
	keys := flat(settingKeys(&s), "", "root, routes")
	keys = append(keys, flat(accountKeys(&a), "", "root, agents")...)
	return append(keys,
		Key{Path: "agents", In: "root", Takes: takesAgents, Default: "{}"},
		Key{Path: "routes", In: "root", Takes: takesRoutes, Default: "[]"},
		Key{Path: "name", In: "routes", Takes: takesName},
		Key{Path: "match", In: "routes", Takes: takesMatch},
	)
}

func flat(keys []key, above, in string) []Key {
	var all []Key
	for _, k := range keys {
		all = append(all, Key{above + k.name, in, k.what, k.now()})
		all = append(all, flat(k.keys, above+k.name+".", in)...)
	}
	return all
}

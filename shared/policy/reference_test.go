package policy

// reference is a key that can stand in a file, as docs/policy.md tells of it.
type reference struct {
	path  string // as "storm.cases"
	in    string // where it can stand: "root, routes", "root, agents", "root" or "routes"
	takes string // what may stand there, in words
	def   string // as the file writes it; "" where the keys below it have one each, or it has none
}

// references lists every key, in the order in which they are best read.
func references() []reference {
	s, a := defaultSettings(), defaultAccount()
	keys := flat(settingKeys(&s), "", "root, routes")
	keys = append(keys, flat(accountKeys(&a), "", "root, agents")...)
	return append(keys,
		reference{path: "agents", in: "root", takes: takesAgents, def: "{}"},
		reference{path: "routes", in: "root", takes: takesRoutes, def: "[]"},
		reference{path: "name", in: "routes", takes: takesName},
		reference{path: "match", in: "routes", takes: takesMatch},
	)
}

func flat(keys []key, above, in string) []reference {
	var all []reference
	for _, k := range keys {
		all = append(all, reference{above + k.name, in, k.what, k.now()})
		all = append(all, flat(k.keys, above+k.name+".", in)...)
	}
	return all
}

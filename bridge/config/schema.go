package config

// Schema is the JSON Schema (draft-07) of the topology file, made from the same
// tables that read it. Editors complete and check a file by it, but it cannot
// see what rests on other settings: a file that passes may still have faults.
func Schema() ([]byte, error) {
	s := fileForm().Schema(&File{
		Store:    defaultStore(),
		Admin:    Admin{Listen: defaultListen},
		Defaults: defaultShared(),
	})
	s.Schema = "http://json-schema.org/draft-07/schema#"
	s.Title = "bridge topology"
	s.Description = "Which brokers there are, which routes run between them, and what happens to a message that is late, doubled or refused."
	return s.JSON()
}

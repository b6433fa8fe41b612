package main

import "testing"

func TestCasesAreChosenByName(t *testing.T) {
	for flag, want := range map[string][]string{
		"raw":            {"raw"},
		"keys,displaced": {"keys", "displaced"},
		"all":            nil, // all of them
	} {
		got, err := chooseCases(flag)
		if err != nil || flag == "all" && len(got) != len(experiments) || flag != "all" && len(got) != len(want) {
			t.Errorf("-case %s: %d cases, %v", flag, len(got), err)
		}
		for i, name := range want {
			if got[i].name != name {
				t.Errorf("-case %s: case %d is %s", flag, i, got[i].name)
			}
		}
	}
	for _, flag := range []string{"", "nonsense", "keys,", "all,keys"} {
		if got, err := chooseCases(flag); err == nil {
			t.Errorf("-case %q: %d cases", flag, len(got))
		}
	}
}

func TestCasesHaveNamesOfTheirOwn(t *testing.T) {
	names := map[string]bool{}
	for _, e := range experiments {
		if names[e.name] || e.name == "all" || e.about == "" || e.run == nil {
			t.Errorf("case %q", e.name)
		}
		names[e.name] = true
	}
}

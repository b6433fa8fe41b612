package admin

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// parameters are those of queries and paths, by name.
var parameters = map[string]struct{ kind, says string }{
	"route":   {"string", "a route, by its name"},
	"id":      {"string", "a dead letter or an operation, by its id"},
	"group":   {"string", "only of this group, by its fingerprint"},
	"since":   {"string", "only what was given up at this time or later, RFC 3339"},
	"until":   {"string", "only what was given up before this time, RFC 3339"},
	"sort":    {"string", "parked (most behind them first), blocked, dead or last"},
	"expect":  {"string", "SEQ:HASH of a row that was noted elsewhere, which must be there"},
	"key":     {"string", "a message key; any bytes, escaped"},
	"limit":   {"integer", fmt.Sprintf("how many at most, 1 to %d; left out: %d", maxLimit, defaultLimit)},
	"after":   {"string", "go on behind this item; next in an answer has it filled in"},
	"before":  {"integer", "only what was done before this entry, by its seq"},
	"last":    {"integer", fmt.Sprintf("only the newest so many, 1 to %d", maxLimit)},
	"reason":  {"string", "only with this reason"},
	"gaps":    {"boolean", "also gaps whose time is over"},
	"blocked": {"boolean", "only keys that do not flow, or have something parked"},
	"state":   {"string", "only keys in this state, such as quarantined"},
	"hours":   {"integer", "how far it goes back, 1 to 24; 1 is in steps of 10 seconds, more in steps of a minute; left out: 1"},
	"epoch":   {"integer", "of the key; left out: the last one"},
	"q":       {"string", "words that all must fit: text (a key or an id, or how it begins), key: id: reason: group: route: error: header:name=value since: until: (RFC 3339, or 2h)"},
	"verbose": {"string", "given at all: also routes that are ready"},
	"exclude": {"string", "a route that does not count; may be given more than once"},
}

// openapi serves the description, which is the same for every server.
func (s *Server) openapi(w http.ResponseWriter, _ *http.Request) {
	doc, err := describe(s.everything())
	if err != nil { // a test sees to it that there is none
		s.cfg.Logger.Error("the admin API cannot describe itself", "error", err)
		fail(w, http.StatusInternalServerError, api.StoreFailed, "there is no description", "the log of the bridge says why")
		return
	}
	answer(w, http.StatusOK, doc)
}

type object = map[string]any

// describe makes an OpenAPI 3.1 description of endpoints.
func describe(all []endpoint) (object, error) {
	types := &schemas{known: object{}}
	paths := object{}
	for _, e := range all {
		op, err := types.operation(e)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", e.method, e.path, err)
		}
		if paths[e.path] == nil {
			paths[e.path] = object{}
		}
		paths[e.path].(object)[strings.ToLower(e.method)] = op
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "bridge admin API", "version": "1",
			"description": "What the routes of a bridge are doing, and the ways out where they are stuck. " +
				"Fields are added, never renamed or given another meaning. What is absent is unknown or does not apply.",
		},
		"paths": paths,
		"components": object{
			"schemas":         types.known,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "Needed where the topology file has admin.tokens."}},
		},
	}, nil
}

// operation describes one endpoint.
func (t *schemas) operation(e endpoint) (object, error) {
	out, err := t.content(e.out)
	if err != nil {
		return nil, err
	}
	failure, err := t.content(api.Failure{})
	if err != nil {
		return nil, err
	}
	params, err := paramsOf(e)
	if err != nil {
		return nil, err
	}
	responses := object{"200": object{"description": "what was asked for", "content": out}}
	op := object{"operationId": operationID(e), "summary": e.summary, "responses": responses}
	if e.role == RoleAnyone {
		responses["503"] = object{"description": "it is not so", "content": out}
	} else {
		op["security"], op["x-role"] = []object{{"token": []string{}}}, e.role.String()
	}
	responses["default"] = object{"description": "an error", "content": failure}
	if len(params) > 0 {
		op["parameters"] = params
	}
	if e.in != nil {
		in, err := t.content(e.in)
		if err != nil {
			return nil, err
		}
		op["requestBody"] = object{"required": true, "content": in}
	}
	return op, nil
}

// content describes a body by a value of its type.
func (t *schemas) content(v any) (object, error) {
	kind := "application/json"
	switch of := v.(type) {
	case nil:
		return object{"text/plain": object{"schema": object{"type": "string"}}}, nil
	case lines:
		kind, v = "application/x-ndjson", of.of
	case events:
		kind, v = "text/event-stream", of.of
	}
	schema, err := t.of(v)
	return object{kind: object{"schema": schema}}, err
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func paramsOf(e endpoint) (all []object, err error) {
	add := func(name, in string) {
		p, ok := parameters[name]
		if !ok {
			err = fmt.Errorf("the parameter %s is not described", name)
		}
		all = append(all, object{
			"name": name, "in": in, "required": in == "path",
			"description": p.says, "schema": object{"type": p.kind},
		})
	}
	for _, m := range placeholder.FindAllStringSubmatch(e.path, -1) {
		add(m[1], "path")
	}
	for _, name := range strings.Fields(e.query) {
		add(name, "query")
	}
	return all, err
}

// operationID is a name for programs that are made of the description: of
// GET /api/v1/routes/{route}/keys/{key} it is getRoutesKeysByKey.
func operationID(e endpoint) string {
	id := strings.ToLower(e.method)
	parts := strings.FieldsFunc(strings.TrimPrefix(e.path, "/api/v1"), func(r rune) bool { return strings.ContainsRune("/-.", r) })
	for i, part := range parts {
		name, isParam := strings.CutPrefix(strings.TrimSuffix(part, "}"), "{")
		switch {
		case !isParam:
			id += strings.ToUpper(name[:1]) + name[1:]
		case i == len(parts)-1:
			id += "By" + strings.ToUpper(name[:1]) + name[1:]
		}
	}
	return id
}

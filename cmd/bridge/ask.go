package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const defaultAdmin = "http://127.0.0.1:8321"

// ask are the flags of commands that ask a running bridge.
type ask struct {
	admin  string
	access access
	file   fileFlag
	output choice
	route  string
	rests  bool // the bridge does not run: its store is asked
}

func (a *ask) add(cmd *cobra.Command) {
	a.file.add(cmd)
	cmd.Flags().StringVar(&a.admin, "admin", "", "admin address of the bridge (default: that of the topology file, else "+defaultAdmin+")")
	a.access.add(cmd)
	cmd.Flags().BoolVar(&a.rests, "offline", false, "the bridge does not run: look into its store, that of the topology file")
	a.output.flag(cmd, "output", "o", "how the result is written", "table", "json", "jsonl")
}

// addRoute is for commands about something of a route.
func (a *ask) addRoute(cmd *cobra.Command) {
	a.add(cmd)
	cmd.Flags().StringVarP(&a.route, "route", "r", "", "only this route (default: all)")
	_ = cmd.RegisterFlagCompletionFunc("route", routesOfFile) // it fails only for flags that do not exist
}

// client finds the bridge: the address that was given, else that of the topology
// file. A file that nobody named is a convenience: if it is missing or has
// faults, a shell without its variables perhaps, the default address serves.
func (a *ask) client(cmd *cobra.Command) (*client.Client, error) {
	if a.rests {
		return offline(cmd, &a.file)
	}
	address := a.admin
	if address == "" {
		var err error
		if address, err = a.addressOfFile(); err != nil {
			if cmd.Flags().Changed("config") {
				return nil, err
			}
			address = defaultAdmin
		}
	}
	options, err := a.access.options()
	if err != nil {
		return nil, err
	}
	c, err := client.New(address, options)
	if err != nil {
		return nil, &exitError{invalid, err, ""}
	}
	return c, nil
}

func (a *ask) addressOfFile() (string, error) {
	f, err := a.file.load()
	if err != nil {
		return "", err
	}
	if f.Admin.Off {
		return "", &exitError{invalid, fmt.Errorf("%s says admin: { listen: off }, so there is nobody to ask", f.Name), ""}
	}
	return urlOf(f.Admin, f.Admin.Listen), nil
}

// routes are the names of the routes that are asked about.
func (a *ask) routes(ctx context.Context, c *client.Client) ([]string, error) {
	if a.route != "" {
		return []string{a.route}, nil
	}
	all, err := c.Routes(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return names, nil
}

// reach finds the bridge and the names of the routes that are asked about.
func (a *ask) reach(cmd *cobra.Command) (*client.Client, []string, error) {
	c, err := a.client(cmd)
	if err != nil {
		return nil, nil, err
	}
	routes, err := a.routes(cmd.Context(), c)
	return c, routes, err
}

// ofRoutes is one list after the other. One more than limit is asked for, so
// that it shows whether there are more.
func ofRoutes[T any](routes []string, limit int, list func(route string, limit int) iter.Seq2[T, error]) iter.Seq2[T, error] {
	if limit > 0 {
		limit++
	}
	return func(yield func(T, error) bool) {
		for _, r := range routes {
			for item, err := range list(r, limit) {
				if !yield(item, err) {
					return
				}
			}
		}
	}
}

// look shows a thing as each route has it that knows it.
func look[T any](cmd *cobra.Command, a *ask, name string,
	get func(c *client.Client, ctx context.Context, route, name string) (T, error), text func(*cobra.Command, T),
) error {
	c, routes, err := a.reach(cmd)
	if err != nil {
		return err
	}
	found, err := find(routes, func(route string) (T, error) { return get(c, cmd.Context(), route, name) })
	if err != nil {
		return err
	}
	return show(cmd, a.output.value, found, text)
}

// elsewhere are the answers of a route that does not have a thing, which another
// may have.
var elsewhere = []string{api.UnknownKey, api.UnknownDeadLetter, api.UnknownOperation, api.UnknownArchived}

// find asks each route until one knows the thing.
func find[T any](routes []string, get func(route string) (T, error)) (found []T, err error) {
	var unknown error
	for _, r := range routes {
		one, err := get(r)
		var e *api.Error
		switch {
		case err == nil:
			found = append(found, one)
		case errors.As(err, &e) && slices.Contains(elsewhere, e.Code):
			unknown = err
		default:
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, unknown
	}
	return found, nil
}

// show prints what was found: as text, or as JSON objects.
func show[T any](cmd *cobra.Command, format string, found []T, text func(*cobra.Command, T)) error {
	for _, one := range found {
		switch format {
		case "json", "jsonl":
			indent := "  "
			if format == "jsonl" {
				indent = ""
			}
			if err := printJSON(cmd.OutOrStdout(), one, indent); err != nil {
				return err
			}
		default:
			text(cmd, one)
		}
	}
	return nil
}

// fact prints one line of what is known, if it is.
func fact(cmd *cobra.Command, name, value string) {
	if value != "" {
		fmt.Fprintf(cmd.OutOrStdout(), "%-13s %s\n", name, printable(value))
	}
}

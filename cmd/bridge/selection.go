package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// selecting are the flags that say which dead letters are meant: those that match
// all that is given.
type selecting struct {
	key, group, ofReason string
	since, until         timeFlag
	all                  bool
}

// wanted is said where neither IDs nor a selection is given, or both are.
const wanted = "want the IDs of dead letters, or --key KEY, --group FINGERPRINT, --of-reason REASON, --since TIME, --until TIME or --all"

func (s *selecting) add(cmd *cobra.Command, a *ask) {
	f := cmd.Flags()
	f.StringVarP(&s.key, "key", "k", "", "only those of this key")
	f.StringVarP(&s.group, "group", "g", "", "only those with this cause, a `FINGERPRINT` of bridge dlq groups")
	f.StringVar(&s.ofReason, "of-reason", "", "only those given up for this `REASON`, such as max_attempts")
	f.Var(&s.since, "since", "only those given up then or later: 2026-03-04T12:00:00Z, or 2h for two hours ago")
	f.Var(&s.until, "until", "only those given up before that")
	// It fails only for flags that do not exist.
	_ = cmd.RegisterFlagCompletionFunc("group", a.completeGroup)
}

// addAll is for commands that change something: there all has to be meant.
func (s *selecting) addAll(cmd *cobra.Command, a *ask) {
	s.add(cmd, a)
	cmd.Flags().BoolVar(&s.all, "all", false, "all of them")
}

// given reports whether there is a selection.
func (s *selecting) given() bool { return s.all || s.some() }

func (s *selecting) some() bool {
	return s.key != "" || s.group != "" || s.ofReason != "" || !s.since.IsZero() || !s.until.IsZero()
}

// onlyKey reports whether a key is all that is said.
func (s *selecting) onlyKey() bool {
	other := *s
	other.key = ""
	return s.key != "" && !other.given()
}

// args takes IDs or a selection.
func (s *selecting) args(_ *cobra.Command, args []string) error {
	switch {
	case (len(args) > 0) == s.given():
		return errors.New(wanted)
	case s.all && s.some():
		return errors.New("--all is all: it takes no other selection")
	case !s.since.IsZero() && !s.until.IsZero() && !s.since.Before(s.until.Time):
		return errors.New("--since must be before --until")
	}
	return nil
}

func (s *selecting) selection(ids []string) api.Selection {
	sel := api.Selection{IDs: ids, Group: s.group, Reason: s.ofReason, Since: s.since.Time, Until: s.until.Time}
	if utf8.ValidString(s.key) {
		sel.Key = s.key
	} else {
		sel.KeyBase64 = []byte(s.key)
	}
	return sel
}

func (s *selecting) list() client.List {
	return client.List{Key: s.key, Group: s.group, Reason: s.ofReason, Since: s.since.Time, Until: s.until.Time}
}

// completeGroup asks the running bridge, which is near, but not for long.
func (a *ask) completeGroup(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const nothing = cobra.ShellCompDirectiveNoFileComp
	ctx, cancel := context.WithTimeout(cmd.Context(), 3*time.Second)
	defer cancel()
	cmd.SetContext(ctx)
	if a.rests {
		return nil, nothing
	}
	c, routes, err := a.reach(cmd)
	if err != nil {
		return nil, nothing
	}
	var found []cobra.Completion
	for _, route := range routes {
		for g, err := range c.Groups(ctx, route, "") {
			if err != nil {
				return found, nothing
			}
			text := fmt.Sprintf("%d of %s: %s %s", g.Dead, g.Route, g.Reason, g.Error)
			found = append(found, cobra.CompletionWithDesc(printable(g.Fingerprint), short(printable(text), 60)))
		}
	}
	return found, nothing
}

// timeFlag is a time, or how long ago it was.
type timeFlag struct{ time.Time }

func (t *timeFlag) String() string { return instant(t.Time) }

// Type is what help shows for the value.
func (t *timeFlag) Type() string { return "TIME" }

// Set takes RFC 3339, or a duration such as 90s, 2h30m or 3d.
func (t *timeFlag) Set(text string) (err error) {
	if t.Time, err = time.Parse(time.RFC3339, text); err == nil {
		return nil
	}
	ago, err := duration(text)
	if err != nil || ago < 0 {
		return errors.New("want a time such as 2026-03-04T12:00:00Z, or how long ago, such as 30m, 2h or 3d")
	}
	t.Time = time.Now().Add(-ago)
	return nil
}

func duration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

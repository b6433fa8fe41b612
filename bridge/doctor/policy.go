package doctor

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// policy is what gives a queue a setting by a policy. RabbitMQ follows one policy per
// queue: one that is there stays, and a new one has all that is wanted of it.
func policy(a *survey.AMQP, queue string, d *survey.QueueDetails, setting string) string {
	if len(d.Policy) > 0 || d.PolicyName != "" {
		name := ""
		if d.PolicyName != "" {
			name = " " + d.PolicyName
		}
		return fmt.Sprintf("add %q: %s to the policy%s that the queue has", setting, values(a)[setting], name)
	}
	kind := "queues"
	if d.Type == "quorum" && since(a.Version, 3, 12) {
		kind = "quorum_queues"
	}
	return managed(a, fmt.Sprintf("set_policy --apply-to %s %s %s '%s'", kind, quoted("bridge-"+queue), quoted("^"+regexp.QuoteMeta(queue)+"$"), definition(a, d)))
}

// definition is that of a new policy for a source.
func definition(a *survey.AMQP, d *survey.QueueDetails) string {
	var all []string
	add := func(setting string) { all = append(all, fmt.Sprintf("%q:%s", setting, values(a)[setting])) }
	if limit, _, ok := deliveryLimit(a, d); ok && d.Type == "quorum" && few(limit) {
		add("delivery-limit")
	}
	if _, ok := drops(d); ok {
		add("overflow")
	}
	return "{" + strings.Join(all, ",") + "}"
}

// values are what settings of a source should be.
func values(a *survey.AMQP) map[string]string {
	unlimited := "1000000"
	if since(a.Version, 4, 0) {
		unlimited = "-1"
	}
	return map[string]string{"delivery-limit": unlimited, "overflow": `"reject-publish"`}
}

package shop

import "fmt"

// Topology is the file that the shop runs, for a Kafka at the given address, a store
// in the given directory and an admin interface that listens at the given address.
func Topology(kafka, dir, listen string) string {
	return fmt.Sprintf(`# What "bridge demo console" runs. The queues are inside the process, where you
# would have RabbitMQ: shop: { amqp: { url: "amqp://..." } }. So is the Kafka, which
# is spoken to as any other.
brokers:
  shop: { memory: {} }
  lake: { kafka: { brokers: [%q] } }
  ledger: { memory: {} }
  carrier: { memory: {} }

store:
  pebble: { dir: %q }
  min_free: off # the demo is small
admin:
  listen: %q
  mask: { fields: [card.number] } # shown as ***

defaults:
  order:
    by: revision
    key: header.key
    revision: header.revision
    first: 1
    gap: { hold: 100ms, timeout: 15s, then: quarantine }
  retry: { attempts: 3, initial: 200ms, max: 2s }
  dead_letter: { then: quarantine }

routes:
  - name: orders
    from: { broker: shop, queue: orders, declare: true }
    to: { broker: lake, topic: orders, declare: { partitions: 6 } }

  # The ledger refuses some of these: their keys wait, the others go on.
  - name: payments
    from: { broker: shop, queue: payments, declare: true }
    to: { broker: ledger, queue: payments, declare: true }

  # Some of these are larger than Kafka takes, some have no revision.
  - name: invoices
    from: { broker: shop, queue: invoices, declare: true }
    to: { broker: lake, topic: invoices, declare: { partitions: 3 } }

  # The carrier sleeps now and then: its breaker opens, nothing is given up.
  - name: parcels
    from: { broker: shop, queue: parcels, declare: true }
    to: { broker: carrier, queue: parcels, declare: true }
    breaker: { min: 5, open_for: 5s }
`, kafka, dir, listen)
}

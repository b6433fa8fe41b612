package foreign

import (
	"cmp"
	"strings"
	"time"
)

// spring reads what DeadLetterPublishingRecoverer writes. Its numbers are binary.
func spring(h headers) (Letter, bool) {
	const original, exception = "kafka_dlt-original-", "kafka_dlt-exception-"
	if !h.has(original+"topic", exception+"fqcn") {
		return Letter{}, false
	}
	l := Letter{
		Profile: Spring, Origin: Origin{Topic: h.name(original + "topic")},
		Type:    cmp.Or(h.kind(exception+"cause-fqcn"), h.kind(exception+"fqcn")), // the outer one only says that a listener failed
		Message: h.message(exception + "message"),
	}
	partition, one := h.bigEndian(original+"partition", 4)
	offset, two := h.bigEndian(original+"offset", 8)
	l.Origin.place(partition, one, offset, two)
	l.Attempts = attempts(h.bigEndian("retry_topic-attempts", 4)) // of its retry topics
	return l, true
}

// connect reads what Kafka Connect writes with errors.deadletterqueue.context.headers.enable.
func connect(h headers) (Letter, bool) {
	const errors = "__connect.errors."
	if !h.has(errors+"topic", errors+"exception.class.name") {
		return Letter{}, false
	}
	l := Letter{
		Profile: Connect, Origin: Origin{Topic: h.name(errors + "topic")},
		Reason: h.kind(errors + "stage"), Type: h.kind(errors + "exception.class.name"),
		Message: h.message(errors + "exception.message"),
	}
	partition, one := h.digits(errors + "partition")
	offset, two := h.digits(errors + "offset")
	l.Origin.place(partition, one, offset, two)
	return l, true
}

// watermill reads what the PoisonQueue middleware writes. Its topic is one of Kafka,
// or with watermill-amqp the name from which the queue has its own, by default the
// same.
func watermill(h headers) (Letter, bool) {
	if !h.has("reason_poisoned", "topic_poisoned") {
		return Letter{}, false
	}
	topic := h.name("topic_poisoned")
	return Letter{
		Profile: Watermill, Origin: Origin{Topic: topic, Queue: topic},
		Type: h.kind("handler_poisoned"), Message: h.message("reason_poisoned"),
	}, true
}

// nservicebus reads what the recoverability of NServiceBus writes.
func nservicebus(h headers) (Letter, bool) {
	const service, exception = "NServiceBus.", "NServiceBus.ExceptionInfo."
	if !h.has(service+"FailedQ", exception+"ExceptionType") {
		return Letter{}, false
	}
	return Letter{
		Profile: NServiceBus, Origin: Origin{Queue: h.name(service + "FailedQ")},
		Type:    h.kind(exception + "ExceptionType"),
		Message: h.message(exception + "Message"),
		When:    nservicebusTime(h[service+"TimeOfFailure"]),
		// The delayed ones; how many tries each of them had is not said.
		Attempts: attempts(h.digits(service + "Retries")),
	}, true
}

// nservicebusTime reads a time such as 2026-01-31 13:05:09:123456 Z.
func nservicebusTime(s string) time.Time {
	const layout = "2006-01-02 15:04:05.000000 Z"
	if i := strings.LastIndexByte(s, ':'); len(s) == len(layout) && i > 0 {
		if t, err := time.Parse(layout, s[:i]+"."+s[i+1:]); err == nil {
			return t
		}
	}
	return time.Time{}
}

// azure reads the properties that Azure Service Bus gives a dead letter, where
// somebody has carried them along as headers.
func azure(h headers) (Letter, bool) {
	if !h.has("DeadLetterReason", "DeadLetterErrorDescription") {
		return Letter{}, false
	}
	return Letter{
		Profile: Azure, Origin: Origin{Queue: h.name("DeadLetterSource")},
		Reason:  h.kind("DeadLetterReason"),
		Message: h.message("DeadLetterErrorDescription"),
	}, true
}

package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func keyedZ() *message.Message { return &message.Message{Payload: []byte("x")} }

func TestZZ(t *testing.T) {
	for i := range 4 {
		s := time.Now()
		tp := &topic{seeds: rig.Kafka(t), name: rig.Name(t)}
		tp.Create(t)
		fmt.Println(i, "create", time.Since(s))
		s = time.Now()
		target, told := open(t, tp)
		fmt.Println("told", <-told, time.Since(s))
		s = time.Now()
		fmt.Println(target.Publish("", keyedZ()), time.Since(s))
		s = time.Now()
		fmt.Println(target.Publish("", keyedZ()), time.Since(s))
		s = time.Now()
		fmt.Println(target.Close(), time.Since(s))
		s = time.Now()
		fmt.Println(target.Publish("", keyedZ()), time.Since(s))
	}
}

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/open-telemetry/opamp-go/server/types"
	"google.golang.org/protobuf/encoding/protojson"
)

// connection is one WebSocket, or one HTTP request.
type connection struct {
	id        int64
	transport string
	peer      *peer
	conn      types.Connection
}

func (c *connection) duplex() bool { return c.transport == "ws" }

func (c *connection) connected(_ context.Context, conn types.Connection) {
	c.conn = conn
	if c.duplex() {
		c.peer.fleet.open(c)
	}
	if !c.peer.silent() {
		c.peer.out.print(connectedEvent{Event: "connected", Conn: c.id, Transport: c.transport})
	}
}

func (c *connection) message(
	ctx context.Context, _ types.Connection, message *protobufs.AgentToServer,
) *protobufs.ServerToAgent {
	p := c.peer
	p.messages.Add(1)
	a := p.fleet.heard(message.InstanceUid, c)
	if p.cycles.on.Load() {
		return p.cycles.answer(a, message)
	}
	if !p.quiet {
		p.out.print(messageEvent{
			Event: "message", At: time.Now().UnixMicro(), Conn: c.id, Transport: c.transport,
			UID: hex.EncodeToString(message.InstanceUid), Message: toJSON(message),
		})
	}
	if how, silent := p.script.silenced(a.uid); silent {
		c.keepSilent(ctx, how)
		return nil
	}
	answer := &protobufs.ServerToAgent{InstanceUid: message.InstanceUid, Capabilities: p.capabilities}
	p.script.merge(answer, a.uid)
	p.wants.merge(answer, message)
	p.signInto(answer, message)
	return answer
}

// keepSilent does what can be done instead of an answer. Over HTTP the library answers whatever comes back from the
// callback, so that only a request that never comes back stays without an answer.
func (c *connection) keepSilent(ctx context.Context, how string) {
	if how == cut && !c.peer.silent() {
		c.peer.out.print(cutEvent{Event: "cut", Conn: c.id})
	}
	switch {
	case how == cut && c.duplex():
		_ = c.conn.Disconnect()
	case how == cut:
		panic(http.ErrAbortHandler)
	case how == hold && !c.duplex():
		<-ctx.Done()
	}
}

func (c *connection) readError(_ types.Connection, messageType int, _ []byte, err error) {
	if c.peer.silent() {
		return
	}
	event := readErrorEvent{Event: "readError", Conn: c.id, MessageType: messageType, Error: err.Error()}
	var closing *websocket.CloseError
	if errors.As(err, &closing) {
		event.Code = closing.Code
	}
	c.peer.out.print(event)
}

func (c *connection) closed(types.Connection) {
	if c.duplex() {
		c.peer.fleet.close(c)
	}
	if !c.peer.silent() {
		c.peer.out.print(closedEvent{Event: "closed", Conn: c.id})
	}
}

func toJSON(message *protobufs.AgentToServer) []byte {
	bytes, err := protojson.Marshal(message)
	if err != nil {
		// What the library decoded always has a JSON form.
		panic(err)
	}
	return bytes
}

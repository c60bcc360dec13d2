package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type command struct {
	ID      int64             `json:"id"`
	Cmd     string            `json:"cmd"`
	UID     string            `json:"uid"`
	Message json.RawMessage   `json:"message"`
	Times   int               `json:"times"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	On      bool              `json:"on"`
	How     string            `json:"how"`
	Name    string            `json:"name"`
	CSR     []byte            `json:"csr"`
	Seconds int               `json:"seconds"`
}

// obey runs the commands of a stream until it ends or one says stop, and then stops the server.
func obey(from io.Reader, p *peer, stop func()) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			c := command{UID: everyone, Times: 1, How: skip, Seconds: hour}
			if err := json.Unmarshal(line, &c); err != nil {
				p.out.print(errorEvent{Event: "error", ID: c.ID, Error: err.Error()})
				continue
			}
			if c.Cmd == "stop" {
				stop()
				p.out.print(doneEvent{Event: "done", ID: c.ID})
				return
			}
			p.out.print(run(&c, p))
		}
		if err != nil {
			stop()
			return
		}
	}
}

// run carries out one command and returns its answer.
func run(c *command, p *peer) any {
	if c.Cmd == "count" {
		return countEvent{Event: "count", ID: c.ID, Cycles: p.cycles.done.Load(), Messages: p.messages.Load()}
	}
	if c.Cmd == "issue" {
		return issue(c, p)
	}
	if err := act(c, p); err != nil {
		return errorEvent{Event: "error", ID: c.ID, Error: err.Error()}
	}
	return doneEvent{Event: "done", ID: c.ID}
}

func act(c *command, p *peer) error {
	uid, err := rawUID(c.UID)
	if err != nil {
		return err
	}
	if c.Times < 0 {
		return errors.New("times must not be negative")
	}
	switch c.Cmd {
	case "reply":
		message, err := fromJSON(c.Message)
		if err != nil {
			return err
		}
		p.script.addReply(&replyRule{lifetime: lifetime{c.Times}, uid: uid, message: message})
		return nil
	case "silent":
		if c.How != skip && c.How != hold && c.How != cut {
			return fmt.Errorf("unknown way to be silent %q", c.How)
		}
		p.script.addSilent(&silentRule{lifetime: lifetime{c.Times}, uid: uid, how: c.How})
		return nil
	case "reject":
		if http.StatusText(c.Status) == "" {
			return fmt.Errorf("%d is no HTTP status", c.Status)
		}
		p.script.addReject(&rejectRule{lifetime: lifetime{c.Times}, status: c.Status, headers: c.Headers})
		return nil
	case "require":
		p.script.require(c.Headers)
		return nil
	case "clear":
		p.script.clear()
		return nil
	case "sign":
		return sign(c, p, uid)
	case "push":
		message, err := fromJSON(c.Message)
		if err != nil {
			return err
		}
		return push(p, uid, message)
	case "want":
		return want(p, uid, c.Message)
	case "drop":
		return p.fleet.drop(uid)
	case "cycles":
		p.cycles.turn(c.On, &p.fleet)
		return nil
	default:
		return fmt.Errorf("unknown command %q", c.Cmd)
	}
}

// push sends a message to the agents named, addressed to each unless it says otherwise.
func push(p *peer, uid string, message *protobufs.ServerToAgent) error {
	targets := p.fleet.reach(uid)
	if len(targets) == 0 {
		return unreachable(uid)
	}
	var err error
	for _, t := range targets {
		addressed := proto.Clone(message).(*protobufs.ServerToAgent)
		if len(addressed.InstanceUid) == 0 {
			addressed.InstanceUid = []byte(t.agent.uid)
		}
		err = errors.Join(err, t.link.conn.Send(context.Background(), addressed))
	}
	return err
}

// want has one agent offered a remote config until it reports it: at once over an open WebSocket, and with each answer.
func want(p *peer, uid string, text json.RawMessage) error {
	message, err := fromJSON(text)
	if err != nil {
		return err
	}
	if uid == everyone {
		return errors.New("want is for one agent")
	}
	p.wants.offer(uid, message.RemoteConfig)
	// Without a WebSocket, or with one that breaks, an answer will bring it.
	_ = push(p, uid, message)
	return nil
}

func fromJSON(text json.RawMessage) (*protobufs.ServerToAgent, error) {
	if text == nil {
		return nil, errors.New("message is missing")
	}
	message := &protobufs.ServerToAgent{}
	return message, protojson.Unmarshal(text, message)
}

// rawUID turns hex digits, with or without the dashes of a UUID, into the 16 bytes on the wire.
func rawUID(text string) (string, error) {
	if text == everyone {
		return everyone, nil
	}
	bytes, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err == nil && len(bytes) != 16 {
		err = fmt.Errorf("uid %q has %d bytes, not 16", text, len(bytes))
	}
	return string(bytes), err
}

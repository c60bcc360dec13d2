package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
)

// everyone stands for all agents in a command.
const everyone = "*"

// agent is an instance uid heard of, with the WebSocket that it was last heard on, if that is still open.
type agent struct {
	uid string // 16 raw bytes

	mu    sync.Mutex
	link  *connection
	offer []byte // hash of the offer that the cycle waits for, nil if none
}

// fleet finds agents, and the open WebSockets, also those that no agent has spoken on.
type fleet struct {
	mu     sync.Mutex
	agents map[string]*agent
	links  map[*connection]struct{}
}

func (f *fleet) open(c *connection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links[c] = struct{}{}
}

func (f *fleet) close(c *connection) {
	f.mu.Lock()
	delete(f.links, c)
	f.mu.Unlock()
	for _, a := range f.all() {
		a.mu.Lock()
		if a.link == c {
			a.link = nil
		}
		a.mu.Unlock()
	}
}

// heard notes which connection an agent speaks on. An offer made on another WebSocket may be lost, so it is forgotten.
func (f *fleet) heard(uid []byte, c *connection) *agent {
	f.mu.Lock()
	a := f.agents[string(uid)]
	if a == nil {
		a = &agent{uid: string(uid)}
		f.agents[a.uid] = a
	}
	f.mu.Unlock()
	if c.duplex() {
		a.mu.Lock()
		if a.link != c {
			a.link, a.offer = c, nil
		}
		a.mu.Unlock()
	}
	return a
}

func (f *fleet) all() []*agent {
	f.mu.Lock()
	defer f.mu.Unlock()
	agents := make([]*agent, 0, len(f.agents))
	for _, a := range f.agents {
		agents = append(agents, a)
	}
	return agents
}

// target is an agent that can be reached at once.
type target struct {
	agent *agent
	link  *connection
}

// reach lists the agents with an open WebSocket that a command names.
func (f *fleet) reach(uid string) []target {
	var targets []target
	for _, a := range f.all() {
		a.mu.Lock()
		link := a.link
		a.mu.Unlock()
		if link != nil && (uid == everyone || a.uid == uid) {
			targets = append(targets, target{agent: a, link: link})
		}
	}
	return targets
}

func unreachable(uid string) error {
	if uid == everyone {
		return errors.New("no agent has an open WebSocket")
	}
	return fmt.Errorf("agent %s has no open WebSocket", hex.EncodeToString([]byte(uid)))
}

// drop cuts the WebSockets of the agents that a command names; for everyone, also those that nobody has spoken on.
func (f *fleet) drop(uid string) error {
	if uid == everyone {
		f.dropAll()
		return nil
	}
	targets := f.reach(uid)
	if len(targets) == 0 {
		return unreachable(uid)
	}
	for _, t := range targets {
		_ = t.link.conn.Disconnect()
	}
	return nil
}

func (f *fleet) dropAll() {
	f.mu.Lock()
	links := make([]*connection, 0, len(f.links))
	for c := range f.links {
		links = append(links, c)
	}
	f.mu.Unlock()
	for _, c := range links {
		_ = c.conn.Disconnect()
	}
}

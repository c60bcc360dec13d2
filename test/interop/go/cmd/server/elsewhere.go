package main

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// page is what an address leads to that is a web site's.
func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte("<html><body>Hello</body></html>"))
}

// text is a WebSocket of something else, which talks in text.
func text(w http.ResponseWriter, request *http.Request) {
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, request, nil)
	if err != nil {
		return // The upgrader has answered.
	}
	defer conn.Close()
	_ = conn.WriteMessage(websocket.TextMessage, []byte("hello"))
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
	}
}

package mcp

import (
	"bytes"
	"encoding/json"
)

// message is what the door has to know of a JSON-RPC message before the SDK
// reads it. It is a look ahead, for answers that must be given by HTTP; nothing
// is let in because of it, since the SDK may read a crooked message otherwise.
type message struct {
	Method string `json:"method"`
	Params struct {
		Name       string `json:"name"` // of the tool, in tools/call
		ClientInfo struct {
			Name string `json:"name"`
		} `json:"clientInfo"` // in initialize
	} `json:"params"`
}

// messagesOf reads a body: one message, or several (a batch, as clients of
// 2025-03-26 may send). What cannot be read is left to the SDK to refuse.
func messagesOf(body []byte) []message {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '[' {
		var m message
		json.Unmarshal(body, &m) // parameters of another form leave the method standing
		return []message{m}
	}
	var batch []message
	json.Unmarshal(body, &batch)
	return batch
}

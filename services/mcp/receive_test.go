package mcp

import (
	"context"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A panic in a tool ends the call, not the process, and tells the caller
// nothing but where to ask.
func TestPanicEndsTheCallAlone(t *testing.T) {
	s := new(Service)
	v := &visit{requestID: "req1"}
	h := s.receive(func(context.Context, string, mcp.Request) (mcp.Result, error) { panic("secret") })
	_, err := h(context.WithValue(t.Context(), visitKey{}, v), "tools/list", nil)
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "req1") {
		t.Errorf("the caller hears %v", err)
	}
	if v.failure() == nil || !strings.Contains(v.failure().Error(), "secret") {
		t.Errorf("the log hears %v", v.failure())
	}
}

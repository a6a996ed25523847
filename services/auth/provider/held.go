package provider

import "encoding/json"

const (
	hintLimit    = 4 << 10 // of an ID token kept as a hint: it becomes a part of a URL
	refreshLimit = 8 << 10 // of a refresh token
)

// held is what [Person.Held] is made of, as JSON. It says whose it is, so that
// after a change of the configuration nothing is sent where it did not come from.
type held struct {
	Provider string `json:"iss"`
	Subject  string `json:"sub"`
	Refresh  string `json:"refresh_token,omitempty"`
	IDToken  string `json:"id_token,omitempty"`
	Session  string `json:"sid,omitempty"`
	// End is where sessions end, so that a process which has asked for nothing yet
	// can say so too.
	End string `json:"end_session_endpoint,omitempty"`
}

// bytes leaves out what is too long to keep.
func (h held) bytes() ([]byte, error) {
	if len(h.IDToken) > hintLimit {
		h.IDToken = ""
	}
	if len(h.Refresh) > refreshLimit {
		h.Refresh = ""
	}
	return json.Marshal(h)
}

// readHeld reads what bytes wrote, if it comes from the same provider.
func readHeld(raw []byte, provider string) (held, bool) {
	var h held
	if err := json.Unmarshal(raw, &h); err != nil || h.Provider != provider || h.Subject == "" {
		return held{}, false
	}
	return h, true
}

package providertest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const workCodeTime = 10 * time.Minute

// authenticate is POST /user_management/authenticate, for two kinds of grants.
func (w *WorkOS) authenticate(rw http.ResponseWriter, r *http.Request) {
	var g struct {
		ClientID string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Type     string `json:"grant_type"`
		Code     string `json:"code"`
		Verifier string `json:"code_verifier"`
		Refresh  string `json:"refresh_token"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<16)).Decode(&g); err != nil {
		oauthError(rw, http.StatusBadRequest, "invalid_request", "Problems parsing JSON.")
		return
	}
	if g.ClientID != w.options.ClientID || subtle.ConstantTimeCompare([]byte(g.Secret), []byte(w.options.APIKey)) != 1 {
		oauthError(rw, http.StatusUnauthorized, "invalid_client", "Invalid client ID or secret.")
		return
	}
	switch g.Type {
	case "authorization_code":
		w.redeemCode(rw, g.Code, g.Verifier)
	case "refresh_token":
		w.redeemRefresh(rw, g.Refresh)
	default:
		oauthError(rw, http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported.")
	}
}

// redeemCode spends the code, whatever comes with it.
func (w *WorkOS) redeemCode(rw http.ResponseWriter, code, verifier string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, ok := w.codes[code]
	delete(w.codes, code)
	switch {
	case !ok || time.Since(a.at) > workCodeTime:
		oauthError(rw, http.StatusBadRequest, "invalid_grant", "The code '"+code+"' has expired or is invalid.")
		return
	case a.challenge != "" && verifier == "":
		oauthError(rw, http.StatusBadRequest, "invalid_request", "code_verifier is required.")
		return
	case a.challenge == "" && verifier != "", a.challenge != "" && challengeOf(verifier) != a.challenge:
		oauthError(rw, http.StatusBadRequest, "invalid_grant", "The code '"+code+"' has expired or is invalid.")
		return
	}
	p := w.users[a.user]
	if !p.Verified && !w.options.LetUnverified {
		workError(rw, "email_verification_required", "Email ownership must be verified before authentication.")
		return
	}
	if w.demanded(rw, p) {
		return
	}
	id := "session_" + rand.Text()
	w.sessions[id] = workSession{user: a.user, provider: a.provider}
	w.answer(rw, id)
}

// redeemRefresh rotates a refresh token within its session.
func (w *WorkOS) redeemRefresh(rw http.ResponseWriter, token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.refresh[token]
	s, ok := w.sessions[id]
	if !ok {
		oauthError(rw, http.StatusBadRequest, "invalid_grant", "Invalid refresh token.")
		return
	}
	if w.demanded(rw, w.users[s.user]) {
		return
	}
	delete(w.refresh, token)
	w.answer(rw, id)
}

// demanded answers for somebody of whom something is wanted first. Called with the
// lock held, as is what follows.
func (w *WorkOS) demanded(rw http.ResponseWriter, p Person) bool {
	switch code := w.demands[p.Username]; code {
	case "":
		return false
	case "sso_required":
		oauthError(rw, http.StatusForbidden, code, "User must authenticate using one of the matching connections.")
	default:
		workError(rw, code, "Something has to be done before authentication.")
	}
	return true
}

func (w *WorkOS) answer(rw http.ResponseWriter, session string) {
	s := w.sessions[session]
	p := w.users[s.user]
	refresh := rand.Text()
	w.refresh[refresh] = session
	now := time.Now()
	access, err := w.key.sign(map[string]any{
		"iss": w.base + "/user_management/" + w.options.ClientID, "sub": s.user, "sid": session,
		"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	})
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	method := s.provider
	if method == "authkit" {
		method = "MagicAuth"
	}
	writeJSON(rw, http.StatusOK, map[string]any{
		"user": map[string]any{
			"object": "user", "id": s.user, "email": p.Email, "email_verified": p.Verified,
			"first_name": p.Name, "last_name": nil, "profile_picture_url": nil,
			"created_at": now.UTC(), "updated_at": now.UTC(),
		},
		"organization_id": nil, "access_token": access, "refresh_token": refresh, "authentication_method": method,
	})
}

func (w *WorkOS) identities(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+w.options.APIKey {
		writeJSON(rw, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.users[r.PathValue("id")]; !ok {
		writeJSON(rw, http.StatusNotFound, map[string]string{"code": "entity_not_found", "message": "User not found."})
		return
	}
	writeJSON(rw, http.StatusOK, append([]identity{}, w.behind[r.PathValue("id")]...))
}

// logout ends a session in the browser. Who knows its id may end it.
func (w *WorkOS) logout(rw http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("return_to")
	u, err := url.Parse(to)
	if err != nil || to != "" && !slices.Contains(w.origins(), u.Scheme+"://"+u.Host) {
		http.Error(rw, "Invalid return URL.", http.StatusBadRequest)
		return
	}
	w.end(r.URL.Query().Get("session_id"))
	if to == "" {
		_, _ = rw.Write([]byte("You are signed out.\n"))
		return
	}
	http.Redirect(rw, r, u.String(), http.StatusFound)
}

func (w *WorkOS) end(session string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sessions, session)
	maps.DeleteFunc(w.refresh, func(_, of string) bool { return of == session })
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sign makes a JWT.
func (k key) sign(claims map[string]any) (string, error) {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", k.id)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.private}, options)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := s.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// oauthError has the shape of errors of OAuth's own grants.
func oauthError(rw http.ResponseWriter, status int, code, description string) {
	writeJSON(rw, status, map[string]string{"error": code, "error_description": description})
}

// workError has the shape of WorkOS's own errors.
func workError(rw http.ResponseWriter, code, message string) {
	writeJSON(rw, http.StatusForbidden, map[string]string{
		"code": code, "message": message, "pending_authentication_token": rand.Text(),
	})
}

func writeJSON(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v)
}

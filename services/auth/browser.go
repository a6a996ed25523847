package auth

import (
	"net/http"
	"strings"
	"time"
)

// onlySecret returns the secret in the one cookie of that name: "" when there is
// none. Browsers keep one __Host- cookie of a name; whatever sends two lets
// somebody else choose.
func onlySecret(r *http.Request, name string) string {
	if found := r.CookiesNamed(name); len(found) == 1 && isSecret(found[0].Value) {
		return found[0].Value
	}
	return ""
}

// setSecret binds something to the browser for a while; with a negative age it
// ends that. Lax, since people come back from a provider by a link.
func setSecret(w http.ResponseWriter, name, secret string, age time.Duration) {
	maxAge := int(age.Seconds())
	if age < 0 {
		secret, maxAge = "", -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: secret, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}

// navigates reports whether a person is on the way to this page: not a browser
// that looks ahead, nor a page that loads it as if it were an image. What does not
// say, does.
func navigates(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz", "X-Purpose"} {
		if value := strings.ToLower(r.Header.Get(name)); strings.Contains(value, "prefetch") || strings.Contains(value, "preview") {
			return false
		}
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode == "" || mode == "navigate"
}

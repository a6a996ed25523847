package providertest

import (
	"errors"
	"regexp"
	"strings"
)

// Person is who signs in by a username.
type Person struct {
	Username string // subject at the OpenID Connect provider
	Name     string
	Email    string
	Verified bool // whether the provider has verified the address
}

var username = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// PersonOf makes up the person of a username; an e-mail address is taken for its
// first part.
func PersonOf(typed string) (Person, error) {
	name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(typed)), "@")
	if !username.MatchString(name) {
		return Person{}, errors.New("a username has letters, digits, dots, dashes and underscores")
	}
	return Person{
		Username: name,
		Name:     strings.ToUpper(name[:1]) + name[1:],
		Email:    name + "@example.org",
		Verified: !strings.HasPrefix(name, "unverified"),
	}, nil
}

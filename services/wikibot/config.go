package wikibot

import (
	"errors"
	"fmt"
	"net"

	"wikibot.io/pkg/web"
)

// Config is what a fleet in one process is started with.
type Config struct {
	// Data is the folder that holds everything; made if it is not there.
	Data string
	// Listen is the address to serve on, "host:port". The built-in sign-in, the
	// only one there is so far, asks for no proof, so only loopback is allowed.
	Listen string
	// BaseURL is where people reach the root host, such as
	// "http://wikibot.localhost:8080"; wikis are on its subdomains. "" means
	// wikibot.localhost on the port of Listen.
	BaseURL string
}

// check reports everything that is wrong at once.
func (c Config) check() error {
	var wrong []error
	if c.Data == "" {
		wrong = append(wrong, errors.New("--data: name the folder that holds everything"))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		wrong = append(wrong, fmt.Errorf("--listen: %q is no address; want host:port, such as 127.0.0.1:8080", c.Listen))
	}
	if c.BaseURL != "" {
		if _, err := web.NewHosts(c.BaseURL); err != nil {
			wrong = append(wrong, fmt.Errorf("--base-url: %w", err))
		}
	}
	return errors.Join(wrong...)
}

// hosts returns the URLs of the fleet, once the port is known.
func (c Config) hosts(port int) (web.Hosts, error) {
	if c.BaseURL != "" {
		return web.NewHosts(c.BaseURL)
	}
	return web.NewHosts(fmt.Sprintf("http://wikibot.localhost:%d", port))
}

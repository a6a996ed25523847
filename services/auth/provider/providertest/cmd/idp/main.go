// Command idp runs an OpenID Connect provider on a loopback address, for browser
// tests: it believes whatever username is typed into its form.
//
//	idp --listen 127.0.0.1:9700 --client-id wikibot --client-secret s3cret --redirect http://localhost:8080/auth/callback
//
// Its first line of output is its issuer. It ends by an interrupt.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"wikibot.io/services/auth/provider/providertest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "idp:", err)
		os.Exit(1)
	}
}

func run() error {
	var o providertest.OIDCOptions
	flag.StringVar(&o.Listen, "listen", "127.0.0.1:0", "loopback `host:port`; port 0 for any that is free")
	flag.StringVar(&o.ClientID, "client-id", "wikibot", "`id` of the one client")
	flag.StringVar(&o.ClientSecret, "client-secret", "", "its `secret`; without one it is a public client")
	flag.BoolVar(&o.NoRefresh, "no-refresh", false, "give no refresh tokens")
	flag.BoolVar(&o.LeanToken, "lean-token", false, "tell the e-mail address by the userinfo alone")
	flag.Func("redirect", "registered redirect `URI`; may be given several times", func(s string) error {
		o.Redirects = append(o.Redirects, s)
		return nil
	})
	flag.Parse()
	p, err := providertest.NewOIDC(o)
	if err != nil {
		return err
	}
	fmt.Println(p.URL())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	return p.Close()
}

package rehearsal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"wikibot.io/pkg/records/dynamo/dynamolocal"
)

// Options says what is rehearsed, and under which conditions.
type Options struct {
	// Templates is the folder of one stage's synthesized templates.
	Templates string
	// Binaries are what the functions run.
	Binaries *Binaries
	// Data is the folder in which the file systems lie, made if it is not there;
	// "" for one that Close removes.
	Data string
	// App is the folder of the built management app, as it is uploaded.
	App string
	// Listen is where the edge is reached; default 127.0.0.1:0.
	Listen string
	// Emulator serves the tables; nil starts one that ends with the rehearsal.
	Emulator *dynamolocal.Server

	// SignIn is who knows people; nil is the development sign-in.
	SignIn *SignIn

	// FileDelay is what each operation on the functions' file system costs.
	FileDelay time.Duration
	// CountFiles counts these operations even if they cost nothing.
	CountFiles bool
	// Speed is how many times shorter than on AWS the pauses before retries and
	// the ages of events are; 0 means 1.
	Speed float64
	// Seed makes chaos repeatable in kind.
	Seed uint64

	Log    *slog.Logger // of the rehearsal itself
	Output io.Writer    // what functions write; nil: nowhere
}

// SignIn is an identity provider that the functions can reach.
type SignIn struct {
	Kind     string // "oidc" or "workos"
	Issuer   string
	ClientID string
	Secret   string // what Parameter Store says
}

func (o *Options) check() error {
	var wrong []error
	folder := func(name, path string) {
		if st, err := os.Stat(path); err != nil || !st.IsDir() {
			wrong = append(wrong, fmt.Errorf("option %s: %q is no folder", name, path))
		}
	}
	folder("Templates", o.Templates)
	if o.Binaries == nil {
		wrong = append(wrong, errors.New("the option Binaries is needed"))
	}
	folder("App", o.App)
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if host, _, err := net.SplitHostPort(o.Listen); err != nil || !net.ParseIP(host).IsLoopback() {
		// Development sign-in asks for no proof of who somebody is.
		wrong = append(wrong, fmt.Errorf("option Listen: %q is no loopback address with a port, such as 127.0.0.1:8080", o.Listen))
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.Speed < 0 || o.FileDelay < 0 {
		wrong = append(wrong, errors.New("options Speed and FileDelay: negative"))
	}
	if o.Log == nil {
		wrong = append(wrong, errors.New("the option Log is needed"))
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	return nil
}

// Where a repository has what a rehearsal needs, relative to its root.
const (
	Templates = "cdk/testdata/golden/dev"
	App       = "services/wikibot/internal/app/dist"
	// Built is where binaries are kept.
	Built = ".cache/rehearsal"
)

// Repository finds the root of the repository around the working directory.
func Repository() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.work")); err == nil {
			return at, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", errors.New("find the repository: no go.work above the working directory")
		}
		at = up
	}
}

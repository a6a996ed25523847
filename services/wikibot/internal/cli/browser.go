package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Browser returns what opens an address in the person's browser, nil where there
// is none that they could see. The environment variable BROWSER comes first: a
// list of commands, each with the address for %s or at its end.
func Browser(goos string, getenv func(string) string) func(address string) error {
	commands := browsers(goos, getenv)
	if len(commands) == 0 {
		return nil
	}
	return func(address string) error {
		var errs []error
		for _, command := range commands {
			// No shell reads the address: a server made part of it.
			cmd := exec.Command(command[0], withAddress(command[1:], address)...)
			err := cmd.Start()
			if err == nil {
				go cmd.Wait() // whatever comes of it, the address was shown as well
				return nil
			}
			errs = append(errs, err)
		}
		return fmt.Errorf("open a browser: %w", errors.Join(errs...))
	}
}

func browsers(goos string, getenv func(string) string) [][]string {
	var list [][]string
	for _, command := range filepath.SplitList(getenv("BROWSER")) {
		if words := strings.Fields(command); len(words) > 0 {
			list = append(list, words)
		}
	}
	far := getenv("SSH_CONNECTION") != "" // the screen is another machine's
	switch goos {
	case "darwin":
		if !far {
			list = append(list, []string{"open"})
		}
	case "windows":
		if !far {
			list = append(list, []string{"rundll32", "url.dll,FileProtocolHandler"})
		}
	default:
		// What leads a window from afar to the person's screen sets these as well.
		if getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "" {
			list = append(list, []string{"xdg-open"})
		}
	}
	return list
}

func withAddress(args []string, address string) []string {
	var list []string
	put := false
	for _, arg := range args {
		if strings.Contains(arg, "%s") {
			arg, put = strings.ReplaceAll(arg, "%s", address), true
		}
		list = append(list, arg)
	}
	if !put {
		list = append(list, address)
	}
	return list
}

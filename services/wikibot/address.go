package wikibot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// defaultBaseURL is where the fleet is reached unless somebody says otherwise.
const defaultBaseURL = "http://wikibot.localhost:8080"

// addressFile holds the base URL of the process that serves, or served last, so
// that the command line prints addresses that work.
const addressFile = "address"

func writeAddress(data, baseURL string) error {
	return os.WriteFile(filepath.Join(data, addressFile), []byte(baseURL+"\n"), 0o600)
}

func readAddress(data string) (string, error) {
	b, err := os.ReadFile(filepath.Join(data, addressFile))
	if errors.Is(err, fs.ErrNotExist) {
		return defaultBaseURL, nil
	}
	return strings.TrimSpace(string(b)), err
}

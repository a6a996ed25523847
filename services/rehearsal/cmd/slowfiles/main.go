// Command slowfiles is the launcher of package slowfiles: it becomes the program
// that its arguments name, with the file operations handed to a supervisor.
package main

import (
	"fmt"
	"os"

	"wikibot.io/services/rehearsal/slowfiles"
)

func main() {
	fmt.Fprintln(os.Stderr, "slowfiles:", slowfiles.Launch(os.Args[1:]))
	os.Exit(1)
}

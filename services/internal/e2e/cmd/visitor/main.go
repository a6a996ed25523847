// Command visitor is a browser for programs that open one, in scripts: see
// [e2e.Visitor].
//
//	visitor EMAIL USERNAME allow|deny ADDRESS [CODE]
package main

import (
	"fmt"
	"os"

	"wikibot.io/services/internal/e2e"
)

func main() {
	args := os.Args[1:]
	if len(args) != 4 && len(args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: visitor EMAIL USERNAME allow|deny ADDRESS [CODE]")
		os.Exit(2)
	}
	v := e2e.Visitor{Email: args[0], Username: args[1], Decision: args[2]}
	if len(args) == 5 {
		v.Code = args[4]
	}
	if _, err := v.Visit(args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "visitor:", err)
		os.Exit(1)
	}
}

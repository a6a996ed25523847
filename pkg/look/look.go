// Package look holds what every surface of the product is drawn with: the
// design tokens, as the style sheet that the server-rendered pages and the
// management app both begin with. It owns no components.
package look

import _ "embed"

// Tokens is the style sheet of colours, spaces, type and the few elements
// (chips, buttons, focus) that look the same everywhere.
//
//go:embed tokens.css
var Tokens string

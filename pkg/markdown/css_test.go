package markdown

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// luminance is the relative luminance of "#rrggbb" (WCAG 2.2).
func luminance(t *testing.T, colour string) float64 {
	v, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || len(colour) != 7 {
		t.Fatalf("colour %q", colour)
	}
	channel := func(c uint64) float64 {
		s := float64(c&255) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(v>>16) + 0.7152*channel(v>>8) + 0.0722*channel(v)
}

// Code is read on the tokens' --code-bg, and on the backgrounds of alerts and
// quotes, which are the page's.
func TestCodeContrast(t *testing.T) {
	for _, s := range codeStyles {
		for _, pair := range [][2]string{{s.light, "#f4f3ee"}, {s.light, "#fdfdfb"}, {s.dark, "#1c2025"}, {s.dark, "#141619"}} {
			a, b := luminance(t, pair[0]), luminance(t, pair[1])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf(".%s: %s on %s is %.2f:1", s.class, pair[0], pair[1], ratio)
			}
		}
	}
}

func TestCSSCoversEveryClass(t *testing.T) {
	css := CSS()
	for _, c := range codeClasses() {
		if !strings.Contains(css, ".chroma ."+c+"{") || strings.Count(css, "--code-"+c+":") != 2 {
			t.Errorf("class %s has no rule or not a colour for both schemes", c)
		}
	}
}

package auth

import "strings"

// deviceName names the browser and system of a User-Agent as people know them:
// "Firefox on Linux".
func deviceName(userAgent string) string {
	browser, system := firstOf(userAgent, browsers), firstOf(userAgent, systems)
	switch {
	case browser == "" && system == "":
		return "Unknown browser"
	case system == "":
		return browser
	case browser == "":
		return "Browser on " + system
	}
	return browser + " on " + system
}

// sign is what gives a browser or system away.
type sign struct{ mark, name string }

func firstOf(userAgent string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(userAgent, s.mark) {
			return s.name
		}
	}
	return ""
}

// Browsers pretend to be their elders, so the younger come first.
var (
	browsers = []sign{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"},
		{"OPR/", "Opera"}, {"OPiOS/", "Opera"},
		{"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "Yandex Browser"}, {"SamsungBrowser/", "Samsung Internet"},
		{"DuckDuckGo/", "DuckDuckGo"}, {"Ddg/", "DuckDuckGo"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"},
		{"Safari/", "Safari"},
	}
	systems = []sign{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"}, {"X11", "Unix"},
	}
)

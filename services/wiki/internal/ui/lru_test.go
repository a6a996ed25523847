package ui

import "testing"

func TestLRUKeepsWhatIsUsed(t *testing.T) {
	c := newLRU[string, int](100)
	for i, k := range []string{"a", "b", "c", "d"} {
		c.put(k, i, 25)
	}
	c.get("a")
	c.put("e", 4, 25) // pushes out b, which was used longest ago
	for k, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true, "e": true} {
		if _, ok := c.get(k); ok != want {
			t.Errorf("%s is kept: %t, want %t", k, ok, want)
		}
	}
	c.put("a", 9, 10)
	if v, _ := c.get("a"); v != 9 || c.size != 85 {
		t.Errorf("a is %d and all take %d bytes, want 9 and 85", v, c.size)
	}
	c.put("huge", 1, 26)
	if _, ok := c.get("huge"); ok || c.size != 85 {
		t.Error("a value of more than a quarter pushed out others")
	}
}

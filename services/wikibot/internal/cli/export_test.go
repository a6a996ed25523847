package cli

import "time"

// SetPatience makes a login wait for less than people need.
func (c *Client) SetPatience(d time.Duration) { c.patience = d }

package iam

import (
	"fmt"
	"strings"
)

// Policy is all that a role may do: the statements of every document attached to it.
type Policy []Statement

// Statement is one statement of a policy document. A list that is nil was not
// written.
type Statement struct {
	ID         string
	Deny       bool
	Actions    []string // with * and ?, case-insensitive
	NotActions []string
	Resources  []string // with * and ?
	NotRes     []string
	Conditions []Condition
}

// Request is one call as the policy sees it.
type Request struct {
	Action   string              // "dynamodb:GetItem"
	Resource string              // an ARN, or "*" where a call has none
	Keys     map[string][]string // condition keys, such as "dynamodb:LeadingKeys"
}

// Denied says why a call is refused, in the words in which AWS does.
type Denied struct {
	Request  Request
	Explicit bool // a Deny statement matched
}

func (d *Denied) Error() string {
	why := "because no identity-based policy allows the " + d.Request.Action + " action"
	if d.Explicit {
		why = "with an explicit deny in an identity-based policy"
	}
	return fmt.Sprintf("is not authorized to perform: %s on resource: %s %s", d.Request.Action, d.Request.Resource, why)
}

// Decide returns nil if the policy allows the call, and a *[Denied] otherwise.
func (p Policy) Decide(r Request) error {
	allowed := false
	for _, s := range p {
		if !s.matches(r) {
			continue
		}
		if s.Deny {
			return &Denied{Request: r, Explicit: true}
		}
		allowed = true
	}
	if !allowed {
		return &Denied{Request: r}
	}
	return nil
}

func (s Statement) matches(r Request) bool {
	action := strings.ToLower(r.Action)
	switch {
	case s.Actions != nil && !anyLike(s.Actions, action, true):
		return false
	case s.NotActions != nil && anyLike(s.NotActions, action, true):
		return false
	case s.Resources != nil && !anyLike(s.Resources, r.Resource, false):
		return false
	case s.NotRes != nil && anyLike(s.NotRes, r.Resource, false):
		return false
	}
	for _, c := range s.Conditions {
		if !c.holds(r.Keys) {
			return false
		}
	}
	return true
}

func anyLike(patterns []string, s string, fold bool) bool {
	for _, p := range patterns {
		if fold {
			p = strings.ToLower(p)
		}
		if like(p, s) {
			return true
		}
	}
	return false
}

// like matches * (any run) and ? (any one byte) as IAM does. It goes back to the
// last star only, so it takes no more than len(pattern)·len(s) steps.
func like(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

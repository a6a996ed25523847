// Package contracts is the parent of everything that services share by
// agreement rather than by code: the domain events (events), the table of
// routes (routes), the problem types of every API (problem) and the generated
// API descriptions (api). It depends on nothing else in this repository.
package contracts

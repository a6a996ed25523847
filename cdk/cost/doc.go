// Package cost says what a stage costs a month while nobody uses it, item by
// item, from its templates.
//
// Every type of resource has a row in the table of prices, most of them nothing;
// a type without a row is an error, so that no resource gets into a template
// unpriced. Free allowances of an account are left out of the sum, because an
// account has them once: they are noted where they would take an item away.
//
// What traffic adds ([Month]) is computed from what the rehearsal counted for
// each thing that a visitor does, times the prices.
package cost

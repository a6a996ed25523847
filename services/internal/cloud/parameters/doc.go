// Package parameters reads secrets that others gave us, such as the client
// secret at an identity provider, from Parameter Store. What a parameter says is
// kept for some minutes, so that a change needs no deployment, and a Parameter
// Store that is away for a while is not noticed.
//
// It is for few small values that an operator writes by hand. Standard
// parameters cost nothing; keys that the fleet makes and rotates itself are in
// Secrets Manager (see keyvault).
package parameters

// Package cloud is what the functions of the fleet have in common when they run
// on AWS: their configuration, read from the environment and checked as a whole,
// and the drivers that it names, opened as far as a service needs them. It holds
// no logic of any service.
//
// # Life of a start
//
// A service's main calls [Load], which reports everything that is wrong with the
// environment at once, and [Open], which makes the clients and stores. Neither
// calls AWS: a function that cannot reach a table starts all the same, and says
// so to whoever asks, so that a short failure does not become a storm of new
// processes. The main then makes its service and hands it to package lambdakit
// by way of [Platform.Function], which puts the middleware around it that every
// request of the fleet goes through.
package cloud

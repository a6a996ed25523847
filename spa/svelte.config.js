// Runes everywhere: a component that relies on the older implicit reactivity
// does not compile.
export default { compilerOptions: { runes: true } };

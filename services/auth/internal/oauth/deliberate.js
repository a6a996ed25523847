// A page that asks for a double click can have vanished between the two, so that
// the second one lands on whatever was waiting below it: here. So yes can be said
// only a moment after this page is what the person has before them.
{
  const moment = 600 // milliseconds: longer than a double click takes
  const yes = document.querySelector('button[name=decision][value=allow]')
  let timer
  const wait = () => {
    yes.disabled = true
    clearTimeout(timer)
    timer = setTimeout(() => (yes.disabled = false), moment)
  }
  if (yes) {
    wait()
    addEventListener('focus', wait)
  }
}

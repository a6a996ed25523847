// Says while somebody types whether the username can be had. Without it the form
// says so when it is sent.
{
  const field = document.getElementById('username')
  const says = document.getElementById('username-says')
  const address = document.getElementById('address')
  let timer
  let asking

  const say = (kind, text) => {
    const line = document.createElement('p')
    line.className = kind
    line.textContent = text
    says.replaceChildren(...(text ? [line] : []))
    field.toggleAttribute('aria-invalid', kind === 'wrong')
  }

  const look = async () => {
    const name = field.value.trim()
    asking = new AbortController()
    try {
      const answer = await fetch('/auth/username?name=' + encodeURIComponent(name), { signal: asking.signal })
      if (!answer.ok) return
      const { available, reason } = await answer.json()
      if (available) say('help good', name + ' is free')
      else say('wrong', 'Username ' + reason)
    } catch {
      // no answer is no news: the form will say
    }
  }

  field.addEventListener('input', () => {
    clearTimeout(timer)
    asking?.abort()
    say('help', '')
    address.textContent = /^[a-z0-9-]+$/.test(field.value.trim()) ? field.value.trim() : '…'
    if (field.value.trim()) timer = setTimeout(look, 300)
  })
}

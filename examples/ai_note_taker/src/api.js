// The backend's answers. Same origin everywhere: nginx serves the page and passes /api/ and /ws on.

export async function ask(path, options) {
  const response = await fetch(path, options)
  if (response.status === 429) throw new Error('Too many requests. Wait a minute and try again.')
  const body = await response.json().catch(() => null)
  if (!response.ok) throw new Error(sentence(body, response.status))
  return body
}

// Health says what is wrong in the body of a 503, so that is an answer like any other.
export async function askHealth() {
  const response = await fetch('/api/health')
  return response.json()
}

export function summarize(text) {
  return ask('/api/summarize', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ text }),
  })
}

export function openSocket() {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return new WebSocket(`${scheme}//${location.host}/ws`)
}

function sentence(body, status) {
  return typeof body?.detail === 'string' ? body.detail : `The server answered ${status}.`
}

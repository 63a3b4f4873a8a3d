// The backend's answers. Same origin everywhere: nginx serves the page and the uploads, and passes /api/ on.

async function ask(path, options) {
  const response = await fetch(path, options)
  if (response.status === 429) throw new Error('Too many requests. Wait a minute and try again.')
  const body = await response.json().catch(() => null)
  if (!response.ok) throw new Error(sentence(body, response.status))
  return body
}

function post(path, body) {
  return ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
}

// Health says what is wrong in the body of a 503, so that is an answer like any other.
export async function health() {
  const response = await fetch('/api/health')
  return response.json()
}

export const images = () => ask('/api/images')
export const scrapes = () => ask('/api/scrapes')
export const session = () => ask('/api/session')
export const search = (words) => post('/api/search', { words })
export const scrape = (source, pages) => post('/api/scrapes', { source, pages, pace: 0.3 })

export function upload(file) {
  const body = new FormData()
  body.append('file', file)
  return ask('/api/images', { method: 'POST', body })
}

function sentence(body, status) {
  if (status === 413) return 'This picture is too big.'
  return typeof body?.detail === 'string' ? body.detail : `The server answered ${status}.`
}

import { useState } from 'react'

import { summarize } from './api.js'
import { Link } from './router.jsx'

export function Typed({ onSaved }) {
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [answer, setAnswer] = useState(null)
  const [fault, setFault] = useState('')
  const submit = async (event) => {
    event.preventDefault()
    setBusy(true)
    setFault('')
    try {
      setAnswer(await summarize(text))
      onSaved()
    } catch (error) {
      setFault(error.message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <section className="card">
      <h2>Type a note</h2>
      <form onSubmit={submit}>
        <label htmlFor="note">Note</label>
        <textarea id="note" rows="7" maxLength="200000" value={text} onChange={(event) => setText(event.target.value)} />
        <button disabled={busy || !text.trim()}>{busy ? 'Summarising' : 'Summarise'}</button>
      </form>
      <div aria-live="polite">
        {fault && <p className="fault">{fault}</p>}
        {answer && (
          <>
            <blockquote id="summary">{answer.summary}</blockquote>
            <p className="quiet">
              {answer.cached ? 'From the cache. ' : ''}
              <Link to={`/sessions/${answer.id}`}>Open the note</Link>
            </p>
          </>
        )}
      </div>
    </section>
  )
}

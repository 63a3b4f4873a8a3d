import { useEffect, useState } from 'react'

import { ask } from '../api.js'
import { Link } from '../router.jsx'

export function Session({ id }) {
  const [session, setSession] = useState(null)
  const [fault, setFault] = useState('')
  useEffect(() => {
    let shown = true
    ask(`/api/sessions/${encodeURIComponent(id)}`).then(
      (found) => shown && setSession(found),
      (error) => shown && setFault(error.message),
    )
    return () => {
      shown = false
    }
  }, [id])
  return (
    <section className="card">
      <p>
        <Link to="/">All notes</Link>
      </p>
      {fault && <p className="fault">{fault}</p>}
      {!fault && !session && <p className="quiet">Loading</p>}
      {session && (
        <>
          <h1>{session.source === 'live' ? 'Live session' : 'Typed note'}</h1>
          <p className="quiet">
            {new Date(session.created_at).toLocaleString()}, {session.bytes} bytes
            {session.ended_at ? '' : ', still open'}
          </p>
          {session.summary && <blockquote>{session.summary}</blockquote>}
          <pre>{session.transcript || 'Nothing heard.'}</pre>
        </>
      )}
    </section>
  )
}

import { useCallback, useEffect, useState } from 'react'

import { ask } from '../api.js'
import { Live } from '../Live.jsx'
import { Link } from '../router.jsx'
import { Typed } from '../Typed.jsx'

export function Home() {
  const [sessions, setSessions] = useState([])
  const [fault, setFault] = useState('')
  const refresh = useCallback(
    () =>
      ask('/api/sessions').then(
        (body) => {
          setSessions(body.sessions)
          setFault('')
        },
        (error) => setFault(error.message),
      ),
    [],
  )
  useEffect(() => {
    refresh()
  }, [refresh])
  return (
    <>
      <div className="pair">
        <Typed onSaved={refresh} />
        <Live onClosed={refresh} />
      </div>
      <section className="card">
        <h2>Earlier</h2>
        {fault && <p className="fault">{fault}</p>}
        {!fault && sessions.length === 0 && <p className="quiet">No notes yet.</p>}
        <ul className="sessions">
          {sessions.map((session) => (
            <li key={session.id}>
              <Link to={`/sessions/${session.id}`}>{session.summary || session.transcript || 'Nothing heard'}</Link>
              <span className="quiet">
                {session.source === 'live' ? 'Live' : 'Typed'}, {new Date(session.created_at).toLocaleString()}
              </span>
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}

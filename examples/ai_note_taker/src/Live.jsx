import { useEffect, useRef, useState } from 'react'

import { openSocket } from './api.js'

const SHOWN = 100

// What a person should know of the ways a socket ends: RFC 6455 section 7.4.1; 1012 is a restart of the server.
const ENDINGS = { 1000: 'Closed', 1005: 'Closed', 1012: 'The server restarts, open it again' }

export function Live({ onClosed }) {
  const socket = useRef(null)
  const [state, setState] = useState('Closed')
  const [lines, setLines] = useState([])
  const [text, setText] = useState('')
  const open = state === 'Open'

  const start = () => {
    const opened = openSocket()
    socket.current = opened
    setState('Opening')
    opened.onopen = () => setState('Open')
    opened.onmessage = (event) => setLines((heard) => [...heard, JSON.parse(event.data)].slice(-SHOWN))
    opened.onclose = (event) => {
      setState(ENDINGS[event.code] ?? `Cut off (${event.code})`)
      onClosed()
    }
  }
  const send = (event) => {
    event.preventDefault()
    socket.current.send(text)
    setText('')
  }
  useEffect(
    () => () => {
      if (!socket.current) return
      socket.current.onclose = null
      socket.current.close()
    },
    [],
  )

  return (
    <section className="card">
      <h2>Live session</h2>
      <p className={open ? 'light good' : 'light'} id="socket" role="status">
        {state}
      </p>
      {open || state === 'Opening' ? (
        <button className="plain" onClick={() => socket.current.close(1000)}>
          Close
        </button>
      ) : (
        <button onClick={start}>Open</button>
      )}
      <form onSubmit={send} className="line">
        <label htmlFor="said">Say something</label>
        <input id="said" value={text} autoComplete="off" disabled={!open} onChange={(event) => setText(event.target.value)} />
        <button disabled={!open || !text}>Send</button>
      </form>
      <ol className="heard" aria-live="polite" aria-label="Transcript">
        {lines.map((line, number) => (
          <li key={number}>
            {line.text} <span className="quiet">{line.bytes} bytes</span>
          </li>
        ))}
      </ol>
    </section>
  )
}

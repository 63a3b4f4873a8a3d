import { useEffect, useState } from 'react'

import { health } from './api.js'

const EVERY_MS = 10_000
const PARTS = ['database', 'chroma', 'redis', 'model', 'work']

export function Health() {
  const [found, setFound] = useState(null)
  useEffect(() => {
    let shown = true
    const look = () =>
      health()
        .catch(() => ({}))
        .then((answer) => shown && setFound(answer))
    look()
    const timer = setInterval(look, EVERY_MS)
    return () => {
      shown = false
      clearInterval(timer)
    }
  }, [])
  if (!found) return <p className="health">Checking</p>
  return (
    <p className="health" role="status" title={found.release && `Release ${found.release}`}>
      {PARTS.map((part) => (
        <span key={part} className={found[part] === 'healthy' ? 'light good' : 'light bad'}>
          {part} <span className="word">{found[part] ?? 'unreachable'}</span>
        </span>
      ))}
    </p>
  )
}

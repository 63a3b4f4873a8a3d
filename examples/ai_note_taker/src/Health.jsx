import { useEffect, useState } from 'react'

import { askHealth } from './api.js'

const EVERY_MS = 10_000
const UNREACHABLE = { status: 'unreachable', database: 'unknown', redis: 'unknown' }

export function Health() {
  const [health, setHealth] = useState(null)
  useEffect(() => {
    let shown = true
    const look = () =>
      askHealth()
        .catch(() => UNREACHABLE)
        .then((answer) => shown && setHealth(answer))
    look()
    const timer = setInterval(look, EVERY_MS)
    return () => {
      shown = false
      clearInterval(timer)
    }
  }, [])
  if (!health) return <p className="health">Checking</p>
  return (
    <p className="health" role="status" title={health.release && `Release ${health.release}`}>
      <Light name="app" word={health.status} />
      <Light name="database" word={health.database} />
      <Light name="redis" word={health.redis} />
    </p>
  )
}

function Light({ name, word }) {
  return (
    <span className={word === 'healthy' ? 'light good' : 'light bad'}>
      {name} <span className="word">{word}</span>
    </span>
  )
}

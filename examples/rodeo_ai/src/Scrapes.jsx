import { useEffect, useState } from 'react'

import { scrape, scrapes } from './api.js'

const EVERY_MS = 1500

export function Scrapes() {
  const [jobs, setJobs] = useState([])
  const [source, setSource] = useState('west-fair')
  const [fault, setFault] = useState('')
  const busy = jobs.some((job) => job.state !== 'done')

  const refresh = () => scrapes().then(setJobs, (error) => setFault(error.message))
  useEffect(() => {
    refresh()
  }, [])
  useEffect(() => {
    if (!busy) return
    // One look that fails is no news: the next one comes at once.
    const timer = setInterval(() => scrapes().then(setJobs, () => {}), EVERY_MS)
    return () => clearInterval(timer)
  }, [busy])

  const submit = async (event) => {
    event.preventDefault()
    setFault('')
    try {
      await scrape(source, 12)
    } catch (error) {
      setFault(error.message)
    }
    refresh()
  }

  return (
    <section className="card">
      <h2>Bring gear in</h2>
      <form onSubmit={submit} className="line">
        <label htmlFor="source">Name of a source</label>
        <input
          id="source"
          value={source}
          pattern="[a-z][a-z0-9\-]{1,30}"
          title="Small letters, digits and dashes"
          onChange={(event) => setSource(event.target.value)}
        />
        <button>Read it</button>
      </form>
      {fault && <p className="fault">{fault}</p>}
      <ul className="rows" aria-live="polite">
        {jobs.map((job) => (
          <li key={job.id}>
            <span>{job.source}</span>
            <progress max={job.pages} value={job.done} aria-label={`${job.done} of ${job.pages} pages`} />
            <span className="quiet">{job.state}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

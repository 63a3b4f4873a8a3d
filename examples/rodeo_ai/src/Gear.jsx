import { useEffect, useState } from 'react'

import { search, session } from './api.js'

export function Gear() {
  const [words, setWords] = useState('')
  const [found, setFound] = useState(null)
  const [searches, setSearches] = useState([])
  const [fault, setFault] = useState('')
  useEffect(() => {
    session().then((kept) => setSearches(kept.searches), () => {})
  }, [])

  const look = async (wanted) => {
    setFault('')
    try {
      const answer = await search(wanted)
      setFound(answer)
      setSearches(answer.searches)
    } catch (error) {
      setFault(error.message)
    }
  }
  const submit = (event) => {
    event.preventDefault()
    look(words)
  }

  return (
    <section className="card">
      <h2>Find gear</h2>
      <form onSubmit={submit} className="line">
        <label htmlFor="words">What are you looking for?</label>
        <input id="words" value={words} maxLength="200" onChange={(event) => setWords(event.target.value)} />
        <button disabled={!words.trim()}>Find</button>
      </form>
      {searches.length > 0 && (
        <p className="quiet">
          Before:{' '}
          {[...new Set(searches)].slice(0, 4).map((kept) => (
            <button key={kept} className="word-button" onClick={() => look(kept)}>
              {kept}
            </button>
          ))}
        </p>
      )}
      <div aria-live="polite">
        {fault && <p className="fault">{fault}</p>}
        {found && (
          <div className="pair">
            <Found title="ChromaDB" items={found.chroma} />
            <Found title="pgvector" items={found.postgres} />
          </div>
        )}
      </div>
    </section>
  )
}

function Found({ title, items }) {
  return (
    <div>
      <h3>{title}</h3>
      {items.length === 0 && <p className="quiet">Nothing yet: bring some gear in.</p>}
      <ul className="rows">
        {items.map((item) => (
          <li key={item.id}>
            {item.name} <span className="quiet">{item.distance.toFixed(2)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

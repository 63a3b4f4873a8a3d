import { useEffect, useState } from 'react'

import { images, upload } from './api.js'

export function Pictures() {
  const [shown, setShown] = useState([])
  const [similar, setSimilar] = useState(null)
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState('')

  const refresh = () => images().then(setShown, (error) => setFault(error.message))
  useEffect(() => {
    refresh()
  }, [])

  const take = async (event) => {
    const [file] = event.target.files
    event.target.value = ''
    if (!file) return
    setBusy(true)
    setFault('')
    try {
      const answer = await upload(file)
      setSimilar(answer.similar)
      await refresh()
    } catch (error) {
      setFault(error.message)
    } finally {
      setBusy(false)
    }
  }

  return (
    <section className="card">
      <h2>Pictures</h2>
      <label htmlFor="file">A picture of a saddle, a hat, a pair of boots: PNG, JPEG, GIF or WebP, up to 8 MB</label>
      <input id="file" type="file" accept="image/png,image/jpeg,image/gif,image/webp" disabled={busy} onChange={take} />
      <div aria-live="polite">
        {busy && <p className="quiet">Looking at it</p>}
        {fault && <p className="fault">{fault}</p>}
        {similar?.length > 0 && (
          <>
            <h3>Closest to the last one</h3>
            <Grid items={similar} />
          </>
        )}
      </div>
      <h3>Newest</h3>
      {shown.length === 0 && <p className="quiet">None yet.</p>}
      <Grid items={shown} />
    </section>
  )
}

function Grid({ items }) {
  return (
    <ul className="grid">
      {items.map((item) => (
        <li key={item.id}>
          <a href={item.url}>
            <img src={item.url} alt={`Uploaded ${new Date(item.created_at).toLocaleString()}`} loading="lazy" />
          </a>
        </li>
      ))}
    </ul>
  )
}

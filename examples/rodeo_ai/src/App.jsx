import { Gear } from './Gear.jsx'
import { Health } from './Health.jsx'
import { Pictures } from './Pictures.jsx'
import { Scrapes } from './Scrapes.jsx'

export function App() {
  return (
    <>
      <header className="top">
        <p className="name">
          <img src="/icon.svg" alt="" width="28" height="28" />
          RodeoAI
        </p>
        <Health />
      </header>
      <main>
        <div className="pair">
          <Gear />
          <Scrapes />
        </div>
        <Pictures />
      </main>
    </>
  )
}

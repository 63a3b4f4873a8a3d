import { Health } from './Health.jsx'
import { About } from './pages/About.jsx'
import { Home } from './pages/Home.jsx'
import { Session } from './pages/Session.jsx'
import { Link, usePath } from './router.jsx'

export function App() {
  const path = usePath()
  return (
    <>
      <header className="top">
        <Link to="/" className="name">
          <img src="/icon.svg" alt="" width="28" height="28" />
          AI Note Taker
        </Link>
        <nav aria-label="Pages">
          <Link to="/" aria-current={path === '/' ? 'page' : undefined}>
            Notes
          </Link>
          <Link to="/about" aria-current={path === '/about' ? 'page' : undefined}>
            About
          </Link>
        </nav>
        <Health />
      </header>
      <main>
        <Page path={path} />
      </main>
    </>
  )
}

function Page({ path }) {
  const session = path.match(/^\/sessions\/([^/]+)\/?$/)
  if (session) return <Session key={session[1]} id={session[1]} />
  if (path === '/') return <Home />
  if (path === '/about') return <About />
  return (
    <section className="card">
      <h1>Nothing here</h1>
      <p>
        There is no page at <code>{path}</code>. <Link to="/">Back to your notes</Link>
      </p>
    </section>
  )
}

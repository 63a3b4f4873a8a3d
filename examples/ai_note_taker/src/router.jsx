// Three addresses need no router library: the history API and one event are enough.
import { useEffect, useState } from 'react'

const MOVED = 'notes:moved'

export function usePath() {
  const [path, setPath] = useState(location.pathname)
  useEffect(() => {
    const follow = () => setPath(location.pathname)
    addEventListener('popstate', follow)
    addEventListener(MOVED, follow)
    return () => {
      removeEventListener('popstate', follow)
      removeEventListener(MOVED, follow)
    }
  }, [])
  return path
}

export function Link({ to, children, ...rest }) {
  const go = (event) => {
    // A click meant for a new tab or window is left to the browser.
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    history.pushState(null, '', to)
    dispatchEvent(new Event(MOVED))
    scrollTo(0, 0)
  }
  return (
    <a href={to} onClick={go} {...rest}>
      {children}
    </a>
  )
}

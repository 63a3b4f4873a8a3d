export function About() {
  return (
    <section className="card">
      <h1>About</h1>
      <p>
        A small stand-in for a note-taking app. Notes are typed or streamed over a WebSocket, kept in Postgres, and their
        summaries are cached in Redis for an hour.
      </p>
      <p>
        Nothing leaves this server: summaries are picked from your own sentences, and the transcript repeats what it is
        sent. Sessions are deleted after 30 days.
      </p>
    </section>
  )
}

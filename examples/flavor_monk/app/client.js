// The server's answers. Same origin everywhere: nginx passes all of the site on.

export async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(sentence(answer.status));
  return answer.json();
}

/** Have a recipe written; `heard` is called with each piece of it as it arrives. */
export async function cook(wish, heard) {
  const answer = await fetch("/api/cook", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ wish }),
  });
  if (!answer.ok) throw new Error(sentence(answer.status));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard(value);
  }
}

function sentence(status) {
  return status === 429 ? "Too many wishes. Wait a minute and try again." : `The server answered ${status}.`;
}

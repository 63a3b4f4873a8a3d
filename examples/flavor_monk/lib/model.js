/** The model on this box, asked through Ollama. */

import { settings } from "./settings.js";

const PERSONA =
  "You are Flavor Monk, a calm cook. Answer with one recipe: a title line, the ingredients, then short numbered steps.";

async function ask(path, body, signal) {
  const answer = await fetch(`${settings().ollama}${path}`, {
    method: body ? "POST" : "GET",
    headers: body ? { "content-type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
    signal,
  });
  if (!answer.ok) throw new Error(`ollama: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return answer;
}

/** The words of an answer, one after the other as the model finds them. */
export async function* words(wish, signal) {
  const body = { model: settings().model, system: PERSONA, prompt: wish, stream: true };
  const answer = await ask("/api/generate", body, signal);
  for await (const line of lines(answer.body)) {
    const piece = JSON.parse(line);
    if (piece.error) throw new Error(`ollama: ${piece.error}`);
    if (piece.response) yield piece.response;
  }
}

/** The lines of a stream of bytes, however it was cut into pieces. */
export async function* lines(body) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of body) {
    const found = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = found.pop();
    yield* found.filter(Boolean);
  }
  if (rest) yield rest;
}

/** What a text means, as a vector. */
export async function meaning(text) {
  const answer = await ask("/api/embed", { model: settings().embedding, input: text });
  return (await answer.json()).embeddings[0];
}

/** The names of the models that are on the box. */
export async function models() {
  return (await (await ask("/api/tags", null, AbortSignal.timeout(4000))).json()).models.map((model) => model.name);
}

/** Whether a model is among those: `all-minilm` is `all-minilm:latest`. */
export function has(names, model) {
  return names.includes(model.includes(":") ? model : `${model}:latest`);
}

"use client";

import { useCallback, useEffect, useState } from "react";

import { ask, cook } from "./client";

export default function Page() {
  const [recipes, setRecipes] = useState([]);
  const refresh = useCallback(() => ask("/api/recipes").then((said) => setRecipes(said.recipes), () => {}), []);
  useEffect(() => {
    refresh();
  }, [refresh]);
  return (
    <>
      <Wish cooked={refresh} />
      <Found recipes={recipes} />
      <Health />
    </>
  );
}

function Wish({ cooked }) {
  const [wish, setWish] = useState("");
  const [text, setText] = useState("");
  const [state, setState] = useState("idle");
  async function submit(event) {
    event.preventDefault();
    setText("");
    setState("cooking");
    try {
      await cook(wish, (piece) => setText((before) => (before + piece).trimStart()));
      setState("idle");
      cooked();
    } catch (error) {
      setState(error.message);
    }
  }
  return (
    <section className="card">
      <h1>What shall it be?</h1>
      <form onSubmit={submit}>
        <label className="quiet" htmlFor="wish">
          What you have, what you like
        </label>
        <div className="row">
          <input
            id="wish"
            value={wish}
            maxLength={500}
            required
            onChange={(event) => setWish(event.target.value)}
            placeholder="lentils, lemon, half an hour"
          />
          <button disabled={state === "cooking"}>{state === "cooking" ? "Cooking" : "Cook"}</button>
        </div>
      </form>
      {text && (
        <article className="recipe" aria-live="polite">
          {text}
        </article>
      )}
      {state !== "idle" && state !== "cooking" && <p role="alert">{state}</p>}
    </section>
  );
}

function Found({ recipes }) {
  const [words, setWords] = useState("");
  const [found, setFound] = useState(null);
  async function submit(event) {
    event.preventDefault();
    if (!words.trim()) return setFound(null);
    const said = await ask(`/api/recipes/search?q=${encodeURIComponent(words)}`).catch(() => ({ recipes: [] }));
    return setFound(said.recipes);
  }
  const shown = found ?? recipes;
  return (
    <section className="card">
      <h2>{found ? "Nearest recipes" : "Newest recipes"}</h2>
      <form className="row" onSubmit={submit}>
        <input
          aria-label="Search by meaning"
          value={words}
          onChange={(event) => setWords(event.target.value)}
          placeholder="something warm with beans"
        />
        <button>Search</button>
      </form>
      {shown.length === 0 && <p className="quiet">None yet.</p>}
      <ul>
        {shown.map((recipe) => (
          <li key={recipe.id}>
            <details>
              <summary>{recipe.title}</summary>
              <article className="recipe">{recipe.body}</article>
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Health() {
  const [said, setSaid] = useState(null);
  useEffect(() => {
    fetch("/api/health").then((answer) => answer.json()).then(setSaid, () => setSaid({}));
  }, []);
  if (!said) return null;
  return (
    <footer className="health">
      {["database", "redis", "chroma", "ollama"].map((part) => (
        <span key={part} className={said[part] === "healthy" ? "good" : "bad"}>
          {part}
        </span>
      ))}
      {said.model && <span className="quiet">{said.model}</span>}
    </footer>
  );
}

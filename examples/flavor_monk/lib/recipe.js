/** The title of a recipe: its first line, without the marks that models like to put around it. */
export function titled(wish, text) {
  const first = text.trim().split("\n")[0].replace(/^(#+|title:)\s*/i, "").replaceAll("*", "").trim();
  return (first || wish).slice(0, 120);
}

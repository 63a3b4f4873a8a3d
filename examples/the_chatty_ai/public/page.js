// Fills the page's numbers, and again every ten seconds.

async function show() {
  const [numbers, health] = await Promise.all(["/api/numbers", "/health"].map(ask));
  for (const place of document.querySelectorAll("[data-number]")) {
    place.textContent = numbers ? numbers[place.dataset.number].toLocaleString() : "–";
  }
  const line = document.getElementById("health");
  line.className = health?.status === "healthy" ? "good" : "bad";
  line.textContent = health ? `Database ${health.database}, Redis ${health.redis}` : "No answer";
}

async function ask(path) {
  try {
    return await (await fetch(path)).json();
  } catch {
    return null;
  }
}

show();
setInterval(show, 10_000);

// What makes a page that is open more than a picture of a moment. Nothing here is
// needed to read: every page is whole without it. What comes from the server enters
// the page as text, or as a page that the server has made, never as script.
(() => {
  "use strict";
  const html = document.documentElement;
  const kept = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem("bridge-" + name);
      localStorage.setItem("bridge-" + name, value);
    } catch { /* a browser that keeps nothing */ }
    return value;
  };
  const button = (says, label, act) => {
    const b = document.createElement("button");
    b.type = "button";
    b.className = "plain";
    b.textContent = says;
    b.setAttribute("aria-label", label);
    b.addEventListener("click", () => act(b));
    return b;
  };
  const tools = document.getElementById("live-tools");

  // Light or dark, where the system's choice is not wanted.
  const theme = kept("theme");
  if (theme) html.dataset.theme = theme;
  tools?.append(button("◐", "Switch between light and dark", () => {
    const dark = html.dataset.theme ? html.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    html.dataset.theme = kept("theme", dark ? "light" : "dark");
  }));

  // Live: the page is asked for again when something has changed, and what has a
  // data-live name is brought up to date in its place. Rows do not move: new ones
  // wait until they are asked for.
  const live = document.querySelector("[data-live], [data-rows]");
  let paused = kept("paused") === "true", asking = false, again = false;
  const news = document.createElement("p");
  news.className = "told";
  news.hidden = true;
  news.setAttribute("role", "status");

  const sameNodes = (a, b) => {
    for (const node of a.querySelectorAll("[data-live]")) {
      const fresh = b.querySelector(`[data-live="${CSS.escape(node.dataset.live)}"]`);
      if (fresh && fresh.outerHTML !== node.outerHTML && !node.contains(document.activeElement)) node.replaceWith(document.importNode(fresh, true));
    }
  };
  const rows = (a, b) => {
    let more = 0;
    for (const list of a.querySelectorAll("[data-rows]")) {
      const fresh = b.querySelector(`[data-rows="${CSS.escape(list.dataset.rows)}"]`);
      const have = new Map([...list.querySelectorAll("[data-row]")].map((n) => [n.dataset.row, n]));
      for (const row of fresh ? fresh.querySelectorAll("[data-row]") : []) {
        const old = have.get(row.dataset.row);
        have.delete(row.dataset.row);
        if (!old) more++;
        else if (old.innerHTML !== row.innerHTML && !old.contains(document.activeElement) && !old.querySelector("input:checked")) old.replaceChildren(...document.importNode(row, true).childNodes);
      }
      for (const gone of have.values()) gone.classList.add("gone");
    }
    news.hidden = more === 0;
    news.replaceChildren(more === 1 ? "1 new row " : `${more} new rows `, button("show", "Show the new rows", () => location.reload()));
  };
  const refresh = async () => {
    if (paused || document.hidden) { again = true; return; }
    if (asking) { again = true; return; }
    asking = true;
    again = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        sameNodes(document, fresh);
        rows(document, fresh);
      }
    } catch { /* the bridge is away: the stream says so */ }
    asking = false;
    if (again) setTimeout(refresh, 1000);
  };
  if (live && tools) {
    document.getElementById("main").prepend(news);
    const state = document.createElement("span");
    state.className = "badge quiet";
    const say = (text, tone) => { state.textContent = text; state.className = "badge " + tone; };
    const toggle = button("", "", (b) => {
      paused = !paused;
      kept("paused", String(paused));
      b.textContent = paused ? "go on" : "pause";
      b.setAttribute("aria-label", paused ? "Go on updating this page" : "Stop updating this page");
      say(paused ? "not updating" : "live", paused ? "busy" : "good");
      if (!paused) refresh();
    });
    toggle.textContent = paused ? "go on" : "pause";
    toggle.setAttribute("aria-label", paused ? "Go on updating this page" : "Stop updating this page");
    say(paused ? "not updating" : "live", paused ? "busy" : "good");
    tools.prepend(state, toggle);
    const stream = new EventSource("/live");
    stream.addEventListener("status", refresh);
    stream.addEventListener("open", () => { if (!paused) say("live", "good"); });
    stream.addEventListener("error", () => say("no answer", "bad"));
    document.addEventListener("visibilitychange", () => { if (!document.hidden && again) refresh(); });
    addEventListener("pagehide", () => stream.close());
  }

  // Commands can be copied.
  for (const box of document.querySelectorAll(".command")) {
    box.append(button("copy", "Copy the command", async (b) => {
      try { await navigator.clipboard.writeText(box.querySelector("code").textContent); b.textContent = "copied"; }
      catch { b.textContent = "not allowed"; }
    }));
  }

  // Keys: j and k go through the rows, enter opens one, / searches.
  let at = -1;
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select")) return;
    const all = [...document.querySelectorAll("tr[data-row]")];
    if (e.key === "/") { e.preventDefault(); document.querySelector(".find input")?.focus(); return; }
    if ((e.key !== "j" && e.key !== "k") || all.length === 0) return;
    at = Math.min(all.length - 1, Math.max(0, at + (e.key === "j" ? 1 : -1)));
    all.forEach((row, i) => row.toggleAttribute("data-at", i === at));
    all[at].scrollIntoView({ block: "nearest" });
    all[at].querySelector("a")?.focus();
  });
})();

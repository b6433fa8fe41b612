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

  // Light or dark, where the system's choice is not wanted. theme.js has set it.
  tools?.append(button("◐", "Switch between light and dark", () => {
    const dark = html.dataset.theme ? html.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    html.dataset.theme = kept("theme", dark ? "light" : "dark");
  }));

  // Live: the page is asked for again when something has changed, and what has a
  // data-live name is brought up to date in its place. Rows do not move: new ones
  // wait until they are asked for, and those that are gone stay, greyed.
  const every = 2000; // milliseconds between two askings, at least
  const always = 30000; // and at most: times go on
  const patience = 4000; // how long the stream may be away before that is said
  let paused = kept("paused") === "true", ended = false;
  const answerIn = 15000; // how long an answer may take
  let asking = false, missed = false, timer = 0, last = 0;
  let stream = null, away = 0, again = 0, pause = 1000;
  const news = document.createElement("p");
  news.className = "told news";
  news.hidden = true;
  news.setAttribute("role", "status");
  const state = document.createElement("span");
  state.className = "badge quiet";
  state.setAttribute("role", "status");
  // While the bridge is away, the page is of the past, and looks like it.
  const stale = document.createElement("p");
  stale.className = "alert stale";
  stale.setAttribute("role", "alert");
  let asOf = new Date();
  const leave = () => {
    say("no answer from the bridge", "bad");
    stale.textContent = `The bridge does not answer. What stands here is of ${asOf.toISOString().slice(11, 19)} UTC.`;
    if (!stale.isConnected) document.getElementById("main")?.prepend(stale);
    html.dataset.away = "";
  };
  const back = () => {
    stale.remove();
    delete html.dataset.away;
  };
  const say = (text, tone) => {
    if (state.textContent !== text) state.textContent = text;
    state.className = "badge " + tone;
  };

  // used says that somebody is at a part of the page, which then stays as it is.
  const used = (node) => {
    const marked = getSelection();
    return node.contains(document.activeElement) || (marked && !marked.isCollapsed && marked.containsNode(node, true));
  };
  const fresher = (old, fresh) => {
    const made = document.importNode(fresh, true);
    const open = [...old.querySelectorAll("details")].map((d) => d.open);
    made.querySelectorAll("details").forEach((d, i) => { d.open = open[i] ?? d.open; });
    return made;
  };
  const named = (page, kind, name) => page.querySelector(`[data-${kind}="${CSS.escape(name)}"]`);
  const places = (page) => {
    for (const node of document.querySelectorAll("[data-live]")) {
      const fresh = named(page, "live", node.dataset.live);
      node.classList.toggle("gone", !fresh);
      if (!fresh || !node.isConnected || fresh.outerHTML === node.outerHTML || used(node)) continue;
      if (node.querySelector("[data-rows]") && fresh.querySelector("[data-rows]")) continue; // row by row, below
      node.replaceWith(fresher(node, fresh));
    }
  };
  const rows = (page) => {
    let more = 0;
    for (const list of document.querySelectorAll("[data-rows]")) {
      const fresh = named(page, "rows", list.dataset.rows);
      const have = new Map([...list.querySelectorAll("[data-row]")].map((n) => [n.dataset.row, n]));
      for (const row of fresh ? fresh.querySelectorAll("[data-row]") : []) {
        const old = have.get(row.dataset.row);
        have.delete(row.dataset.row);
        old?.classList.remove("gone");
        if (!old) more++;
        else if (old.innerHTML !== row.innerHTML && !used(old) && !old.querySelector("input:checked")) old.replaceChildren(...fresher(old, row).childNodes);
      }
      for (const gone of have.values()) gone.classList.add("gone");
    }
    const text = more === 1 ? "1 new row " : `${more} new rows `;
    if (more > 0 && news.firstChild?.textContent !== text) news.replaceChildren(text, button("show", "Show the new rows", () => location.reload()));
    news.hidden = more === 0;
  };
  const signedOut = () => {
    ended = true;
    shut();
    const to = document.createElement("a");
    to.href = "/login?to=" + encodeURIComponent(location.pathname + location.search);
    to.textContent = "signed out: sign in";
    state.replaceChildren(to);
    state.className = "badge bad";
  };
  const refresh = async () => {
    timer = 0;
    if (paused || ended || document.hidden) return;
    if (asking) { missed = true; return; }
    asking = true;
    last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(answerIn) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.redirected && new URL(answer.url).pathname === "/login") signedOut();
      else if (answer.ok && !answer.redirected && !paused) { places(page); rows(page); asOf = new Date(); }
    } catch (e) { missed ||= e.name === "TimeoutError"; } // else the bridge is away: the stream says so
    asking = false;
    if (missed) { missed = false; due(); }
  };
  const due = () => { timer ||= setTimeout(refresh, Math.max(0, last + every - Date.now())); };

  // The stream tells when to ask. It is closed while nobody looks: a browser has few
  // connections for all its pages.
  const shut = () => {
    stream?.close();
    stream = null;
    clearTimeout(away);
    clearTimeout(again);
    away = again = 0;
  };
  const listen = () => {
    shut();
    if (paused || ended || document.hidden) return;
    stream = new EventSource("/live");
    const comes = () => {
      clearTimeout(away);
      away = 0;
      pause = 1000;
      back();
      say("live", "good");
    };
    stream.addEventListener("open", comes);
    for (const kind of ["message", "status"]) stream.addEventListener(kind, () => { comes(); due(); });
    stream.addEventListener("error", () => {
      away ||= setTimeout(leave, patience);
      if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      due(); // it may be that one has to sign in
      again ||= setTimeout(() => { const waits = away; away = 0; listen(); away = waits; }, pause);
      pause = Math.min(2 * pause, 30000);
    });
  };
  const toggle = button("", "", () => {
    paused = !paused;
    kept("paused", String(paused));
    shows();
    if (paused) shut();
    else { listen(); due(); }
  });
  const shows = () => {
    toggle.textContent = paused ? "go on" : "pause";
    toggle.setAttribute("aria-label", paused ? "Go on updating this page" : "Stop updating this page");
    say(paused ? "not updating" : "live", paused ? "busy" : "good");
  };
  const live = tools && document.querySelector("main [data-live], main [data-rows]");
  if (live) {
    document.getElementById("main").prepend(news);
    tools.prepend(state, toggle);
    shows();
    last = Date.now();
    listen();
    setInterval(() => { if (Date.now() - last >= always) due(); }, 5000);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) shut();
      else { listen(); due(); }
    });
    addEventListener("pagehide", shut);
    addEventListener("pageshow", (e) => { if (e.persisted) { listen(); due(); } });
  }

  // Commands can be copied.
  for (const box of document.querySelectorAll(".command")) {
    box.append(button("copy", "Copy the command", async (b) => {
      try { await navigator.clipboard.writeText(box.querySelector("code").textContent); b.textContent = "copied"; }
      catch { b.textContent = "not allowed"; }
    }));
  }

  // Keys. They are told by "?".
  const help = document.getElementById("keys-help");
  document.querySelector("footer .hint")?.removeAttribute("hidden");
  const pages = { o: "/", d: "/dead-letters", k: "/keys", p: "/operations", a: "/audit" };
  let going = 0;
  const step = (by) => {
    const all = [...document.querySelectorAll("tr[data-row]")];
    const at = all.findIndex((row) => row.hasAttribute("data-at"));
    const to = all[Math.min(all.length - 1, Math.max(0, at + by))];
    if (!to) return;
    all.forEach((row) => row.toggleAttribute("data-at", row === to));
    to.scrollIntoView({ block: "nearest" });
    to.querySelector("a")?.focus({ preventScroll: true });
  };
  const keys = {
    "/": () => document.querySelector(".find input")?.focus(),
    "?": () => help?.showModal(),
    j: () => step(1),
    k: () => step(-1),
    x: () => document.querySelector("tr[data-at] input[type=checkbox]")?.click(),
    p: () => live && toggle.click(),
    g: () => { going = Date.now(); },
  };
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || help?.open || e.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const to = Date.now() - going < 1500 && pages[e.key];
    going = 0;
    if (to) { e.preventDefault(); location.href = to; return; }
    if (!Object.hasOwn(keys, e.key)) return;
    e.preventDefault();
    keys[e.key]();
  });
})();

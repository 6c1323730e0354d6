// What a page can do beyond its HTML: the reader's zone, the look, favourites, keys, and news while it is open.
"use strict";

const $ = (selector, below = document) => below.querySelector(selector);
const $$ = (selector, below = document) => [...below.querySelectorAll(selector)];

const kept = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* not kept, then */ } },
};

// Times in the reader's zone; UTC stays in the title.
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
function localise(below) {
  for (const time of $$("time[datetime]", below)) time.textContent = local.format(new Date(time.dateTime));
}

function age(since) {
  const minutes = Math.floor((Date.now() - new Date(since)) / 60000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 1440).toLocaleString("en")} d`;
}
function tick() {
  for (const element of $$(".age[data-since]")) element.textContent = age(element.dataset.since);
}

// Dark and light: by the system, until the reader presses the switch.
function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
function nameTheme(button) { button.textContent = isDark() ? "Light" : "Dark"; }
function themeSwitch() {
  const button = $("#theme");
  button.hidden = false;
  nameTheme(button);
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    kept.set("theme", next);
    nameTheme(button);
    document.dispatchEvent(new Event("themechange"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    nameTheme(button);
    document.dispatchEvent(new Event("themechange"));
  });
}

// Favourites: symbols that this browser keeps.
const favourites = new Set((kept.get("favourites") ?? "").split(",").filter(Boolean));
function showFavourites() {
  const link = $("#favourites");
  if (!link) return;
  link.hidden = favourites.size === 0;
  link.href = `/?symbol=${encodeURIComponent([...favourites].sort().join(","))}`;
  if (location.search === new URL(link.href).search) link.setAttribute("aria-current", "true");
}
function star(row) {
  const symbol = row.dataset.key.split("/")[1];
  const button = document.createElement("button");
  const draw = () => {
    const is = favourites.has(symbol);
    button.textContent = is ? "★" : "☆";
    button.setAttribute("aria-pressed", is);
  };
  button.type = "button";
  button.className = "star";
  button.setAttribute("aria-label", `Favourite ${symbol}`);
  button.addEventListener("click", () => {
    if (!favourites.delete(symbol)) favourites.add(symbol);
    kept.set("favourites", [...favourites].join(","));
    for (const other of $$("tr[data-key]")) other.redraw?.();
    showFavourites();
  });
  row.redraw = draw;
  draw();
  row.cells[0].prepend(button);
}

// A form that asks at once, and puts into the address only what was said.
function quickFilters(form) {
  const defaults = { sort: "-changed", per: "50" };
  const ask = () => {
    const said = new URLSearchParams();
    const boxes = $$('input[name="cols"]', form);
    const plain = boxes.filter((box) => box.checked).map((box) => box.value).join(" ") === $(".columns", form).dataset.plain;
    for (const [name, value] of new FormData(form)) {
      if (value && defaults[name] !== value && !(name === "cols" && plain)) said.append(name, value);
    }
    location.assign(said.size ? `/?${said}` : "/");
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  form.addEventListener("change", (event) => { if (!event.target.closest(".more") && event.target.type !== "search") ask(); });
}

// Keys: / finds, j and k walk, then arrows, too, which else scroll the page; Enter opens.
function keys() {
  let at = -1;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const rows = $$("table.board tbody tr");
    if (event.key === "/" && $("#find")) {
      event.preventDefault();
      $("#find").focus();
      $("#find").select();
    } else if (rows.length && (event.key === "j" || event.key === "k"
        || (event.target.closest("tr.at") && (event.key === "ArrowDown" || event.key === "ArrowUp")))) {
      event.preventDefault();
      rows[at]?.classList.remove("at");
      at = Math.min(Math.max(at + (event.key === "j" || event.key === "ArrowDown" ? 1 : -1), 0), rows.length - 1);
      rows[at].classList.add("at");
      const link = $("a", rows[at].cells[0]);
      link.focus({ preventScroll: true });
      rows[at].scrollIntoView({ block: "nearest" });
    }
  });
}

// News: the page is fetched again as it stands in the address, and its moving parts are exchanged.
let fetching = null;
async function renew() {
  if (!$("#board")) return;
  fetching?.abort();
  fetching = new AbortController();
  let answer;
  try {
    answer = await fetch(location.href, { signal: fetching.signal, headers: { Accept: "text/html" } });
  } catch (error) {
    if (error.name !== "AbortError") live("lost");
    return;
  }
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = new Map($$("#board tr[data-key]").map((row) => [row.dataset.key, row.dataset.stamp]));
  const focused = document.activeElement?.closest("tr[data-key]")?.dataset.key;
  const wasStar = document.activeElement?.classList.contains("star");
  const scrolled = $("#board .scroll")?.scrollLeft ?? 0;
  $("#fresh").replaceWith(document.adoptNode($("#fresh", page)));
  $("#board").replaceWith(document.adoptNode($("#board", page)));
  dress(document);
  let changed = 0;
  for (const row of $$("#board tr[data-key]")) {
    if (before.get(row.dataset.key) !== row.dataset.stamp) {
      row.classList.add("changed");
      changed += 1;
    }
    if (row.dataset.key === focused) $(wasStar ? ".star" : "th a", row)?.focus({ preventScroll: true });
  }
  if ($("#board .scroll")) $("#board .scroll").scrollLeft = scrolled;
  const told = changed === 1 ? "1 row is new." : `${changed.toLocaleString("en")} rows are new.`;
  $("#news").textContent = changed ? told : "Nothing on this page changed.";
}

function live(state) {
  const sign = $("#live");
  sign.hidden = false;
  sign.classList.toggle("lost", state === "lost");
  sign.textContent = state === "lost" ? "Not live: connection lost, trying again" : "● Live";
}

function follow() {
  let missed = false;
  const stream = new EventSource("/events");
  const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });
  let asked = 0;
  const soon = async () => { // several publications at once are one look
    const mine = ++asked;
    await wait(120);
    if (mine === asked) renew();
  };
  stream.addEventListener("hello", (event) => {
    const { listening } = JSON.parse(event.data);
    live(listening ? "live" : "lost");
    if (missed && listening) soon();
    missed = !listening;
  });
  stream.addEventListener("published", () => { live("live"); soon(); });
  stream.addEventListener("lost", () => { missed = true; live("lost"); });
  stream.addEventListener("found", () => { live("live"); if (missed) soon(); missed = false; });
  stream.addEventListener("error", () => { missed = true; live("lost"); });
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

function dress(below) {
  localise(below);
  for (const row of $$("table.board tr[data-key]", below)) if (!row.redraw) star(row);
}

dress(document);
themeSwitch();
showFavourites();
if ($("#filters")) quickFilters($("#filters"));
keys();
setInterval(tick, 30000);
if ($("#board")) follow();

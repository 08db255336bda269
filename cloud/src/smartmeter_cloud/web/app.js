// The page: one stream from the server, a card for each meter, a box for each part of the chain.

import { showChain } from "./chain.js";
import { administer } from "./concentrators.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { enter, leave } from "./login.js";
import { MeterCard } from "./meters.js";
import { SubmeterCard, isSubmeter } from "./submeter.js";
import { otherLanguage, speak, spell, words } from "./words.js";

const QUIET = 25000; // ms; the server sends something every 5 s
const THEMES = ["auto", "light", "dark"];

const cards = new Map();
const openDetails = new Set();
const holder = document.querySelector(".cards");
const steps = document.querySelector(".steps");
const link = document.querySelector("#link");
const said = document.querySelector("#said");
// Only cards on or near the screen fetch their history, which are few of a fleet.
const seen = new Set();
const watch = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) {
      seen[isIntersecting ? "add" : "delete"](target);
      if (isIntersecting) [...cards.values()].find((card) => card.element === target)?.refresh();
    }
  },
  { rootMargin: "300px" },
);
let boxes = null;
let connected = null;
let source = null;
let opened = 0; // when the stream was last asked for
let lastHeard = null;

function say(text) {
  setText(said, text);
}

function takeMeters(meters) {
  for (const meter of meters) {
    let card = cards.get(meter.id);
    if (!card) {
      card = new (isSubmeter(meter) ? SubmeterCard : MeterCard)(meter.id, say);
      watch.observe(card.element);
      cards.set(meter.id, card);
      const next = [...cards.keys()].filter((id) => id > meter.id).sort()[0];
      holder.insertBefore(card.element, next === undefined ? null : cards.get(next).element);
    }
    card.show(meter);
  }
  showEmpty();
}

function showEmpty() {
  const empty = document.querySelector("#empty");
  empty.hidden = cards.size > 0 || boxes === null;
  setText(empty, words("noMeters"));
}

function drawChain() {
  if (!boxes) return;
  const page = {
    kind: "page",
    id: "",
    state: connected ? "ok" : "down",
    reason: connected ? "live" : "lost",
    since: lastHeard,
  };
  // What was true when the server was last heard may not be now.
  const known = connected ? boxes : boxes.map((box) => ({ ...box, state: "unknown" }));
  showChain(steps, [...known, page], openDetails, (id) => cards.get(id)?.name);
}

function setConnected(now) {
  if (connected === now) return;
  if (connected !== null) say(words(now ? "saidFound" : "saidLost"));
  connected = now;
  setAttribute(link, "data-state", now ? "ok" : "down");
  setText(link.querySelector(".text"), words(now ? "live" : "lost"));
  drawChain();
}

/** A half-open connection, or a server that hangs, gives no error: only silence. */
function checkStream() {
  if (!source || Date.now() - Math.max(opened, lastHeard) < QUIET) return;
  setConnected(false);
  source.close();
  listen();
}

function listen() {
  opened = Date.now();
  source = new EventSource("v1/live");
  const hear = (name, take) =>
    source.addEventListener(name, (event) => {
      lastHeard = Date.now();
      setConnected(true);
      take(event.data && JSON.parse(event.data));
    });
  hear("open", () => {});
  hear("beat", () => {});
  hear("meters", takeMeters);
  hear("chain", (told) => {
    ({ boxes } = told);
    drawChain();
    showEmpty();
  });
  source.addEventListener("error", () => {
    setConnected(false);
    // The browser gives up after an answer that is not a stream; this page does not.
    if (source.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(() => enter(document.querySelector("main")).then(listen), 3000);
    }
  });
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const label = words({ auto: "themeAuto", light: "themeLight", dark: "themeDark" }[theme]);
  const button = document.querySelector("#theme");
  button.replaceChildren(icon(theme === "dark" ? "moon" : "sun"), h("span", {}, label));
  button.onclick = () => {
    const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem("theme", next);
    setTheme(next);
  };
}

spell();
setTheme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");
const speech = document.querySelector("#language");
setText(speech, words("language"));
speech.lang = otherLanguage();
speech.onclick = () => speak(otherLanguage());
enter(document.querySelector("main")).then(({ name, scopes }) => {
  if (scopes.includes("admin")) administer(document.querySelector("main"));
  const out = document.querySelector("#logout");
  out.hidden = name === "local";
  setText(out, words("logout"));
  out.onclick = leave;
  listen();
});
setInterval(() => {
  checkStream();
  for (const card of cards.values()) {
    card.tick(connected);
    if (!document.hidden && seen.has(card.element)) card.refresh();
  }
}, 1000);
setInterval(drawChain, 5000);

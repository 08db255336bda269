// The page: one stream from the server, a card for each meter, a box for each part of the chain.

import { showChain } from "./chain.js";
import { administer } from "./concentrators.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { enter, leave } from "./login.js";
import { MeterCard } from "./meters.js";
import { SubmeterCard, isSubmeter } from "./submeter.js";
import { otherLanguage, speak, spell, words } from "./words.js";

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
  showChain(steps, [...boxes, page], openDetails, (id) => cards.get(id)?.name);
}

function setConnected(now) {
  if (connected !== null && connected !== now) say(words(now ? "saidFound" : "saidLost"));
  connected = now;
  setAttribute(link, "data-state", now ? "ok" : "down");
  setText(link.querySelector(".text"), words(now ? "live" : "lost"));
  drawChain();
}

function listen() {
  const source = new EventSource("v1/live");
  source.addEventListener("open", () => setConnected(true));
  source.addEventListener("error", () => {
    setConnected(false);
    // The browser gives up after an answer that is not a stream; this page does not.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => enter(document.querySelector("main")).then(listen), 3000);
    }
  });
  source.addEventListener("meters", (event) => {
    lastHeard = Date.now();
    takeMeters(JSON.parse(event.data));
  });
  source.addEventListener("chain", (event) => {
    lastHeard = Date.now();
    ({ boxes } = JSON.parse(event.data));
    drawChain();
    showEmpty();
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
  for (const card of cards.values()) {
    card.tick();
    if (!document.hidden && seen.has(card.element)) card.refresh();
  }
}, 1000);
setInterval(drawChain, 5000);

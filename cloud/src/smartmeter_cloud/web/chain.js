// The boxes of the chain in their order, each with one plain sentence.

import { h, icon, setText } from "./dom.js";
import * as format from "./format.js";
import { has, words } from "./words.js";

const STEPS = [
  ["meter", "boxMeter"],
  ["adapter", "boxAdapter"],
  ["concentrator", "boxConcentrator"],
  ["ingest", "boxIngest"],
  ["store", "boxStore"],
  ["page", "boxPage"],
];
const SIGNS = { ok: "ok", warn: "warn", down: "down_", unknown: "unknown" };
const sum = (value) => (Number.isFinite(value) ? format.count(value) : null);
const size = (value) => (Number.isFinite(value) ? format.bytes(value) : null);
const time = (value) => (Number.isFinite(Date.parse(value)) ? format.moment(Date.parse(value)) : null);
const LATE = 60000; // ms; a message that waits for a moment is in normal operation
const seconds = (value) => (Number.isFinite(value) ? format.span(Math.abs(value) * 1000) : null);
// What adapters, Concentrators and ingest say of themselves: path, name, and the value as text.
const FIELDS = [
  ["version", "fieldVersion", String],
  ["uptime", "fieldUptime", seconds],
  ["time", "fieldTime", time],
  ["rssi", "fieldRssi", (dbm) => (Number.isFinite(dbm) ? words(dbm >= -67 ? "rssiGood" : dbm >= -75 ? "rssiFair" : "rssiWeak", { dbm: format.count(dbm) }) : null)],
  ["line", "fieldLine", String],
  ["readings", "fieldReadings", sum],
  ["silent", "fieldSilent", seconds],
  ["clock_offset", "fieldClock", seconds],
  ["spool rows", "fieldSpool", sum],
  ["spool bytes", "fieldSpoolBytes", size],
  ["spool oldest", "fieldOldest", (unix) => time(new Date(unix * 1000))],
];
const DETAILS_MAX = 24; // of a box's status
const ALARMS_MAX = 5;
const TEXT_MAX = 120;

/** Draws the server's boxes, and the page's own, into the list; nameOf: id -> name. */
export function showChain(list, boxes, open, nameOf) {
  const now = Date.now();
  const focused = document.activeElement?.closest?.("details")?.dataset.key;
  const made = STEPS.map(([kind, title]) => {
    const mine = boxes.filter((box) => box.kind === kind);
    const empty = { adapter: "noAdapters", concentrator: "noConcentrators", meter: "noMeters" }[kind];
    return h(
      "li",
      { class: "step" },
      h("h3", {}, icon(kind), h("span", {}, words(title))),
      ...(mine.length ? mine.map((box) => drawBox(box, boxes, now, open, nameOf)) : [h("p", { class: "about" }, words(empty))]),
    );
  });
  // A step that says the same stays, so that a person can select and copy an error.
  made.forEach((step, i) => {
    const old = list.children[i];
    if (!old) list.append(step);
    else if (!old.isEqualNode(step)) old.replaceWith(step);
  });
  if (focused === undefined) return;
  for (const fold of list.querySelectorAll("details")) {
    if (fold.dataset.key === focused) fold.querySelector("summary").focus();
  }
}

function drawBox(box, boxes, now, open, nameOf) {
  const key = `${box.kind} ${box.id}`;
  const name = box.kind === "ingest" ? "" : box.id;
  const details = statusRows(box.status).slice(0, DETAILS_MAX);
  const fold = h(
    "details",
    { open: open.has(key), "data-key": key },
    h("summary", {}, words("details")),
    h("dl", {}, ...details.map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, text)))),
  );
  fold.addEventListener("toggle", () => (fold.open ? open.add(key) : open.delete(key)));
  return h(
    "div",
    { class: "box", "data-state": box.state },
    h(
      "p",
      { class: "name" },
      h("span", { class: "sign" }, icon(SIGNS[box.state]), name ? h("span", { class: "unseen" }, `${words(box.state)}: `) : null),
      name ? h("span", { title: name }, nameOf(name) ?? format.shortId(name)) : words(box.state),
    ),
    h("p", {}, sentence(box, boxes, now)),
    ...remarks(box).map((text) => h("p", { class: "remark" }, text)),
    details.length ? fold : null,
  );
}

/** Why a meter is silent, from the boxes after it: the nearest to the Cloud first. */
function cause(box, boxes) {
  if (box.kind !== "meter" || box.reason !== "silent") return "";
  const down = (kind, id) => boxes.some((one) => one.kind === kind && one.id === id && one.reason === "offline");
  if (down("concentrator", box.concentrator)) return ", concentrator offline";
  return down("adapter", box.id) ? ", adapter offline" : "";
}

function sentence(box, boxes, now) {
  const key = `${box.kind} ${box.reason}${cause(box, boxes)}`;
  return words(has(key) ? key : box.state, {
    span: box.since ? format.span(now - box.since) : "",
    time: box.since ? format.moment(box.since) : "",
    concentrator: box.concentrator ?? "",
    hours: String(Math.abs(box.hours ?? 0)),
    detail: box.detail ?? box.status?.broker?.detail ?? "",
    stored: format.count(box.counters?.stored ?? 0),
    size: format.bytes(box.bytes ?? 0),
  });
}

/** Remarks in addition to the state. */
function remarks(box) {
  const out = [];
  if (box.kind === "store" && box.counters?.dead) {
    out.push(words("deadLetters", { n: format.count(box.counters.dead) }));
  }
  const status = box.status ?? {};
  const waits = status.spool?.oldest * 1000 < Date.now() - LATE;
  for (const [word, n] of [["spool", waits ? status.spool.rows : 0], ["dropped", status.spool?.dropped ?? status.dropped]]) {
    if (Number.isFinite(n) && n > 0) out.push(words(word, { n: format.count(n) }));
  }
  const alarms = Array.isArray(status.alarms) ? status.alarms.slice(0, ALARMS_MAX) : [];
  return [...out, ...alarms.map((text) => String(text).slice(0, TEXT_MAX))];
}

/** A status as [label, text] lines: what is known in words, then the rest as it was sent. */
function statusRows(status) {
  const known = [];
  const told = new Set();
  for (const [path, word, text] of FIELDS) {
    const value = path.split(" ").reduce((inner, name) => inner?.[name], status);
    const shown = typeof value === "number" || typeof value === "string" ? text(value) : null;
    if (shown === null) continue;
    told.add(path);
    known.push([words(word), shown.slice(0, TEXT_MAX)]);
  }
  return [...known, ...rows(status).filter(([label]) => !told.has(label))];
}

/** A status as [label, text] lines; a nested value by its path. */
function rows(status, path = "") {
  if (!status || typeof status !== "object") return [];
  return Object.entries(status).flatMap(([name, value]) => {
    const label = path ? `${path} ${name}` : name;
    if (value === null) return [];
    if (typeof value === "object") return label.split(" ").length < 3 ? rows(value, label) : [];
    return [[label.slice(0, TEXT_MAX), String(value).slice(0, TEXT_MAX)]];
  });
}

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
const DETAILS_MAX = 24; // of a box's status
const ALARMS_MAX = 5;
const TEXT_MAX = 120;

/** Draws the server's boxes, and the page's own, into the list; nameOf: id -> name. */
export function showChain(list, boxes, open, nameOf) {
  const now = Date.now();
  const focused = document.activeElement?.closest?.("details")?.dataset.key;
  list.replaceChildren(
    ...STEPS.map(([kind, title]) => {
      const mine = boxes.filter((box) => box.kind === kind);
      const empty = { adapter: "noAdapters", concentrator: "noConcentrators", meter: "noMeters" }[kind];
      return h(
        "li",
        { class: "step" },
        h("h3", {}, icon(kind), h("span", {}, words(title))),
        ...(mine.length ? mine.map((box) => drawBox(box, boxes, now, open, nameOf)) : [h("p", { class: "about" }, words(empty))]),
      );
    }),
  );
  if (focused === undefined) return;
  for (const fold of list.querySelectorAll("details")) {
    if (fold.dataset.key === focused) fold.querySelector("summary").focus();
  }
}

function drawBox(box, boxes, now, open, nameOf) {
  const key = `${box.kind} ${box.id}`;
  const name = box.kind === "ingest" ? "" : box.id;
  const details = rows(box.status).slice(0, DETAILS_MAX);
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
      h("span", { class: "sign" }, icon(SIGNS[box.state]), h("span", { class: "unseen" }, `${words(box.state)}: `)),
      name ? h("span", { title: name }, nameOf(name) ?? format.shortId(name)) : null,
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
  for (const [word, n] of [["spool", status.spool?.rows], ["dropped", status.spool?.dropped ?? status.dropped]]) {
    if (Number.isFinite(n) && n > 0) out.push(words(word, { n: format.count(n) }));
  }
  const alarms = Array.isArray(status.alarms) ? status.alarms.slice(0, ALARMS_MAX) : [];
  return [...out, ...alarms.map((text) => String(text).slice(0, TEXT_MAX))];
}

/** A status as [label, text] lines; a nested value by its path. */
function rows(status, path = "") {
  if (!status || typeof status !== "object") return [];
  return Object.entries(status).flatMap(([name, value]) => {
    const label = path ? `${path} ${name}` : name;
    if (value && typeof value === "object") return label.split(" ").length < 3 ? rows(value, label) : [];
    return [[label.slice(0, TEXT_MAX), String(value).slice(0, TEXT_MAX)]];
  });
}

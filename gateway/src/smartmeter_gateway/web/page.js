// Asks /status every 2 s and each meter's curve every minute. What came over the wire is only ever
// put in as text.
const STATUS_MS = 2000;
const CURVE_MS = 60000;
const OLD_S = 120;
const cards = new Map();
const get = async (path) => {
  const answer = await fetch(path, { signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};
const number = (value, digits) =>
  value.toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const counted = (n) => `${n} meter${n === 1 ? "" : "s"}`;
const ago = (s) =>
  s < 90 ? `${Math.round(s)} s ago` : s < 5400 ? `${Math.round(s / 60)} min ago` : `${Math.round(s / 3600)} h ago`;

function rows(list, facts) {
  list.replaceChildren(...facts.flatMap(([name, text, mark]) => {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = text;
    if (mark) dd.className = mark;
    return [dt, dd];
  }));
}

function card(name) {
  if (!cards.has(name)) {
    const node = document.getElementById("meter").content.cloneNode(true).firstElementChild;
    node.querySelector(".name").textContent = name;
    document.getElementById("meters").append(node);
    cards.set(name, { node, asked: 0 });
  }
  return cards.get(name);
}

function power(v) {
  if ("16.7.0" in v) return v["16.7.0"];
  return "1.7.0" in v ? v["1.7.0"] - (v["2.7.0"] ?? 0) : null;
}

function show(name, meter) {
  const { node } = card(name);
  const v = meter.values;
  const watts = power(v);
  node.querySelector(".watts").textContent = watts === null ? "–" : number(Math.abs(watts), 0);
  node.querySelector(".way").textContent = watts === null ? "no power told" : watts < 0 ? "to the grid" : "from the grid";
  node.classList.toggle("in", watts > 0);
  node.classList.toggle("out", watts < 0);
  node.classList.toggle("old", meter.age > OLD_S);
  rows(node.querySelector(".totals"), [
    ["1.8.0", "Taken, total"], ["2.8.0", "Given, total"],
  ].filter(([code]) => code in v).map(([code, text]) => [text, `${number(v[code] / 1000, 3)} kWh`]));
  const phases = [["L1", "32.7.0", "31.7.0"], ["L2", "52.7.0", "51.7.0"], ["L3", "72.7.0", "71.7.0"]]
    .filter(([, u, i]) => u in v || i in v);
  node.querySelector("table").hidden = !phases.length;
  node.querySelector("tbody").replaceChildren(...phases.map(([phase, u, i]) => {
    const tr = document.createElement("tr");
    for (const text of [phase, u in v ? `${number(v[u], 1)} V` : "–", i in v ? `${number(v[i], 2)} A` : "–"]) {
      tr.insertCell().textContent = text;
    }
    return tr;
  }));
  node.querySelector(".age").textContent = `${ago(meter.age)}, by ${meter.way}, ${number(meter.readings, 0)} readings`;
}

async function curve(name) {
  const entry = card(name);
  if (Date.now() - entry.asked < CURVE_MS) return;
  entry.asked = Date.now();
  const points = await get(`curve/${encodeURIComponent(name)}`);
  const svg = entry.node.querySelector("svg");
  svg.setAttribute("aria-label", `Power of the last day in ${points.length} points`);
  if (!points.length) return;
  const end = points.at(-1)[0];
  const high = Math.max(...points.map((p) => p[1]), 1);
  const low = Math.min(...points.map((p) => p[1]), 0);
  const x = (t) => 288 - (end - t) / 300;
  const y = (w) => 58 - (56 * (w - low)) / (high - low);
  let path = "";
  points.forEach(([t, w], n) => {
    const joined = n && t - points[n - 1][0] <= 600;  // a gap is a gap
    path += `${joined ? "L" : "M"}${x(t)} ${y(w)}${joined ? "" : "h.1"}`;
  });
  svg.querySelector("path").setAttribute("d", path);
  const zero = svg.querySelector("line");
  for (const [key, value] of [["x1", 0], ["x2", 288], ["y1", y(0)], ["y2", y(0)]]) zero.setAttribute(key, value);
}

async function tick() {
  const state = document.getElementById("state");
  try {
    const status = await get("status");
    state.textContent = `${counted(Object.keys(status.meters).length)}, up for ${ago(status.uptime).replace(" ago", "")}`;
    const alarms = document.getElementById("alarms");
    alarms.hidden = !status.alarms.length;
    alarms.replaceChildren(...status.alarms.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    const { rows: waiting, bytes, dropped, oldest } = status.spool;
    rows(document.getElementById("facts"), [
      ...Object.entries(status.links).map(([name, link]) => [name, link.up ? "connected" : link.reason, link.up ? "good" : "bad"]),
      ["Spool", waiting ? `${number(waiting, 0)} messages, ${number(bytes / 1e6, 1)} MB, oldest ${ago(Date.now() / 1000 - oldest)}` : "empty"],
      ...(dropped ? [["Dropped", number(dropped, 0), "bad"]] : []),
      ...Object.entries(status.refused).map(([kind, n]) => [`Refused: ${kind}`, number(n, 0)]),
      ...Object.entries(status.faults).map(([kind, n]) => [`Faults: ${kind}`, number(n, 0)]),
    ]);
    for (const [name, meter] of Object.entries(status.meters)) show(name, meter);
    for (const name of Object.keys(status.meters)) await curve(name);
  } catch (why) {
    state.textContent = `the Concentrator does not answer (${why.message})`;
  }
  setTimeout(tick, STATUS_MS);
}
tick();

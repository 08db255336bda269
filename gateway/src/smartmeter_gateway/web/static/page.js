// Fetches /status every 2 s and each meter's curve every minute. Data from the network is only
// inserted as text.
const STATUS_MS = 2000;
const CURVE_MS = 60000;
const TEXTS = { "96.13.0": "Message", "1.6.0": "Peak of the month, at", "98.1.0": "Peaks of past months", "99.97.0": "Long power failures" };
const cards = new Map();
const get = async (path) => {
  const answer = await fetch(path, { signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};
const number = (value, digits) =>
  value.toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const counted = (n, what) => `${number(n, 0)} ${what}${n === 1 ? "" : "s"}`;
const clock = (unix) => new Date(unix * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
const kilowatts = (w) => (Math.abs(w) < 1000 ? `${number(w, 0)} W` : `${number(w / 1000, 1)} kW`);
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
  node.querySelector(".now").classList.toggle("unused", Boolean(meter.medium) && watts === null);
  node.querySelector(".watts").textContent = watts === null ? "–" : number(Math.abs(watts), 0);
  node.querySelector(".way").textContent = watts === null ? "no power reported" : watts < 0 ? "to the grid" : "from the grid";
  node.classList.toggle("in", watts > 0);
  node.classList.toggle("out", watts < 0);
  const energy = [["1.8.0", "Import"], ["2.8.0", "Export"]].flatMap(([code, text]) => {
    const { wh, since } = meter.today[code] ?? {};
    const from = new Date(since * 1000);
    const today = from.getHours() || from.getMinutes() ? `since ${clock(since)}` : "today";
    return [
      ...(wh === undefined ? [] : [[`${text} ${today}`, `${number(wh / 1000, 2)} kWh`]]),
      ...(code in v ? [[`${text}, total`, `${number(v[code] / 1000, 3)} kWh`]] : []),
    ];
  });
  const shown = meter.medium ? Object.keys(v).filter((code) => !["1.8.0", "2.8.0"].includes(code)) : [];
  rows(node.querySelector(".totals"), [
    ...energy,
    ...shown.map((code) => [`${meter.medium}, ${code}`, `${v[code].toLocaleString(undefined, { maximumFractionDigits: 6 })} ${meter.units[code] ?? ""}`]),
    ...(meter.ratio ? [["Ratio of the transformers", number(meter.ratio, 0)]] : []),
    ...Object.entries(meter.texts ?? {}).map(([code, text]) => [TEXTS[code] ?? code, text]),
  ]);
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
  const others = (meter.paths ?? []).filter((path) => path !== meter.path);
  const also = others.length ? `, also by ${others.join(" and ")} (${number(meter.duplicates ?? 0, 0)} duplicates discarded)` : "";
  node.querySelector(".age").textContent = `${ago(meter.age)}, by ${meter.path}, ${counted(meter.readings, "reading")}${also}`;
}

// Shows why a meter sends nothing. It may never have sent anything.
function silence(name, why, heard) {
  const { node } = card(name);
  const line = node.querySelector(".silent");
  line.hidden = !why;
  line.textContent = why ? `No data: ${why}` : "";
  node.classList.toggle("old", Boolean(why));
  for (const part of [".now", "table", ".totals"]) if (!heard) node.querySelector(part).hidden = true;
  if (heard) node.querySelector(".now").hidden = node.querySelector(".totals").hidden = false;
}

function adapter(name, status) {
  const line = card(name).node.querySelector(".adapter");
  line.hidden = !status;
  line.textContent = status ? `${status.port ? "Port" : "Adapter"}: ${status.short}` : "";
}

async function curve(name) {
  const entry = card(name);
  if (Date.now() - entry.asked < CURVE_MS) return;
  entry.asked = Date.now();
  const points = await get(`curve/${encodeURIComponent(name)}`);
  const figure = entry.node.querySelector(".day");
  figure.hidden = points.length < 3;
  if (!figure.hidden) draw(figure, points);
}

// One bar for every five minutes: import above the line, export below. Gaps stay empty.
function draw(figure, points) {
  const end = points.at(-1)[0] + 300;
  const high = Math.max(...points.map((p) => p[1]), 1);
  const low = Math.min(...points.map((p) => p[1]), 0);
  const x = (t) => 288 - (end - t) / 300;
  const y = (w) => (80 * (high - w)) / (high - low);
  const bars = (wanted) => points.filter(([, w]) => wanted(w)).map(([t, w]) => `M${x(t)} ${y(0)}V${y(w)}h1V${y(0)}z`).join("");
  const svg = figure.querySelector("svg");
  svg.querySelector(".import").setAttribute("d", bars((w) => w > 0));
  svg.querySelector(".export").setAttribute("d", bars((w) => w < 0));
  for (const [key, value] of [["x1", 0], ["x2", 288], ["y1", y(0)], ["y2", y(0)]]) svg.querySelector("line").setAttribute(key, value);
  const most = `import up to ${kilowatts(high)}` + (low < 0 ? `, export up to ${kilowatts(-low)}` : "");
  svg.setAttribute("aria-label", `Power in the last 24 hours: ${most}`);
  const caption = ["Last 24 hours", most].map((text) => Object.assign(document.createElement("span"), { textContent: text }));
  figure.querySelector("figcaption").replaceChildren(...caption);
  const hours = [];
  const tick = new Date(end * 1000);
  for (tick.setMinutes(0, 0, 0); tick / 1000 > end - 86400; tick.setHours(tick.getHours() - 1)) {
    const at = x(tick / 1000) / 2.88;
    if (tick.getHours() % 6 || at < 4 || at > 96) continue;
    const label = Object.assign(document.createElement("span"), { textContent: `${tick.getHours()}:00` });
    label.style.left = `${at}%`;
    hours.push(label);
  }
  figure.querySelector(".hours").replaceChildren(...hours);
}

async function tick() {
  const state = document.getElementById("state");
  try {
    const status = await get("status");
    document.title = `Concentrator ${status.concentrator}`;
    const names = new Set([...Object.keys(status.meters), ...Object.keys(status.silent)]);
    state.textContent = `${counted(names.size, "meter")}, up for ${ago(status.uptime).replace(" ago", "")}`;
    const alarms = document.getElementById("alarms");
    alarms.hidden = !status.alarms.length;
    alarms.replaceChildren(...status.alarms.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    const { rows: waiting, bytes, dropped, oldest } = status.spool;
    rows(document.getElementById("facts"), [
      ...Object.entries(status.links).map(([name, link]) => [name, link.up ? "connected" : link.reason, link.up ? "good" : "bad"]),
      ["cloud broker" in status.links ? "Waiting for the Cloud" : "Stored here", waiting ? `${counted(waiting, "message")}, ${number(bytes / 1e6, 1)} MB, oldest ${ago(Date.now() / 1000 - oldest)}` : "nothing"],
      ...(dropped ? [["Dropped", number(dropped, 0), "bad"]] : []),
      ...Object.entries(status.refused).map(([kind, n]) => [`Refused: ${kind}`, number(n, 0)]),
      ...status.refusals.map(({ meter, detail, time }) => [`Last refused${meter ? ` from ${meter}` : ""}`, `${detail} (${new Date(time).toLocaleString()})`, "bad"]),
      ...Object.entries(status.faults).map(([kind, n]) => [`Faults: ${kind}`, number(n, 0)]),
    ]);
    for (const [name, meter] of Object.entries(status.meters)) show(name, meter);
    for (const name of names) {
      silence(name, status.silent[name], name in status.meters);
      adapter(name, status.adapters[name]);
    }
    for (const name of Object.keys(status.meters)) await curve(name);
  } catch (why) {
    state.textContent = `the Concentrator does not answer (${why.message})`;
  }
  setTimeout(tick, STATUS_MS);
}
tick();

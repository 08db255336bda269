// Every sentence of the page. {name} is filled in.

const ENGLISH = {
  title: "Smart meters",
  meters: "Meters",
  chain: "The way of a reading",
  chainAbout: "Every box a reading passes on its way from the meter to this page, and how it is doing.",
  noMeters: "No reading has been stored yet. As soon as a Concentrator sends one, its meter appears here by itself.",
  live: "live",
  connecting: "connecting",
  lost: "no connection to the server, trying again",
  themeAuto: "Colours as the system",
  themeLight: "Light",
  themeDark: "Dark",
  drawn: "drawn from the grid",
  fed: "fed into the grid",
  even: "neither drawn nor fed in",
  noPower: "the meter sends no power",
  drawnShort: "Drawn",
  fedShort: "Fed in",
  today: "Today",
  todaySince: "Today, since {time}",
  totals: "Meter totals",
  reactive: "Reactive",
  phases: "Phases",
  phase: "Phase {n}",
  voltageBand: "{value}, inside 207 to 253 V",
  voltageOut: "{value}, outside 207 to 253 V",
  curve: "Power today",
  curveAbout: "Power today of {name}. {summary} Left and right arrow keys read it slice by slice.",
  curveSummary: "Highest mean {high}, lowest {low}.",
  curveNone: "No readings yet today.",
  noReading: "no reading",
  mean: "mean {value}",
  range: "{low} to {high}",
  reading: "Reading of {time}",
  byMeterClock: "meter's own clock",
  byAdapterClock: "clock of the adapter",
  clockWrong: "clock is wrong",
  authVerified: "authenticated",
  authUnverified: "tag not checked: no authentication key",
  stateLive: "live",
  stateSilent: "silent for {span}",
  saidSilent: "{name} is silent.",
  saidBack: "{name} sends readings again.",
  saidLost: "The connection to the server is lost.",
  saidFound: "The connection to the server is back.",
  boxMeter: "Meter",
  boxAdapter: "Adapter",
  boxConcentrator: "Concentrator",
  boxIngest: "Broker and ingest",
  boxStore: "Store",
  boxPage: "This page",
  "meter reads": "sends readings, the last one {span} ago",
  "meter silent": "silent for {span}: look at its adapter and the Concentrator next",
  "meter clock": "sends readings, but its clock is wrong by more than a day",
  "adapter online": "works",
  "adapter offline": "offline for {span}: no power, no network, or restarting",
  "adapter status is old": "has said nothing of itself for {span}",
  "adapter no status": "has not told its state yet",
  "concentrator online": "works and reaches the Cloud",
  "concentrator offline": "has not reached the Cloud for {span}; it keeps what it reads until it does",
  "concentrator status is old": "has said nothing of itself for {span}",
  "concentrator no status": "sends readings, but has not told its state yet",
  "ingest stores": "connected to the broker, stores what comes",
  "ingest no broker": "the broker cannot be used: {detail}",
  "ingest ended": "was ended {span} ago; readings wait at the Concentrators",
  "ingest silent": "has not been heard for {span}; readings wait at the Concentrators",
  "ingest receipts refused": "stores, but the broker refuses its receipts: Concentrators will send all again",
  "ingest never": "has never run on this store",
  "store keeps": "keeps {stored} readings in {size}",
  "store unreadable": "cannot be read: {detail}",
  "page live": "shows what is stored, without reload",
  "page lost": "has lost the server; what it shows is as of {time}",
  noAdapters: "none has told its state yet",
  noConcentrators: "none has been heard yet",
  deadLetters: "could not be stored: {n}; the table dead_letter has the newest, with the reason",
  dropped: "dropped, because its memory was full: {n}",
  spool: "waiting for the Cloud: {n}",
  details: "What it says of itself",
  ok: "fine",
  warn: "look at it",
  down: "does not work",
  unknown: "not known",
};

const LANGUAGES = { en: ENGLISH };

export let language = "en";

export function words(key, values = {}) {
  const text = LANGUAGES[language][key] ?? ENGLISH[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? "");
}

/** Whether there is a sentence of that name. */
export const has = (key) => key in ENGLISH;

/** Puts the language's words where the HTML asks for them. */
export function spell() {
  document.documentElement.lang = language;
  document.title = words("title");
  for (const element of document.querySelectorAll("[data-words]")) {
    element.textContent = words(element.dataset.words);
  }
}

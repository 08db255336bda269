// Provisioning a board, step by step: connect, image, firmware, answers, stages.

import { Board } from "./board.js";
import { Form } from "./form.js";
import * as image from "./image.js";
import { get, post, Wrong } from "./server.js";
import { Stages } from "./stages.js";
import { load, reason, say, speakOther, Trouble, words } from "./words.js";

const LINE_MS = 1000;
const CONSOLE_MAX = 500; // lines
const FIRST_BOOT_TRIES = 6; // it makes its file system first, which takes some seconds

const $ = (selector) => document.querySelector(selector);
const buttons = () => document.querySelectorAll("main button");

let catalog;
let form;
let board = null;
let watching = null; // the Stages of the present watch
let watched = Promise.resolve(); // fulfilled when that watch has ended

/** Runs one step; the others wait, and what goes wrong is shown. */
async function step(work) {
  for (const button of buttons()) button.disabled = true;
  watching = null;
  await watched;
  $("#trouble").hidden = true;
  try {
    await work();
  } catch (why) {
    if (!(why instanceof Wrong && form.refuse(why.question, why.message))) tell(reason(why));
  } finally {
    for (const button of buttons()) button.disabled = false;
  }
}

function tell(sentence) {
  $("#trouble").textContent = sentence;
  $("#trouble").hidden = false;
}

const show = (id, isShown = true) => {
  $(id).hidden = !isShown;
};

async function connect() {
  await board?.close();
  let port;
  try {
    port = await navigator.serial.requestPort();
  } catch {
    throw new Trouble("noPort");
  }
  board = new Board(port);
  await board.open();
  await look();
}

/** Asks the board what it has; the sections that it needs appear. */
async function look(tries) {
  const said = $("#connect .said");
  said.textContent = words("looking");
  show("#firmware", false);
  show("#answers", false);
  try {
    await board.enter(tries);
  } catch (why) {
    if (why.key !== "silent") throw why;
    said.textContent = words("noMicroPython");
    show("#image");
    return;
  }
  const version = values(await board.run(catalog.scripts.version));
  const { least, mpy } = catalog.micropython;
  const [major, minor] = (version.version ?? "0 0").split(" ").map(Number);
  const isOld = major < least[0] || (major === least[0] && minor < least[1]);
  if (isOld || Number(version.mpy) !== mpy) {
    said.textContent = words("otherMicroPython", { found: `${major}.${minor}`, least: least.join(".") });
    show("#image");
    return;
  }
  said.textContent = words("foundMicroPython", { found: `${major}.${minor}` });
  show("#image", false);
  show("#firmware");
  const isFlashed = (await board.run(catalog.scripts.isFlashed)).includes("yes");
  $("#firmware .said").textContent = isFlashed ? words("hasFirmware") : "";
  if (isFlashed) await ask();
}

/** Lines "name value" of a script's output. */
function values(output) {
  const lines = output.split("\n").map((line) => line.trim());
  return Object.fromEntries(lines.map((line) => [line.split(" ")[0], line.slice(line.indexOf(" ") + 1)]));
}

async function writeImage() {
  const file = $("#image input").files[0];
  if (!file) throw new Trouble("noImage");
  const bar = $("#image progress");
  bar.hidden = false;
  await board.close();
  try {
    await image.write(board.port, file, (part) => (bar.value = part));
  } finally {
    bar.hidden = true;
    await board.reopen();
  }
  await look(FIRST_BOOT_TRIES);
}

async function copyFirmware() {
  const bar = $("#firmware progress");
  [bar.value, bar.hidden] = [0, false];
  try {
    await board.enter();
    const pieces = await get("firmware.json");
    for (const [n, { file, script, shows }] of pieces.entries()) {
      const said = await board.run(script);
      if (!lines(said).includes(shows)) throw new Trouble("notCopied", { file });
      bar.value = (n + 1) / pieces.length;
    }
  } finally {
    bar.hidden = true;
  }
  $("#firmware .said").textContent = words("hasFirmware");
  await ask();
}

const lines = (output) => output.split("\n").map((line) => line.trim());

async function ask() {
  show("#answers");
  const found = { hasPsram: false, networks: [] };
  const strongest = new Map();
  for (const line of lines(await board.run(catalog.scripts.look))) {
    const [what, value, name] = line.split(" ");
    if (what === "memory") found.hasPsram = Number(value) >= catalog.psram;
    if (what === "network") {
      const ssid = fromHex(name);
      strongest.set(ssid, Math.max(Number(value), strongest.get(ssid) ?? -1000));
    }
  }
  strongest.delete(""); // a hidden network has no name
  found.networks = [...strongest].sort((a, b) => b[1] - a[1]).map(([name, dBm]) => ({ name, dBm }));
  form.surroundings(found);
}

const fromHex = (digits) =>
  new TextDecoder().decode(Uint8Array.from(digits?.match(/../g) ?? [], (pair) => parseInt(pair, 16)));

async function writeAnswers() {
  const { script, shows } = await post("settings", form.answers());
  await board.enter();
  const said = lines(await board.run(script));
  for (const [name, line] of Object.entries(shows)) {
    if (!said.includes(line)) throw new Error(say(catalog.notTaken.replace("{}", name)));
  }
  form.doubt([]);
  await board.start(catalog.scripts.restart);
  watched = watch();
}

/** Shows how far the adapter comes, until its first reading or until another step begins. */
async function watch() {
  const stages = new Stages(catalog);
  watching = stages;
  show("#stages");
  show("#stages .done", false);
  $("#stages .hints").replaceChildren();
  const heard = [];
  draw(stages);
  try {
    while (watching === stages && !stages.isDone) {
      const line = await board.line(LINE_MS);
      if (watching !== stages) return;
      if (line?.startsWith("adapter: ")) {
        heard.push(line.slice("adapter: ".length));
        $("#stages pre").textContent = heard.slice(-CONSOLE_MAX).join("\n");
        for (const { hint, questions } of stages.hear(line)) {
          advise(hint);
          form.doubt(questions);
        }
        draw(stages);
      }
      if (stages.silence) advise(stages.silence);
    }
  } catch (why) {
    tell(reason(why));
    return;
  }
  if (!stages.isDone) return;
  $("#stages .hints").replaceChildren();
  form.doubt([]);
  $("#stages .done").textContent = words("done", { id: catalog.id });
  show("#stages .done");
}

/** Shows a hint, once. */
function advise(hint) {
  const told = [...$("#stages .hints").children].map((item) => item.textContent);
  if (told.includes(say(hint))) return;
  const item = document.createElement("li");
  item.textContent = say(hint);
  $("#stages .hints").append(item);
}

function draw(stages) {
  $("#stages ol").replaceChildren(
    ...catalog.stages.map(({ name }) => {
      const item = document.createElement("li");
      item.textContent = words(`stage.${name}`);
      item.classList.toggle("reached", stages.has(name));
      if (stages.next?.name === name) item.setAttribute("aria-current", "step");
      return item;
    }),
  );
}

/** Where the image of each board is. */
function listImages() {
  const images = Map.groupBy(catalog.boards, ({ image }) => image);
  $("#image ul").replaceChildren(
    ...[...images].map(([name, boards]) => {
      const link = document.createElement("a");
      link.href = `https://micropython.org/download/${name}/`;
      link.target = "_blank";
      link.rel = "noreferrer";
      link.textContent = name;
      const item = document.createElement("li");
      item.append(link, `: ${boards.map(({ product }) => product).join(", ")}`);
      return item;
    }),
  );
}

async function begin() {
  await load();
  $("#language").addEventListener("click", speakOther);
  if (!navigator.serial) {
    show("#unsupported");
    show("#connect", false);
    return;
  }
  catalog = await get("catalog.json");
  form = new Form(catalog, $("#fields"));
  listImages();
  $("#connect button").addEventListener("click", () => step(connect));
  $("#image button").addEventListener("click", () => step(writeImage));
  $("#firmware button").addEventListener("click", () => step(copyFirmware));
  $("#answers form").addEventListener("submit", (event) => {
    event.preventDefault();
    step(writeAnswers);
  });
}

begin().catch((why) => tell(reason(why)));

// The questions as fields of a form. Which of them apply follows from the other answers.

import { base64, post } from "./server.js";
import { language, reason, say, words } from "./words.js";

// In the order of the terminal. A question of the catalog without a field here would be missing.
const FIELDS = [
  "board",
  "country",
  "meter",
  "meter.line",
  "meter.zone",
  "publish.what",
  "wifi.ssid",
  "wifi_password",
  "pairing",
  "broker.host",
  "broker.port",
  "broker.user",
  "broker_password",
  "broker_ca",
  "meter_key",
  "meter_auth_key",
];
// They only help to answer the others.
const HELPERS = ["country", "pairing"];

export class Form {
  #catalog;
  #fields = new Map();
  #found = { hasPsram: true, networks: [] };
  #files = {}; // answers that are files, in base64

  constructor(catalog, place) {
    this.#catalog = catalog;
    place.replaceChildren();
    for (const name of FIELDS) {
      const field = this.#field(name);
      this.#fields.set(name, field);
      place.append(field.box);
    }
    this.#list("board", catalog.boards.map(({ name, product }) => [name, `${name} (${product})`]));
    const nations = new Intl.DisplayNames([language], { type: "region" });
    const countries = catalog.countries.map((code) => [code, nations.of(code)]);
    countries.sort((a, b) => a[1].localeCompare(b[1], language));
    this.#list("country", [["", words("otherCountry")], ...countries]);
    const what = catalog.what.map(({ name, meaning }) => [name, `${name}: ${say(meaning)}`]);
    this.#list("publish.what", what);
    this.#propose("meter.zone", catalog.zones);
    for (const [name, text] of Object.entries(catalog.defaults)) this.#input(name).value = text;
    this.#listMeters();
    this.#apply();
  }

  /** Takes what the board has and hears. */
  surroundings(found) {
    this.#found = found;
    this.#propose("wifi.ssid", found.networks.map(({ name }) => name));
    this.#apply();
  }

  /** {question: text} of all that apply. */
  answers() {
    const found = { "meter.id": this.#catalog.id };
    for (const [name, field] of this.#fields) {
      if (field.box.hidden || HELPERS.includes(name)) continue;
      found[name] = this.#files[name] ?? field.input.value.trim();
      if (field.input.type === "file" && !this.#files[name]) found[name] = "";
    }
    return found;
  }

  /** Shows why an answer is refused; false if no field has that question. */
  refuse(question, sentence) {
    const field = this.#fields.get(question);
    if (!field || field.box.hidden) return false;
    this.#tell(field, sentence);
    field.input.focus();
    return true;
  }

  /** Marks the answers that may be wrong. */
  doubt(questions) {
    for (const [name, { box }] of this.#fields) {
      box.classList.toggle("doubtful", questions.includes(name));
    }
  }

  #input(name) {
    return this.#fields.get(name).input;
  }

  #field(name) {
    const question = this.#catalog.questions[name];
    const box = document.createElement("div");
    box.className = "field";
    const label = document.createElement("label");
    const said = say(question.text);
    label.textContent = said[0].toUpperCase() + said.slice(1);
    if (question.optional) label.textContent += ` (${words("optional")})`;
    const isChoice = ["board", "country", "meter", "publish.what"].includes(name);
    const input = document.createElement(isChoice ? "select" : "input");
    input.name = name;
    input.id = `answer-${name}`;
    label.htmlFor = input.id;
    if (this.#catalog.secrets.includes(name)) {
      input.type = "password";
      input.autocomplete = "new-password";
    } else if (name === "broker_ca") {
      input.type = "file";
    }
    const wrong = document.createElement("p");
    wrong.className = "wrong";
    wrong.setAttribute("role", "alert");
    const about = document.createElement("p");
    about.className = "about";
    box.append(label, input);
    const field = { box, input, wrong, about };
    input.addEventListener("input", () => this.#typed(name, field));
    input.addEventListener("change", () => {
      this.#check(name, field).catch((why) => this.#tell(field, reason(why)));
    });
    if (name === "pairing") box.append(this.#pairButton(field));
    box.append(about, wrong);
    return field;
  }

  /** While typing, not at its end: what moves when a button is pressed would make it miss. */
  #typed(name, field) {
    this.#tell(field, "");
    field.box.classList.remove("doubtful");
    if (name === "country") this.#listMeters();
    if (name === "country" || name === "meter") {
      const { "meter.zone": usual } = this.#catalog.defaults;
      this.#input("meter.zone").value = this.#family?.zone ?? usual;
    }
    this.#apply();
  }

  async #check(name, { input }) {
    if (input.type === "file") await this.#read(name, input.files[0]);
    else if (input.value && !HELPERS.includes(name)) {
      await post("check", { question: name, text: input.value.trim() });
    }
  }

  async #read(name, file) {
    delete this.#files[name];
    if (!file) return;
    const { der } = await post("certificate", { file: await base64(file) });
    this.#files[name] = der;
  }

  #pairButton(field) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words("pairButton");
    button.addEventListener("click", async () => {
      button.disabled = true;
      this.#tell(field, "");
      try {
        const code = { code: field.input.value, meter: this.#catalog.id };
        this.#paired(await post("pair", code));
      } catch (why) {
        this.#tell(field, reason(why));
      } finally {
        button.disabled = false;
      }
    });
    return button;
  }

  #paired({ host, port, user, password, ca }) {
    const found = { host, port: String(port), user };
    for (const [name, text] of Object.entries(found)) this.#input(`broker.${name}`).value = text;
    this.#input("broker_password").value = password;
    this.#files.broker_ca = ca;
    this.#input("pairing").value = "";
    this.#fields.get("pairing").about.textContent = words("paired", { host, port });
    this.#fields.get("broker_ca").about.textContent = words("paired", { host, port });
    for (const name of ["host", "port", "user"]) this.#tell(this.#fields.get(`broker.${name}`), "");
    this.#apply();
  }

  get #family() {
    return this.#catalog.families.find(({ name }) => name === this.#input("meter").value);
  }

  #listMeters() {
    const country = this.#input("country").value;
    const offered = this.#catalog.families.filter((family) => country && family.country === country);
    const named = offered.map(({ name, meters, operators }) => [
      name,
      operators ? `${meters} (${operators})` : meters,
    ]);
    this.#list("meter", [["", words("otherMeter")], ...named]);
  }

  /** Shows the questions that apply. */
  #apply() {
    const family = this.#family;
    const what = this.#catalog.what.find(({ name }) => name === this.#input("publish.what").value);
    const decrypts = this.#found.hasPsram || what.decrypts;
    const applies = {
      "meter.line": !family,
      "publish.what": !this.#found.hasPsram,
      wifi_password: Boolean(this.#input("wifi.ssid").value),
      broker_password: Boolean(this.#input("broker.user").value),
      meter_key: decrypts && (family?.key ?? true),
      meter_auth_key: decrypts && (family?.authenticationKey ?? true),
    };
    for (const [name, does] of Object.entries(applies)) this.#fields.get(name).box.hidden = !does;
    this.#fields.get("meter").about.textContent = family ? about(family) : "";
  }

  #list(name, entries) {
    this.#input(name).replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  }

  #propose(name, values) {
    const { box, input } = this.#fields.get(name);
    box.querySelector("datalist")?.remove();
    const list = document.createElement("datalist");
    list.id = `proposed-${name}`;
    list.append(...values.map((value) => new Option(value, value)));
    box.append(list);
    input.setAttribute("list", list.id);
  }

  #tell({ wrong, input }, sentence) {
    wrong.textContent = sentence;
    input.setAttribute("aria-invalid", sentence ? "true" : "false");
  }
}

function about({ port, line, wiring, keys, note }) {
  const parts = [
    words("aboutPort", { port: say(port), line: line && `, ${line}` }),
    words("aboutWiring", { wiring: say(wiring) }),
    words("aboutKeys", { keys: say(keys) }),
  ];
  if (note) parts.push(words("aboutNote", { note: say(note) }));
  return parts.join(" ");
}


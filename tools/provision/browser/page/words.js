// The page's texts in the selected language: words/en.json and words/de.json.
//
// "page" has the texts of this page by name. What Python says (questions, hints, reasons) comes in
// English; "sentences" of another language has its translations, and {} in them is any text.

const LANGUAGES = ["en", "de"];

/** Why something cannot go on: a text of the page. */
export class Trouble extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

let texts = { page: {}, sentences: {} };
let patterns = [];
export let language = "en";

export async function load() {
  const asked = localStorage.getItem("language") ?? navigator.language.slice(0, 2);
  language = LANGUAGES.includes(asked) ? asked : "en";
  texts = await (await fetch(`words/${language}.json`)).json();
  patterns = Object.entries(texts.sentences)
    .filter(([english]) => english.includes("{}"))
    .map(([english, other]) => [new RegExp(`^${english.split("{}").map(quoted).join("(.*)")}$`), other]);
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-words]")) {
    element.textContent = words(element.dataset.words);
  }
  document.title = words("title");
}

const quoted = (part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Switches the language; the page begins again. */
export function speakOther() {
  localStorage.setItem("language", LANGUAGES.find((name) => name !== language));
  location.reload();
}

export function words(key, values = {}) {
  return (texts.page[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? "");
}

/** What Python says, in the page's language. */
export function say(english) {
  if (texts.sentences[english]) return texts.sentences[english];
  for (const [pattern, other] of patterns) {
    const found = pattern.exec(english);
    if (found) {
      let n = 0;
      return other.replace(/\{\}/g, () => say(found[(n += 1)]));
    }
  }
  return english;
}

/** A sentence for any error. */
export const reason = (why) => (why.key ? words(why.key, why.values) : why.message);

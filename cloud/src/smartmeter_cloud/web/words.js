// The page's texts in the selected language.

import de from "./words/de.js";
import en from "./words/en.js";

const LANGUAGES = { en, de };

function first() {
  const kept = localStorage.getItem("language");
  const asked = kept ?? navigator.language.slice(0, 2);
  return asked in LANGUAGES ? asked : "en";
}

export const language = first();

/** For numbers and dates: the browser's own variant of the language, such as en-GB or fr-CH. */
export const locale = navigator.languages.find((name) => name.slice(0, 2) === language) ?? language;

/** Switches the language; the page is drawn again. */
export function speak(name) {
  localStorage.setItem("language", name);
  location.reload();
}

export const otherLanguage = () => Object.keys(LANGUAGES).find((name) => name !== language);

export function words(key, values = {}) {
  const text = LANGUAGES[language][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? "");
}

/** Whether there is a text with that name. */
export const has = (key) => Object.hasOwn(en, key);

/** Inserts the texts into the HTML. */
export function spell() {
  document.documentElement.lang = language;
  document.title = words("title");
  for (const element of document.querySelectorAll("[data-words]")) {
    element.textContent = words(element.dataset.words);
  }
}

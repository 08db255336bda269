// Logging in with a key, or with the one-time link that the server printed at its first start.

import { h } from "./dom.js";
import { words } from "./words.js";

async function open(token) {
  const answer = await fetch("v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  return answer.ok;
}

/** Resolves when the server accepts this page; until then it asks for a key. */
export async function enter(place) {
  const token = new URLSearchParams(location.hash.slice(1)).get("login");
  if (token) {
    history.replaceState(null, "", location.pathname); // the link must not stay in the address bar
    await open(token);
  }
  while (true) {
    const answer = await fetch("v1/session");
    if (answer.ok) return answer.json();
    if (answer.status === 401) await ask(place);
    else await new Promise((again) => setTimeout(again, 3000));
  }
}

function ask(place) {
  return new Promise((done) => {
    const input = h("input", { type: "password", name: "key", required: true, autocomplete: "current-password" });
    const wrong = h("p", { class: "wrong", role: "alert" });
    const form = h(
      "form",
      { class: "card login" },
      h("h2", {}, words("loginTitle")),
      h("p", { class: "about" }, words("loginAbout")),
      h("label", {}, h("span", {}, words("loginKey")), input),
      wrong,
      h("button", { class: "plain" }, words("loginSend")),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await open(input.value.trim())) {
        form.remove();
        done();
      } else {
        wrong.textContent = words("loginWrong");
        input.select();
      }
    });
    place.prepend(form);
    input.focus();
  });
}

export async function leave() {
  await fetch("v1/session", { method: "DELETE" });
  location.reload();
}

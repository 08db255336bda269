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
  let used = false;
  if (token) {
    history.replaceState(null, "", location.pathname); // the link must not stay in the address bar
    used = !(await open(token));
  }
  while (true) {
    const answer = await fetch("v1/session");
    if (answer.ok) return answer.json();
    if (answer.status === 401) await ask(place, used ? words("loginUsed") : "");
    else await new Promise((again) => setTimeout(again, 3000));
  }
}

function ask(place, said) {
  return new Promise((done) => {
    const others = [...place.children, document.querySelector("#link")].filter((element) => !element.hidden);
    for (const element of others) element.hidden = true;
    // Password managers keep a password below a name.
    const name = h("input", { type: "text", name: "username", value: location.host, autocomplete: "username", hidden: true });
    const input = h("input", { type: "password", name: "key", required: true, autocomplete: "current-password" });
    const wrong = h("p", { class: "wrong", role: "alert" }, said);
    const form = h(
      "form",
      { class: "card login" },
      h("h2", {}, words("loginTitle")),
      h("p", { class: "about" }, words("loginAbout")),
      name,
      h("label", {}, h("span", {}, words("loginKey")), input),
      wrong,
      h("button", { class: "plain primary" }, words("loginSend")),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await open(input.value.trim())) {
        form.remove();
        for (const element of others) element.hidden = false;
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

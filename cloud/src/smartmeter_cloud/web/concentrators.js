// For administrators: Concentrators, their households, certificates and invitations.

import { h, setText } from "./dom.js";
import * as format from "./format.js";
import { words } from "./words.js";

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

const day = (time) => format.moment(Date.parse(time));

/** One sentence about a Concentrator's certificate. */
function certificate({ certificates, invitations }) {
  const newest = certificates.at(-1);
  if (newest?.revoked) return words("certRevoked", { time: day(newest.revoked) });
  if (newest && Date.parse(newest.expires) < Date.now()) return words("certOver", { time: day(newest.expires) });
  if (newest) return words("certUntil", { time: day(newest.expires) });
  return invitations.length ? words("certInvited", { time: day(invitations.at(-1).expires) }) : words("certNone");
}

function row(one, revoke) {
  const valid = one.certificates.some((c) => !c.revoked) || one.invitations.length;
  const button = h("button", { type: "button", class: "plain small", hidden: !valid }, words("revoke"));
  button.addEventListener("click", () => revoke(one.id, button));
  return h(
    "li",
    {},
    h("strong", {}, one.id),
    h("span", {}, one.household ? words("household", { name: one.household }) : ""),
    h("span", {}, certificate(one)),
    button,
  );
}

/** Draws the section into its place and keeps it. */
export function administer(place) {
  const list = h("ul", { class: "concentrators" });
  const said = h("p", { role: "status" });
  const command = h("pre", { hidden: true });
  const field = (name, label, attributes) => h("label", {}, h("span", {}, words(label)), h("input", { name, ...attributes }));
  const id = { pattern: "[A-Za-z0-9._\\-]{1,64}", maxlength: "64", autocomplete: "off", spellcheck: "false" };
  const form = h(
    "form",
    { class: "tariff" },
    h("p", { class: "about" }, words("inviteAbout")),
    field("concentrator", "inviteId", { ...id, required: true }),
    field("household", "inviteHousehold", id),
    h("button", { class: "plain" }, words("invite")),
  );

  async function draw() {
    const all = await ask("GET", "v1/concentrators");
    list.replaceChildren(...all.map((one) => row(one, revoke)));
  }

  function failed(error) {
    setText(said, error.message);
    said.classList.add("wrong");
  }

  function told(text) {
    setText(said, text);
    said.classList.remove("wrong");
  }

  /** The first press asks, the second one revokes. */
  function revoke(name, button) {
    if (!button.dataset.sure) {
      button.dataset.sure = "yes";
      setText(button, words("revokeSure"));
      return;
    }
    ask("DELETE", `v1/concentrators/${name}/certificates`)
      .then(() => {
        command.hidden = true;
        told(words("revoked", { name }));
        return draw();
      })
      .catch(failed);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { concentrator, household } = Object.fromEntries(new FormData(form));
    ask("POST", `v1/concentrators/${concentrator}/invitations`, { household: household || null })
      .then(({ line, expires }) => {
        setText(command, `smartmeter-gateway enroll\n${line}`);
        command.hidden = false;
        command.tabIndex = 0; // so that a keyboard scrolls it
        told(words("invited", { name: concentrator, time: day(expires) }));
        form.reset();
        return draw();
      })
      .catch(failed);
  });

  const fold = h("details", { class: "card admin" }, h("summary", {}, words("administration")), list, form, said, command);
  fold.addEventListener("toggle", () => fold.open && draw().catch(failed));
  place.append(fold);
}

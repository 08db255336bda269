// The button that lets a person give a meter a name, and the field that it opens.

import { h, icon } from "./dom.js";
import * as format from "./format.js";
import { words } from "./words.js";

/** card: has id, title (an element), meter and call(label). */
export function rename(card) {
  const button = h("button", { type: "button", class: "plain small", "aria-label": words("rename"), title: words("rename") }, icon("pen"));
  button.addEventListener("click", () => ask(card));
  return button;
}

function ask(card) {
  const input = h("input", { maxlength: "80", "aria-label": words("rename"), placeholder: format.shortId(card.id) });
  input.value = card.meter?.label ?? "";
  const form = h("form", { class: "rename" }, input);
  let open = true; // removing the form is a blur, too
  const done = async (keep) => {
    if (!open) return;
    open = false;
    form.replaceWith(card.title);
    if (!keep || input.value.trim() === (card.meter?.label ?? "")) return;
    const answer = await fetch(`v1/meters/${encodeURIComponent(card.id)}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ label: input.value.trim() }),
    });
    if (answer.ok) card.call((await answer.json()).label);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    done(true);
  });
  input.addEventListener("blur", () => done(true));
  input.addEventListener("keydown", (event) => event.key === "Escape" && done(false));
  card.title.replaceWith(form);
  input.focus();
}

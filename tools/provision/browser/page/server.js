// What the page asks of the process that serves it.

import { Trouble, say } from "./words.js";

/** An answer that the process refuses, with the name of its question or "". */
export class Wrong extends Error {
  constructor({ question, wrong }) {
    super(say(wrong));
    this.question = question;
  }
}

export const get = (name) => ask(name, {});

/** body: an object, or bytes. */
export const post = (name, body) =>
  ask(name, { method: "POST", body: body instanceof Uint8Array ? body : JSON.stringify(body) });

async function ask(name, options) {
  const answer = await fetch(name, options).catch(() => {
    throw new Trouble("noServer");
  });
  if (answer.status === 422) throw new Wrong(await answer.json());
  if (!answer.ok) throw new Trouble("serverFailed", { why: await answer.text() });
  return answer.json();
}

/** A file's content in base64. */
export async function base64(file) {
  const data = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(data, (b) => String.fromCharCode(b)).join(""));
}

// Asking the server for JSON.

const PATIENCE = 20000; // ms; a server that hangs must not leave a question open for ever

/** The answer to GET v1/{path}. Throws if the server refuses, or does not answer in time. */
export async function getJson(path, query) {
  const answer = await fetch(`v1/${path}?${new URLSearchParams(query)}`, { signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  return answer.json();
}

/** The same of a meter, about [from, to) in ms. */
export const getHistory = (meter, name, { from, to }, query) =>
  getJson(`meters/${encodeURIComponent(meter)}/${name}`, { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...query });

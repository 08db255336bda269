// Energy of one meter in bars, with the gaps between them; the server computes it from the totals.

/** {zone, bars, gaps} of [from, to) in ms; by: quarter, hour, day or month. */
export async function askEnergy(meter, { from, to }, by) {
  const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), by });
  const answer = await fetch(`v1/meters/${encodeURIComponent(meter)}/energy?${query}`);
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  return answer.json();
}

/** {drawn, fed} in Wh of everything before then, by the middle of each bar: a day may have 25 hours. */
export function total({ bars, gaps }, until = Infinity) {
  const all = [...bars, ...gaps].filter(({ start, end }) => (start + end) / 2 <= until);
  const add = (name) => all.reduce((sum, one) => sum + (one[name] ?? 0), 0);
  return { drawn: add("drawn"), fed: add("fed") };
}

/** Whether there is any value with that name. */
export const has = ({ bars, gaps }, name) => [...bars, ...gaps].some((one) => one[name] !== null);

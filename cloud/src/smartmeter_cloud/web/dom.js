// Elements without HTML: a text always stays text.

const SVG = "http://www.w3.org/2000/svg";

/** h("p", {class: "x"}, "text", child): attributes that are null or false are left out. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets the text only if it differs, so as not to disturb a selection or a screen reader. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

const PATHS = {
  down: "M12 4v15m0 0-6-6m6 6 6-6",
  up: "M12 20V5m0 0-6 6m6-6 6 6",
  even: "M5 9h14M5 15h14",
  ok: "m5 12.5 4.5 4.5L19 7",
  warn: "M12 7v6m0 4v.01",
  down_: "M7 7l10 10M17 7 7 17",
  unknown: "M9 9a3 3 0 1 1 4.5 2.6c-.9.5-1.5 1-1.5 2m0 3.4v.01",
  meter: "M12 21a9 9 0 1 0-9-9M12 12l4-4M3 12a9 9 0 0 0 9 9",
  adapter: "M8 3v5m8-5v5M6 8h12v4a6 6 0 0 1-12 0Zm6 10v3",
  concentrator: "M5 12 12 5l7 7M7 10v9h10v-9M12 19v-5",
  ingest: "M12 3v10m0 0-4-4m4 4 4-4M4 15v4h16v-4",
  store: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3Zm0 0v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  pen: "m4 20 1-4L16 5l3 3L8 19Zm9.5-12.5 3 3",
  page: "M3 5h18v14H3Zm0 4h18",
  grid: "M8 21 12 3l4 18M5 8h14M6.5 12.5h11M9.3 15h5.4M10 12l-1 3 6 6m-1-9 1 3-6 6",
  house: "M4 11 12 4l8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
  sun: "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2-1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z",
};

/** One of the icons; always next to a text with the same meaning. */
export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    svg("path", { d: PATHS[name] }),
  );
}

// Draws openapi.json: the requests, their parameters, and the answers.

import { h } from "../dom.js";

const DEPTH_MAX = 6; // of an example

let schemas = {};

function resolve(schema) {
  return schema?.$ref ? schemas[schema.$ref.split("/").pop()] ?? {} : schema ?? {};
}

/** A value that fits a schema, from its own examples if there are any. */
function example(given, depth = 0) {
  const schema = resolve(given);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choice) return example(choice[0], depth);
  if (depth > DEPTH_MAX) return null;
  if (schema.type === "array") {
    return (schema.prefixItems ?? [schema.items]).filter(Boolean).map((item) => example(item, depth + 1));
  }
  if (schema.type === "object") {
    const fields = Object.entries(schema.properties ?? {});
    return Object.fromEntries(fields.map(([name, field]) => [name, example(field, depth + 1)]));
  }
  if (schema.default !== undefined) return schema.default;
  if (schema.type === "null") return null;
  if (schema.format === "date-time") return "2026-11-22T21:10:05+01:00";
  return { integer: 1, number: 1.5, boolean: false, null: null }[schema.type] ?? "text";
}

/** A schema's type in a few words. */
function type(given) {
  const schema = resolve(given);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return choice.map(type).join(" or ");
  if (schema.type === "array") return `list of ${type(schema.items)}`;
  const bounds = [
    schema.minimum !== undefined ? `from ${schema.minimum}` : "",
    schema.maximum !== undefined ? `to ${schema.maximum}` : "",
    schema.maxLength !== undefined ? `up to ${schema.maxLength} letters` : "",
  ];
  return [schema.title && schema.type === "object" ? schema.title : schema.format ?? schema.type ?? "any", ...bounds]
    .filter(Boolean)
    .join(" ");
}

function table(head, rows) {
  if (!rows.length) return null;
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.map((cells) => h("tr", {}, ...cells.map((cell) => h("td", {}, cell))))),
  );
}

const code = (text) => h("code", {}, text);
const shown = (value) => h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2));

function fields(given) {
  const schema = resolve(given);
  const needed = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, field]) => [
    code(name),
    type(field) + (needed.has(name) ? "" : ", optional"),
    field.description ?? resolve(field).description ?? "",
  ]);
}

function contents(content) {
  return Object.entries(content ?? {}).flatMap(([media, { schema }]) => {
    if (!media.includes("json")) return [h("p", {}, code(media))];
    const inner = resolve(schema).type === "array" ? resolve(schema).items : schema;
    return [h("p", {}, code(media)), table(["Field", "Type", "Meaning"], fields(inner)), shown(example(schema))];
  });
}

function draw(method, path, operation) {
  const parameters = (operation.parameters ?? []).map((p) => [
    code(p.name),
    `${p.in}, ${type(p.schema)}${p.required ? "" : ", optional"}`,
    p.description ?? "",
  ]);
  const errors = Object.entries(operation.responses).filter(([status]) => status >= "400");
  const good = Object.entries(operation.responses).filter(([status]) => status < "400");
  const ways = (operation.security ?? []).flatMap((way) => Object.keys(way));
  const paragraphs = (operation.description ?? "").split("\n\n").filter(Boolean);
  return h(
    "details",
    { class: "operation", id: operation.operationId },
    h("summary", {}, h("span", { class: "method" }, method.toUpperCase()), " ", code(path), " ", operation.summary),
    h(
      "div",
      { class: "body" },
      ...paragraphs.map((text) => h("p", {}, text)),
      h("p", {}, ways.length ? `Needs one of: ${ways.join(", ")}.` : "Needs no key."),
      parameters.length ? h("h4", {}, "Parameters") : null,
      table(["Name", "Where and what", "Meaning"], parameters),
      operation.requestBody ? h("h4", {}, "Body") : null,
      operation.requestBody?.description ? h("p", {}, operation.requestBody.description) : null,
      ...contents(operation.requestBody?.content),
      ...good.flatMap(([status, answer]) => [h("h4", {}, `Answer ${status}`), answer.description === "Successful Response" ? null : h("p", {}, answer.description), ...contents(answer.content)]),
      errors.length ? h("h4", {}, "Errors") : null,
      table(["Status", "Why"], errors.map(([status, answer]) => [status, answer.description])),
    ),
  );
}

async function show(place) {
  const answer = await fetch("../openapi.json");
  const api = await answer.json();
  schemas = api.components?.schemas ?? {};
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  place.replaceChildren(
    ...api.info.description.split("\n\n").map((text) => h("p", { class: "about" }, text)),
    ...api.tags.map(({ name, description }) =>
      h(
        "section",
        { "aria-label": name },
        h("h2", {}, name),
        h("p", { class: "about" }, description),
        ...operations
          .filter(({ operation }) => operation.tags?.includes(name))
          .map(({ method, path, operation }) => draw(method, path, operation)),
      ),
    ),
  );
}

const place = document.querySelector("main");
show(place).catch((error) => place.replaceChildren(h("p", { class: "notice", role: "alert" }, `openapi.json cannot be read: ${error.message}`)));

/** The reference page: what /v1/openapi.json says, for people. Makes elements, and never markup out of text. */

/**
 * @typedef {{ [key: string]: any }} Described  a part of an OpenAPI 3.1 document
 * @typedef {string | Node} Part
 */

const SCHEMA = "#/components/schemas/";
/** @type {{ [standing: string]: string }} */
const WHO = {
  nobody: "anybody",
  patient: "patients",
  doctor: "doctors",
  guest: "guests",
  "its-patient": "the consultation's patient",
  "its-doctor": "the doctor who claimed it",
  "its-guest": "guests invited to it",
};

/**
 * @param {string} name
 * @param {{ [attribute: string]: string }} attributes
 * @param {...Part} parts
 */
function h(name, attributes, ...parts) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...parts);
  return element;
}

/** @param {string} id */
const place = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** What stands between backticks is what somebody would type. @param {string} text @returns {Part[]} */
function prose(text) {
  return text.split("`").map((part, i, parts) => (i % 2 === 1 && i < parts.length - 1 ? h("code", {}, part) : part));
}

/** @param {string[]} standings */
function who(standings) {
  if (standings.includes("nobody")) return "For anybody";
  // Who may call it for any consultation is more than who may for their own.
  const told = standings.filter((each) => !each.startsWith("its-") || !standings.includes(each.slice("its-".length)));
  return `For ${told.map((each) => WHO[each] ?? each).join(", ")}`;
}

/**
 * A schema in one line: its type and limits, or a link to where it is described.
 * @param {Described} schema
 * @returns {Part[]}
 */
function oneLine(schema) {
  if (schema.$ref) {
    const name = schema.$ref.slice(SCHEMA.length);
    return [h("a", { href: `#schema-${name}` }, name)];
  }
  const either = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (either) return either.flatMap((/** @type {Described} */ each, /** @type {number} */ i) => (i ? [" or ", ...oneLine(each)] : oneLine(each)));
  if (schema.type === "array") return ["list of ", ...oneLine(schema.items ?? {})];
  if (schema.type === "object" && typeof schema.additionalProperties === "object") return ["map of ", ...oneLine(schema.additionalProperties)];
  if (schema.enum) return [schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(", ")];
  if ("const" in schema) return [JSON.stringify(schema.const)];
  return [[schema.type ?? "anything", schema.format, ...limits(schema)].filter(Boolean).join(", ")];
}

/** @param {Described} schema */
function limits(schema) {
  const said = [];
  if (schema.minLength ?? schema.maxLength) said.push(`${schema.minLength ?? 0} to ${schema.maxLength ?? "any number of"} characters`);
  if ("minimum" in schema) said.push(`at least ${schema.minimum}`);
  if ("maximum" in schema) said.push(`at most ${schema.maximum}`);
  if (schema.pattern) said.push(`pattern ${schema.pattern}`);
  return said;
}

/**
 * @param {string} caption
 * @param {string[]} columns
 * @param {Part[][][]} rows
 */
function table(caption, columns, rows) {
  const head = h("tr", {}, ...columns.map((column) => h("th", { scope: "col" }, column)));
  const body = rows.map(([first, ...others]) =>
    h("tr", {}, h("th", { scope: "row" }, ...(first ?? [])), ...others.map((parts) => h("td", {}, ...parts))));
  const made = h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, head), h("tbody", {}, ...body));
  return h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, made);
}

/**
 * @param {string} name
 * @param {Described} schema
 */
function schemaArticle(name, schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([member, each]) => [
    [h("code", {}, member)],
    oneLine(each),
    [required.has(member) ? "yes" : "no"],
    prose(each.description ?? ""),
  ]);
  const article = h("article", { id: `schema-${name}` }, h("h3", {}, name));
  if (schema.description) article.append(h("p", {}, ...prose(schema.description)));
  if (rows.length) article.append(table(`Members of ${name}`, ["Member", "Type", "Required", "Meaning"], rows));
  else article.append(h("p", {}, ...oneLine(schema)));
  return article;
}

/** @param {Described} content by media type @returns {Part[]} */
function bodies(content) {
  return Object.entries(content).flatMap(([type, { schema }], i) => {
    const said = schema && Object.keys(schema).length ? [": ", ...oneLine(schema)] : [];
    return [i ? ", " : "", h("code", {}, type), ...said];
  });
}

/**
 * @param {string} path
 * @param {string} method
 * @param {Described} operation
 */
function endpointArticle(path, method, operation) {
  const title = h("h3", {}, h("span", { class: "method" }, method.toUpperCase()), h("code", {}, path));
  const article = h("article", { id: operation.operationId }, title, h("p", {}, ...prose(operation.summary)));
  article.append(h("p", { class: "who" }, `${who(operation["x-who"] ?? [])}. Operation ${operation.operationId}.`));
  if (operation.parameters) {
    const rows = operation.parameters.map((/** @type {Described} */ each) => [
      [h("code", {}, each.name)],
      [each.in],
      oneLine(each.schema),
      [each.required ? "yes" : "no"],
      prose(each.description ?? ""),
    ]);
    article.append(h("h4", {}, "Parameters"));
    article.append(table(`Parameters of ${operation.operationId}`, ["Name", "In", "Type", "Required", "Meaning"], rows));
  }
  if (operation.requestBody) article.append(h("h4", {}, "Body"), h("p", {}, ...bodies(operation.requestBody.content)));
  const answers = Object.entries(operation.responses).map(([status, answer]) => [
    [status],
    prose(answer.description),
    answer.content ? bodies(answer.content) : ["nothing"],
  ]);
  article.append(h("h4", {}, "Answers"), table(`Answers of ${operation.operationId}`, ["Status", "Meaning", "Content"], answers));
  return article;
}

/**
 * Operations by their tag, tags in the document's order.
 * @param {Described} document
 */
function grouped(document) {
  /** @type {Map<string, {path: string, method: string, operation: Described}[]>} */
  const groups = new Map((document.tags ?? []).map((/** @type {Described} */ { name }) => [name, []]));
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(/** @type {Described} */ (methods))) {
      const tag = operation.tags?.[0] ?? "Other";
      groups.set(tag, [...(groups.get(tag) ?? []), { path, method, operation }]);
    }
  }
  return groups;
}

/** @param {Described} document */
function show(document) {
  for (const [tag, operations] of grouped(document)) {
    const id = `tag-${tag.toLowerCase().replace(/[^a-z]+/g, "-")}`;
    const links = operations.map(({ path, method, operation }) =>
      h("li", {}, h("a", { href: `#${operation.operationId}` }, `${method.toUpperCase()} ${path}`)));
    place("contents").append(h("h2", {}, h("a", { href: `#${id}` }, tag)), h("ul", {}, ...links));
    place("endpoints").append(h("section", { "aria-labelledby": id }, h("h2", { id }, tag),
      ...operations.map(({ path, method, operation }) => endpointArticle(path, method, operation))));
  }
  for (const [name, schema] of Object.entries(document.components.schemas)) place("schemas").append(schemaArticle(name, schema));
  place("contents").hidden = place("schemas").hidden = false;
  const version = `Version ${document.info.version}; paths are under ${document.servers[0].url}. `;
  place("about").replaceChildren(version, ...prose(document.info.description), " ", h("a", { href: "v1/openapi.json" }, "As OpenAPI 3.1"), ".");
  if (location.hash) place(location.hash.slice(1))?.scrollIntoView();
}

async function read() {
  try {
    const answer = await fetch("v1/openapi.json");
    if (!answer.ok) throw new Error(`${answer.status}`);
    show(await answer.json());
  } catch {
    place("about").textContent = "There is no description here: this server has no login, and so no consultations.";
  }
}

void read();

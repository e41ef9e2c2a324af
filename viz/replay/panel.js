// What stands beside the picture: the step in formulas and numbers, and the details of one value.

const MOST_CELLS = 16; // leaves, or values that pass the border of a module
const MOST_STEPS = 60; // listed of a closed module

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Numbers: one, a small array in full, or what a large one is like. */
function numbersOf(shown) {
  if (!shown) return element("span", { class: "unknown" }, "not recorded");
  const marks = shown.bad ? [element("strong", { class: "alarm" }, `! ${shown.bad}`)] : [];
  if (shown.text !== undefined) return element("span", { class: "number", title: shown.exact ?? "" }, shown.text, ...marks);
  if (shown.list) {
    const items = shown.list.map((text) => element("span", {}, text));
    return element("span", { class: "matrix vector" }, ...items, ...marks);
  }
  if (shown.rows) {
    const label = `array of shape ${shown.shape}`;
    if (shown.rows[0].length > 5) {
      // long rows are broken rather than cut off
      const broken = shown.rows.map((row) => element("span", { class: "vector" }, ...row.map((text) => element("span", {}, text))));
      return element("span", { class: "matrix", role: "group", "aria-label": label }, ...broken, ...marks);
    }
    const rows = shown.rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))));
    const table = element("table", { "aria-label": label }, element("tbody", {}, ...rows));
    return element("span", { class: "matrix" }, table, ...marks);
  }
  const facts = ["min", "mean", "max", "norm"].filter((name) => shown[name] !== undefined);
  const list = facts.flatMap((name) => [element("dt", {}, name === "norm" ? "‖·‖" : name), element("dd", {}, shown[name])]);
  const shape = element("span", { class: "shape" }, shown.shape);
  return element("span", { class: "summary" }, shape, element("dl", {}, ...list), ...marks);
}

function cell(kind, role, shown, label) {
  const [above, below] = [element("span", { class: "role" }, role), element("span", { class: "label" }, label)];
  return element("div", { class: `cell ${kind}` }, above, numbersOf(shown), below);
}

function sign(text) {
  return element("span", { class: "operator", "aria-hidden": "true" }, text);
}

/** A row of cells; each sign stays with the cell behind it. */
function equation(...parts) {
  const row = element("div", { class: "equation" });
  let held = null;
  for (const part of parts.filter(Boolean)) {
    if (part.classList.contains("operator")) held = part;
    else {
      row.append(held ? element("div", { class: "pair" }, held, part) : part);
      held = null;
    }
  }
  if (held) row.append(held);
  return row;
}

/** upstream × local = downstream, or what takes its place. */
function termOf(term, step) {
  const parts = [cell("gradient", "upstream", term.upstream, step.own)];
  if (term.product) {
    const label = term.formula ? `${term.local_name} = ${term.formula}` : term.local_name;
    parts.push(sign("×"), cell("local", "local gradient", term.local, label));
  } else parts.push(sign("→"), ruleCell("vector–Jacobian product", term.formula, `g is ${step.own}`));
  if (term.unsummed) {
    parts.push(sign("="), cell("gradient", "before the sum", term.unsummed, ""));
    parts.push(sign("→"), ruleCell("broadcast, so summed", term.summed, ""));
  }
  const label = term.part ? `part of ${term.gradient}` : term.gradient;
  parts.push(sign("="), cell("gradient", "downstream", term.downstream, label));
  const notes = term.notes.map((note) => element("p", { class: "note" }, note));
  if (term.rule) notes.unshift(element("p", { class: "note" }, "the declared rule: ", element("code", {}, term.rule)));
  return element("div", { class: "term" }, element("h3", {}, `to ${term.name}`), equation(...parts), ...notes);
}

function ruleCell(role, formula, label) {
  const inside = [element("span", { class: "role" }, role), element("span", { class: "formula" }, formula)];
  return element("div", { class: "cell local" }, ...inside, element("span", { class: "label" }, label));
}

function sumOf(step) {
  const terms = step.terms.map((term) => cell("gradient", term.formula, term.downstream, ""));
  const parts = terms.flatMap((term, i) => [i ? sign("+") : null, term]);
  return equation(...parts, sign("="), cell("gradient total", "the sum", step.total, step.own));
}

/** The first values, or the last gradients, of the leaves. */
function leavesOf(step, nodes) {
  const first = step.phase === "start";
  const cells = step.leaves.slice(0, MOST_CELLS).map((key) => {
    const node = nodes[key];
    return first ? cell("value", "", node.value, node.name) : cell("gradient", "", node.gradient, node.partial);
  });
  const more = step.leaves.length - cells.length;
  return [equation(...cells), more > 0 ? element("p", { class: "note" }, `and ${more} more`) : null].filter(Boolean);
}

/** Everything about one step. */
function panelOf(step, nodes, number, count) {
  const phase = { start: "Start", forward: "Forward", end: "End" }[step.phase] ?? "Backward";
  const chip = element("span", { class: "chip" }, phase);
  const head = element("p", { class: `phase ${step.phase}` }, chip, ` step ${number} of ${count}`);
  const body = [element("h2", {}, step.title)];
  if (step.gate && step.phase === "backward")
    body.push(element("p", { class: "law" }, element("strong", {}, `${step.role}: `), step.gate));
  if (step.phase === "forward") {
    const given = step.equation ? [element("span", { class: "formula" }, step.equation), sign("=")] : [];
    body.push(equation(...given, cell("value", "value", step.total, step.name)));
  }
  if (step.phase === "seed") body.push(equation(cell("gradient", step.why, step.total, step.own)));
  if (step.phase === "failed") body.push(equation(cell("gradient", "the gradient that came", step.total, step.own)));
  if (step.phase === "sum") body.push(sumOf(step));
  if (step.phase === "backward") body.push(...step.terms.map((term) => termOf(term, step)));
  if (step.phase === "backward" && !step.terms.length) body.push(element("p", {}, "It sends nothing back."));
  if (step.phase === "start" || step.phase === "end") body.push(...leavesOf(step, nodes));
  if (step.phase !== "end") body.push(...step.notes.map((note) => element("p", { class: "note warning" }, note)));
  return [head, ...body];
}

/** A step that goes through a closed module at once: what comes in, what goes out, and the steps inside. */
function moduleOf(box, steps, crossing, number, count, onOpen, onJump) {
  const back = steps[0].step.phase !== "forward";
  const chip = element("span", { class: "chip" }, back ? "Backward" : "Forward");
  const kind = back ? "gradient" : "value";
  const cells = (title, items) => [
    element("h3", {}, title),
    equation(...items.slice(0, MOST_CELLS).map(({ label, shown }) => cell(kind, "", shown, label))),
    items.length > MOST_CELLS ? element("p", { class: "note" }, `and ${items.length - MOST_CELLS} more`) : null,
  ];
  const items = steps.slice(0, MOST_STEPS).map(({ step, index }) =>
    element("li", {}, element("button", { class: "link", onclick: () => onJump(index) }, step.title)),
  );
  if (steps.length > MOST_STEPS) items.push(element("li", {}, `and ${steps.length - MOST_STEPS} more`));
  const text = `It is closed: ${steps.length === 1 ? "one step" : `${steps.length} steps`} at once. `;
  return [
    element("p", { class: `phase ${back ? "backward" : "forward"}` }, chip, ` step ${number} of ${count}`),
    element("h2", {}, `${back ? "Back through" : "Through"} ${calledBox(box)}`),
    ...(crossing.given.length ? cells(back ? "upstream" : "in", crossing.given) : []),
    ...(crossing.sent.length ? cells(back ? "downstream" : "out", crossing.sent) : []),
    element("h3", {}, "inside"),
    element("p", {}, text, element("button", { onclick: onOpen }, "Open it")),
    element("ol", { class: "inner" }, ...items),
  ].filter(Boolean);
}

/** What is known of one value at this moment. */
function detailsOf(node, known, onJump) {
  const rows = node.facts.map(([name, text]) => [name, text]);
  rows.push(["value", known.value ? numbersOf(node.value) : element("span", { class: "unknown" }, "not computed yet")]);
  if (node.required) {
    const gradient = node.gradient ? numbersOf(node.gradient) : element("span", { class: "unknown" }, node.state);
    rows.push(["gradient", known.gradient ? gradient : element("span", { class: "unknown" }, "not yet")]);
  } else rows.push(["gradient", element("span", { class: "unknown" }, "not required")]);
  const list = rows.flatMap(([name, content]) => [element("dt", {}, name), element("dd", {}, content)]);
  const jumps = node.steps.map(([name, index]) => element("button", { onclick: () => onJump(index) }, name));
  return [element("h2", {}, node.name), element("dl", { class: "facts" }, ...list), element("p", { class: "jumps" }, ...jumps)];
}

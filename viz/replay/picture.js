// The picture: Python has drawn each node; here nodes are put in their places, and wires and boxes drawn between.

const SVG = "http://www.w3.org/2000/svg";

function svgElement(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

class Picture {
  constructor(graph, world, onToggle) {
    this.graph = graph;
    this.onToggle = onToggle;
    this.open = new Set(graph.open);
    this.nodes = graph.nodes.map((_, key) => document.getElementById(`n${key}`));
    this.labels = new Map(Object.keys(graph.labels).map((key) => [+key, document.getElementById(`l${key}`)]));
    this.boxLayer = world.querySelector("#boxes");
    this.wireLayer = world.querySelector("#wires");
    this.captionLayer = world.querySelector("#captions");
    this.boxes = graph.boxes.map((box) => (box.key ? this.boxElements(box) : null));
    this.wires = graph.edges.map((edge) => this.wireElement(edge));
    this.place();
  }

  isVisible(key) {
    return key === 0 || (this.open.has(key) && this.isVisible(this.graph.boxes[key].parent));
  }

  /** The outermost closed box around something in a box, or null where it is to be seen. */
  closedAround(key) {
    let found = null;
    for (let box = key; box; box = this.graph.boxes[box].parent) if (!this.open.has(box)) found = box;
    return found;
  }

  /** Open what is around something. */
  reveal(key) {
    for (let box = key; box; box = this.graph.boxes[box].parent) this.open.add(box);
    this.place();
  }

  toggle(key) {
    if (this.open.has(key)) this.open.delete(key);
    else this.open.add(key);
    this.place();
    this.onToggle(key);
  }

  toggleAll(open) {
    this.open = new Set(open ? this.graph.boxes.slice(1).map((box) => box.key) : []);
    this.place();
  }

  boxElements(box) {
    const frame = svgElement("rect", { class: "pb-frame frame", rx: 10 });
    const stack = svgElement("rect", { class: "pb-frame stack", rx: 10 });
    const body = svgElement("rect", { class: "pb-frame body", rx: 10 });
    const name = svgElement("text", { class: "pb-ink name", "font-size": 13, "font-weight": 600 });
    const count = svgElement("text", { class: "pb-muted count", "font-size": 11 });
    const sign = svgElement("path", { class: "sign" });
    const ground = svgElement("rect", { class: "pb-caption ground", rx: 5 });
    const group = svgElement("g", { class: "box", role: "button", tabindex: 0 }, stack, body, ground, sign, name, count);
    count.textContent = box.text;
    group.addEventListener("click", () => this.toggle(box.key));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.toggle(box.key);
    });
    this.boxLayer.append(frame);
    return { frame, group, stack, body, name, count, sign, ground };
  }

  wireElement(edge) {
    const kind = edge.required ? "wire" : "faint";
    const line = svgElement("path", { class: `pb-${kind} line`, fill: "none" });
    const tip = svgElement("path", { class: `pb-${kind}-tip tip` });
    const back = svgElement("path", { class: "back" });
    const group = svgElement("g", { class: `wire${edge.required ? "" : " idle"}` }, line, tip, back);
    this.wireLayer.append(group);
    return { group, line, tip, back };
  }

  place() {
    const { graph } = this;
    const isOpen = (box) => this.open.has(box.key);
    this.placed = layOut(graph, isOpen);
    graph.nodes.forEach((_, key) => this.moved(this.nodes[key], this.placed.nodes.get(key)));
    for (const [key, element] of this.labels) this.moved(element, this.placed.labels.get(key));
    graph.edges.forEach((_, key) => this.placeWire(key));
    const shown = graph.boxes.slice(1).filter((box) => this.placed.boxes.has(box.key));
    this.boxes.forEach((elements) => elements?.frame.setAttribute("display", "none"));
    this.captionLayer.replaceChildren(...shown.map((box) => this.placeBox(box)));
  }

  moved(element, at) {
    if (!at) return element.setAttribute("display", "none");
    element.removeAttribute("display");
    element.setAttribute("transform", `translate(${round(at[0])} ${round(at[1])})`);
  }

  placeBox(box) {
    const { x, y, width, height, open } = this.placed.boxes.get(box.key);
    const { frame, group, stack, body, name, count, sign, ground } = this.boxes[box.key];
    const [left, top] = [round(x - width / 2), round(y - height / 2)];
    const sizes = { x: left, y: top, width: round(width), height: round(height) };
    if (open) {
      frame.removeAttribute("display");
      for (const [key, value] of Object.entries(sizes)) frame.setAttribute(key, value);
    }
    for (const [key, value] of Object.entries(sizes)) body.setAttribute(key, value);
    for (const [key, value] of Object.entries({ ...sizes, x: left + 4, y: top + 4 })) stack.setAttribute(key, value);
    for (const element of [stack, body, count]) element.setAttribute("display", open ? "none" : "inline");
    ground.setAttribute("display", open ? "inline" : "none");
    for (const [key, value] of Object.entries({ x: left + 5, y: top + 4, width: box.captionWidth - 10, height: 18 }))
      ground.setAttribute(key, value);
    name.textContent = open && box.what === "module" && box.parent === 0 ? `module ${box.name}` : box.name;
    const middle = top + height / 2;
    const row = open ? top + 13 : middle - 7;
    name.setAttribute("x", left + 28);
    name.setAttribute("y", open ? top + 17 : middle - 3);
    count.setAttribute("x", left + 28);
    count.setAttribute("y", middle + 13);
    const [cx, cy] = [left + 16, open ? row : middle - 7];
    sign.setAttribute("d", `M${cx - 4} ${cy}h8${open ? "" : `M${cx} ${cy - 4}v8`}M${cx - 7} ${cy - 7}h14v14h-14z`);
    group.setAttribute("aria-expanded", open);
    group.setAttribute("aria-label", `${calledBox(box)}, ${box.text}`);
    group.classList.toggle("open", open);
    return group;
  }

  placeWire(key) {
    const { group, line, tip, back } = this.wires[key];
    const points = this.placed.wires.get(key);
    if (!points) return group.setAttribute("display", "none");
    group.removeAttribute("display");
    const [x, y] = points.at(-1);
    const across = this.graph.style === "circuit";
    const stop = across ? [x - 5, y] : [x, y - 5];
    const drawn = [...points.slice(0, -1), stop];
    let path = `M${round(drawn[0][0])} ${round(drawn[0][1])}`;
    for (let i = 1; i + 2 < drawn.length; i += 3)
      path += `C${drawn.slice(i, i + 3).map(([a, b]) => `${round(a)} ${round(b)}`).join(" ")}`;
    line.setAttribute("d", path);
    tip.setAttribute("d", across ? arrow(x, y, -7.5, 0) : arrow(x, y, 0, -7.5));
    const [a, b] = points[0];
    back.setAttribute("d", across ? arrow(a, b, 10, 0) : arrow(a, b, 0, 10));
  }
}

function arrow(x, y, du, dv) {
  const [su, sv] = [-dv / 2, du / 2];
  return `M${round(x)} ${round(y)}L${round(x + du + su)} ${round(y + dv + sv)}L${round(x + du - su)} ${round(y + dv - sv)}z`;
}

/** A box in words: "module layer1.0", "stretch 2". */
function calledBox(box) {
  return box.what === "module" ? `module ${box.path}` : box.path;
}

function round(x) {
  return Math.round(10 * x) / 10;
}

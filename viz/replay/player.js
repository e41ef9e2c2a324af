// The replay itself: which step it is, what is known by then, and the ways to go on.

class Player {
  constructor(graph) {
    this.graph = graph;
    this.sentences = [...document.querySelectorAll("#words li")];
    graph.steps.forEach((step, index) => (step.text = this.sentences[index].textContent));
    this.at = 0; // the number of a step, as Python counts them
    this.detail = null;
    this.found = [];
    this.canvas = document.getElementById("canvas");
    const world = document.getElementById("world");
    this.view = new View(this.canvas, world);
    this.picture = new Picture(graph, world, (key) => this.onToggled(key));
    this.slider = document.getElementById("slider");
    this.regroup();
    this.resize();
    this.connect();
    this.go(0, { quiet: true });
  }

  // steps, as they are seen: those in a closed module are one

  regroup() {
    this.groups = [];
    this.graph.steps.forEach((step, index) => {
      const box = step.node === null ? null : this.picture.closedAround(this.graph.nodes[step.node].box);
      const last = this.groups.at(-1);
      const way = step.phase === "forward" ? "forward" : "backward";
      if (box !== null && last && last.box === box && last.way === way) last.to = index;
      else this.groups.push({ from: index, to: index, box, way });
    });
    this.slider.max = this.groups.length - 1;
    const first = this.groups.findIndex((group) => this.graph.steps[group.from].phase === "seed");
    const share = first < 0 ? 100 : (100 * first) / Math.max(this.groups.length - 1, 1);
    this.slider.style.setProperty("--turn", `${share}%`);
  }

  get place() {
    return this.groups.findIndex((group) => group.from <= this.at && this.at <= group.to);
  }

  goTo(place, options) {
    const group = this.groups[Math.max(0, Math.min(place, this.groups.length - 1))];
    this.go(group.to, options);
  }

  /** Show a step; a quiet one is not announced. */
  go(index, { quiet = false, follow = true } = {}) {
    this.at = index;
    const place = this.place;
    const group = this.groups[place];
    this.at = group.to;
    const step = this.graph.steps[this.at];
    this.slider.value = place;
    const text = group.box === null ? step.text : `Through ${calledBox(this.graph.boxes[group.box])}, which is closed.`;
    this.slider.setAttribute("aria-valuetext", `Step ${place + 1} of ${this.groups.length}: ${step.title}`);
    document.getElementById("count").textContent = `${place + 1} / ${this.groups.length}`;
    const panel = document.getElementById("panel");
    if (group.box === null) panel.replaceChildren(...panelOf(step, this.graph.nodes, place + 1, this.groups.length));
    else {
      const inner = this.graph.steps.slice(group.from, group.to + 1).map((s, i) => ({ step: s, index: group.from + i }));
      const jump = (target) => this.jump(target);
      panel.replaceChildren(
        ...moduleOf(
          this.graph.boxes[group.box], inner, this.crossing(group), place + 1, this.groups.length,
          () => this.picture.toggle(group.box), jump,
        ),
      );
    }
    panel.scrollTop = 0;
    this.mark(group, step);
    if (!quiet) document.getElementById("live").textContent = text;
    document.querySelector("#words li[aria-current]")?.removeAttribute("aria-current");
    this.sentences[this.at].setAttribute("aria-current", "step");
    const ends = { first: 0, back: 0, next: this.groups.length - 1, last: this.groups.length - 1 };
    for (const [id, end] of Object.entries(ends))
      document.getElementById(id).setAttribute("aria-disabled", place === end);
    if (follow) this.follow(group, step);
    this.refreshDetail();
  }

  /** What passes the border of a closed module: values forward; backward gradients, those of its parameters too. */
  crossing({ box, from, to, way }) {
    const { nodes, edges, steps } = this.graph;
    const within = (key) => this.picture.closedAround(nodes[key].box) === box;
    const once = (keys) => [...new Set(keys)];
    const into = once(edges.filter((e) => within(e.head) && !within(e.tail)).map((e) => e.tail));
    const out = once(edges.filter((e) => within(e.tail) && !within(e.head)).map((e) => e.tail));
    if (way === "forward") {
      const value = (key) => ({ label: nodes[key].name, shown: nodes[key].value });
      return { given: into.map(value), sent: out.map(value) };
    }
    const terms = steps.slice(from, to + 1).flatMap((step) => (step.phase === "backward" ? step.terms : []));
    const leaving = terms.filter(({ edge }) => !within(edges[edge].tail) || nodes[edges[edge].tail].leaf);
    const given = out.filter((key) => nodes[key].gradient);
    const label = (term) => (term.part ? `part of ${term.gradient}` : term.gradient);
    return {
      given: given.map((key) => ({ label: nodes[key].partial, shown: nodes[key].gradient })),
      sent: leaving.map((term) => ({ label: label(term), shown: term.downstream })),
    };
  }

  /** Go to a step as Python counts it, and open what is around it. */
  jump(index) {
    const step = this.graph.steps[index];
    if (step.node !== null) this.picture.reveal(this.graph.nodes[step.node].box);
    this.onToggled(null);
    this.go(index);
  }

  mark(group, step) {
    const { graph, picture, at } = this;
    const wires = new Set(graph.steps.slice(group.from, group.to + 1).flatMap((s) => s.wires));
    const way = step.phase === "forward" ? "forward" : "backward";
    graph.nodes.forEach((node, key) => {
      const classes = picture.nodes[key].classList;
      classes.toggle("valued", node.value_at <= at);
      classes.toggle("graded", node.gradient_at <= at);
      classes.toggle("now", step.node === key && group.box === null);
      classes.toggle("found", this.found.includes(key));
    });
    graph.edges.forEach((edge, key) => {
      const { group: element } = picture.wires[key];
      element.classList.toggle("forward", wires.has(key) && way === "forward");
      element.classList.toggle("backward", wires.has(key) && way === "backward");
      const label = picture.labels.get(key)?.classList;
      label?.toggle("valued", graph.nodes[edge.tail].value_at <= at);
      label?.toggle("graded", edge.gradient_at <= at);
    });
    graph.boxes.forEach((box) => box.key && picture.boxes[box.key].group.classList.toggle("now", box.key === group.box));
  }

  follow(group, step) {
    const placed = this.picture.placed;
    if (group.box !== null) {
      const box = placed.boxes.get(group.box);
      this.view.show([box.x, box.y], box);
    } else if (step.node !== null) this.view.show(placed.nodes.get(step.node), this.graph.nodes[step.node].shape);
  }

  // modules

  resize() {
    const { width, height } = this.picture.placed;
    this.view.size = { width, height };
    if (!this.view.touched) this.view.fit();
  }

  onToggled(key) {
    this.regroup();
    this.resize();
    this.go(this.at, { quiet: true, follow: false });
    if (key !== null) this.picture.boxes[key].group.focus({ preventScroll: true });
  }

  // search

  search(text) {
    const words = text.trim().toLowerCase();
    const matches = (names) => names.some((name) => name.toLowerCase().includes(words));
    this.found = words ? this.graph.nodes.flatMap((node, key) => (matches(node.words) ? [key] : [])) : [];
    this.hit = -1;
    const box = words && !this.found.length ? this.graph.boxes.find((one) => one.key && matches([one.path])) : null;
    const answer = document.getElementById("answer");
    const count = this.found.length === 1 ? "1 value" : `${this.found.length || "no"} values`;
    answer.textContent = !words ? "" : box ? calledBox(box) : count;
    if (box) {
      this.picture.reveal(box.parent);
      this.onToggled(null);
      const found = this.picture.placed.boxes.get(box.key);
      this.view.show([found.x, found.y], found);
    } else if (this.found.length) this.nextFound();
    this.go(this.at, { quiet: true, follow: false });
  }

  nextFound() {
    if (!this.found.length) return;
    this.hit = (this.hit + 1) % this.found.length;
    const key = this.found[this.hit];
    if (!this.picture.placed.nodes.has(key)) {
      this.picture.reveal(this.graph.nodes[key].box);
      this.onToggled(null);
    }
    this.view.show(this.picture.placed.nodes.get(key), this.graph.nodes[key].shape);
    this.show(key);
  }

  // details

  show(key) {
    this.detail = key;
    this.refreshDetail();
  }

  refreshDetail() {
    if (this.detail === null) return;
    const node = this.graph.nodes[this.detail];
    const known = { value: node.value_at <= this.at, gradient: node.gradient_at <= this.at };
    document.getElementById("details").replaceChildren(...detailsOf(node, known, (index) => this.jump(index)));
    this.picture.nodes.forEach((element, key) => element.classList.toggle("shown", key === this.detail));
  }

  // playing

  play(on = !this.timer) {
    clearInterval(this.timer);
    this.timer = null;
    if (on) {
      if (this.place === this.groups.length - 1) this.goTo(0);
      this.timer = setInterval(() => {
        this.goTo(this.place + 1);
        if (this.place === this.groups.length - 1) this.play(false);
      }, 1500);
    }
    const button = document.getElementById("play");
    button.setAttribute("aria-label", on ? "Pause" : "Play");
    button.classList.toggle("playing", on);
  }

  // what the reader does

  connect() {
    const click = (id, action) => document.getElementById(id).addEventListener("click", action);
    click("first", () => this.goTo(0));
    click("back", () => this.goTo(this.place - 1));
    click("play", () => this.play());
    click("next", () => this.goTo(this.place + 1));
    click("last", () => this.goTo(this.groups.length - 1));
    click("zoom-in", () => this.view.zoom(1.25));
    click("zoom-out", () => this.view.zoom(0.8));
    click("fit", () => this.view.fit());
    for (const [id, open] of [["open-all", true], ["close-all", false]])
      document.getElementById(id)?.addEventListener("click", () => {
        this.picture.toggleAll(open);
        this.view.touched = false;
        this.onToggled(null);
      });
    this.slider.addEventListener("input", () => this.goTo(+this.slider.value));
    const search = document.getElementById("search");
    search.addEventListener("input", () => this.search(search.value));
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.nextFound();
      event.stopPropagation();
    });
    this.picture.nodes.forEach((element, key) => {
      for (const name of ["pointerenter", "focus", "click"]) element.addEventListener(name, () => this.show(key));
    });
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pans = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.shiftKey && pans[event.key]) {
      this.view.pan(...pans[event.key]);
      return event.preventDefault();
    }
    const onSlider = event.target === this.slider;
    const onButton = event.target.closest?.("button, summary");
    const actions = {
      ArrowRight: () => this.goTo(this.place + 1),
      ArrowLeft: () => this.goTo(this.place - 1),
      Home: () => this.goTo(0),
      End: () => this.goTo(this.groups.length - 1),
      "+": () => this.view.zoom(1.25),
      "=": () => this.view.zoom(1.25),
      "-": () => this.view.zoom(0.8),
      0: () => this.view.fit(),
      "/": () => document.getElementById("search").focus(),
    };
    if (!onButton) actions[" "] = () => this.play();
    const action = actions[event.key];
    if (!action || (onSlider && /^(Arrow|Home|End)/.test(event.key))) return;
    event.preventDefault();
    action();
  }
}

new Player(JSON.parse(document.getElementById("data").textContent));

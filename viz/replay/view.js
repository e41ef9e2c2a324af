// Looking around: drag, wheel, pinch, buttons and keys move and zoom the picture.

class View {
  constructor(canvas, world) {
    this.canvas = canvas;
    this.world = world;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.size = { width: 1, height: 1 };
    this.touched = false;
    this.fingers = new Map();
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.onUp(event));
    // what has been dragged was not meant to be clicked
    canvas.addEventListener("click", (event) => this.dragged && event.stopPropagation(), { capture: true });
    new ResizeObserver(() => this.touched || this.fit()).observe(canvas);
  }

  get width() {
    return this.canvas.clientWidth || 1;
  }

  get height() {
    return this.canvas.clientHeight || 1;
  }

  apply() {
    this.world.setAttribute("transform", `translate(${round(this.x)} ${round(this.y)}) scale(${this.scale.toFixed(4)})`);
  }

  /** The whole picture, as large as it goes. */
  fit() {
    const margin = 16;
    const { width, height } = this.size;
    const scale = Math.min((this.width - 2 * margin) / width, (this.height - 2 * margin) / height);
    this.scale = Math.min(Math.max(scale, 0.02), 1.4);
    this.x = (this.width - width * this.scale) / 2;
    this.y = (this.height - height * this.scale) / 2;
    this.touched = false;
    this.apply();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, 0.02), 6);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.touched = true;
    this.apply();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.touched = true;
    this.apply();
  }

  /** Bring what stands at a point of the picture into view, large enough to be read, and move no more than needed. */
  show([x, y], { width, height }) {
    if (this.scale < 0.55) this.scaleAround([x, y], 0.8);
    const needed = (at, size, whole) => {
      const margin = Math.min((size / 2) * this.scale + 30, whole / 2);
      return Math.max(margin - at, 0) + Math.min(whole - margin - at, 0);
    };
    const dx = needed(x * this.scale + this.x, width, this.width);
    const dy = needed(y * this.scale + this.y, height, this.height);
    if (dx || dy) this.pan(dx, dy);
  }

  scaleAround([x, y], scale) {
    this.scale = scale;
    this.x = this.width / 2 - x * scale;
    this.y = this.height / 2 - y * scale;
    this.touched = true;
    this.apply();
  }

  onWheel(event) {
    event.preventDefault();
    const { left, top } = this.canvas.getBoundingClientRect();
    const step = event.deltaMode === 1 ? 16 * event.deltaY : event.deltaY;
    this.zoom(Math.exp(-Math.max(-120, Math.min(120, step)) / 400), event.clientX - left, event.clientY - top);
  }

  onDown(event) {
    if (event.button) return;
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    this.dragged = false;
  }

  onMove(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (!this.dragged && Math.hypot(dx, dy) < 4) return;
    if (!this.dragged) this.canvas.setPointerCapture(event.pointerId);
    this.dragged = true;
    const others = [...this.fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (others.length) {
      const { left, top } = this.canvas.getBoundingClientRect();
      const [other] = others;
      const factor = Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.hypot(before[0] - other[0], before[1] - other[1]);
      this.zoom(factor || 1, (now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top);
    } else this.pan(dx, dy);
    this.fingers.set(event.pointerId, now);
  }

  onUp(event) {
    this.fingers.delete(event.pointerId);
  }
}

/* The page of a run: slices to compare, a line to draw across them. */

const { width, height, binned, unit } = page;

/* comparing: side by side, a slider's cut through both, or one after the other */

let ticking = null;

function flicker(running) {
  clearInterval(ticking);
  ticking = running ? setInterval(swap, 700) : null;
  one("#pause").textContent = running ? "Pause" : "Play";
}

function swap() {
  const root = one("main");
  root.dataset.front = root.dataset.front === "input" ? "output" : "input";
}

function compare(mode) {
  const root = one("main");
  Object.assign(root.dataset, { mode, front: "output" });
  one("#cut-control").hidden = mode !== "slider";
  one("#flicker-control").hidden = mode !== "flicker";
  flicker(mode === "flicker" && !matchMedia("(prefers-reduced-motion: reduce)").matches);
}

all("[name=mode]").forEach((radio) => radio.addEventListener("change", () => compare(radio.value)));
one("#cut").addEventListener("input", (event) => document.body.style.setProperty("--cut", `${event.target.value}%`));
one("#pause").addEventListener("click", () => flicker(!ticking));
one("#swap").addEventListener("click", () => (flicker(false), swap()));
one("#same-grey").addEventListener("change", () => slices.forEach((slice) => slice.paint()));

/* one slice: its pictures, and the line that the reader draws */

class Slice {
  constructor(number, section, views, profile) {
    Object.assign(this, { number, section, views, profile, stages: all(".stage", section) });
    this.splines = [views.input, views.output].map((values) => splineOf(values, width, height));
    this.paint();
    this.stages.forEach((stage) => this.listen(stage));
    this.fields = Object.fromEntries(all("[data-line]", section).map((field) => [field.dataset.line, field]));
    Object.values(this.fields).forEach((field) => field.addEventListener("input", () => this.fromFields()));
    this.setLine(strongestEdge(views.output));
  }

  paint() {
    const same = one("#same-grey").checked && displayRange(this.views.input);
    for (const canvas of all("canvas[data-view]", this.section)) {
      const { view } = canvas.dataset, values = this.views[view];
      const own = page.slices[this.number][view]?.top ? [0, page.slices[this.number][view].top] : displayRange(values);
      const range = same && (view === "input" || view === "output") ? same : own;
      paint(canvas, values, width, height, range);
      ["low", "high"].forEach((end, i) => (one(`.values [data-end=${end}]`, canvas.closest("figure")).textContent = three(range[i])));
    }
  }

  listen(stage) {
    const at = (event) => {
      const box = stage.getBoundingClientRect();
      return [
        clamp(((event.clientY - box.top) / box.height) * height - 0.5, height - 1),
        clamp(((event.clientX - box.left) / box.width) * width - 0.5, width - 1),
      ].map((v) => Math.round(2 * v) / 2);
    };
    let end = null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      const [y, x] = at(event);
      end = event.target.dataset.end ?? "new";
      if (end === "new") this.start = [y, x];
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      const [y, x] = at(event);
      this.say(y, x);
      if (end === "0") this.setLine({ ...this.line, y0: y, x0: x });
      else if (end === "1") this.setLine({ ...this.line, y1: y, x1: x });
      else if (end && Math.hypot(y - this.start[0], x - this.start[1]) >= 1)
        this.setLine({ ...this.line, y0: this.start[0], x0: this.start[1], y1: y, x1: x });
    });
    for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, () => (end = null));
    all("circle", stage).forEach((circle) => circle.addEventListener("keydown", (event) => this.nudge(event, circle.dataset.end)));
  }

  nudge(event, end) {
    const by = event.shiftKey ? 10 : 1;
    const move = { ArrowUp: [-by, 0], ArrowDown: [by, 0], ArrowLeft: [0, -by], ArrowRight: [0, by] }[event.key];
    if (!move) return;
    event.preventDefault();
    const [y, x] = [`y${end}`, `x${end}`];
    this.setLine({ ...this.line, [y]: clamp(this.line[y] + move[0], height - 1), [x]: clamp(this.line[x] + move[1], width - 1) });
  }

  fromFields() {
    const line = Object.fromEntries(Object.entries(this.fields).map(([name, field]) => [name, field.valueAsNumber]));
    if (Object.values(line).every(Number.isFinite)) this.setLine({ ...line, band: Math.max(1, Math.round(line.band)) }, true);
  }

  setLine(line, typed = false) {
    this.line = line;
    if (!typed) for (const [name, field] of Object.entries(this.fields)) field.value = line[name];
    for (const svg of all("svg", this.section)) {
      const ends = { x1: line.x0, y1: line.y0, x2: line.x1, y2: line.y1 };
      for (const [name, value] of Object.entries(ends)) one("line", svg).setAttribute(name, value + 0.5);
      for (const end of [0, 1]) {
        const circle = one(`[data-end="${end}"]`, svg), [y, x] = [line[`y${end}`], line[`x${end}`]];
        circle.setAttribute("cx", x + 0.5), circle.setAttribute("cy", y + 0.5);
        circle.setAttribute("aria-valuetext", `y ${y}, x ${x}`);
        circle.setAttribute("aria-valuenow", x);
      }
    }
    this.measure();
  }

  measure() {
    const kinds = ["input", "output"];
    const profiles = this.splines.map((spline) => profileOf(spline, width, height, this.line));
    const edges = profiles.map((found) => (found.fault ? found : edgeOf(found)));
    kinds.forEach((kind, i) => (one(`[data-width=${kind}]`, this.section).textContent = this.widthOf(edges[i])));
    const { y0, x0, y1, x1, band } = this.line, full = (v) => v * binned + (binned - 1) / 2;
    const line = `${full(y0)},${full(x0)}:${full(y1)},${full(x1)}`;
    one(".again", this.section).textContent = `ddip-tf resolution RUN/outputs/${this.section.id}.tif --line ${line} --band ${band * binned}`;
    if (profiles[0].fault) return;
    const lines = profiles.map((found, i) => ({ label: kinds[i], y: found.values, colour: i }));
    edges.forEach((edge, i) => edge.fitted && lines.push({ label: `${kinds[i]}: error function`, y: edge.fitted, colour: i, dash: true }));
    const pixel = this.pixelAlong() ?? binned, [metres, name] = page.pixel_size_m ? lengthUnit(pixel * profiles[0].distance.at(-1)) : [1, "px"];
    const x = profiles[0].distance.map((s) => (s * pixel) / metres);
    const labels = { xlabel: `along the line (${name})`, ylabel: `image (${unit})` };
    drawChart(this.profile, { title: "Profile along the line", x, ...labels, lines });
  }

  /** Metres that a pixel of the page is long along the line, or undefined. */
  pixelAlong() {
    const [dy, dx] = [this.line.y1 - this.line.y0, this.line.x1 - this.line.x0];
    return page.pixel_size_m && (Math.hypot(dy * page.pixel_size_m[0], dx * page.pixel_size_m[1]) / Math.hypot(dy, dx)) * binned;
  }

  widthOf(edge) {
    if (edge.fault) return edge.fault;
    if (!edge.resolved) return `under ${NARROWEST_PX * binned} px: narrower than pixels can tell`;
    const text = `${(edge.fwhm * binned).toFixed(2)} ± ${(edge.error * binned).toFixed(2)} px`;
    if (!page.pixel_size_m) return text;
    const pixel = this.pixelAlong(), [metres, name] = lengthUnit(edge.fwhm * pixel);
    return `${text} = ${((edge.fwhm * pixel) / metres).toFixed(2)} ± ${((edge.error * pixel) / metres).toFixed(2)} ${name}`;
  }

  say(y, x) {
    const [row, column] = [Math.round(y), Math.round(x)];
    const names = all("canvas[data-view]", this.section).map((canvas) => canvas.dataset.view);
    const values = names.map((name) => `${name} ${three(this.views[name][row * width + column])}`);
    let place = "";
    if (page.pixel_size_m) {
      const lengths = [row, column].map((at, i) => at * binned * page.pixel_size_m[i]), [metres, name] = lengthUnit(page.length_m);
      place = ` (${lengths.map((length) => three(length / metres)).join(", ")} ${name})`;
    }
    one(".readout", this.section).textContent = `y ${row * binned}, x ${column * binned}${place}: ${values.join(", ")} ${unit}`;
  }
}

const three = (value) => String(+value.toPrecision(3));

/** The unit in which a length reads best: its metres, and its name; as ddip_tf/slices/quantities.py has it. */
function lengthUnit(length) {
  const units = [[1, 1, "m"], [1e-3, 1e-3, "mm"], [1e-6, 1e-6, "µm"], [1e-9, 1e-9, "nm"], [1e-11, 1e-10, "Å"], [0, 1e-12, "pm"]];
  return units.find(([least]) => length >= least * (1 - 1e-9)).slice(1);
}

const clamp = (value, most) => Math.min(Math.max(value, 0), most);

/** A line of 33 pixels at most across the steepest place of an image. */
function strongestEdge(image) {
  const reach = Math.floor(Math.min(16, (Math.min(width, height) - 1) / 2));
  let best = { size: -1 };
  for (let y = reach; y < height - reach; y++) {
    for (let x = reach; x < width - reach; x++) {
      const i = y * width + x, dy = image[i + 2 * width] - image[i - 2 * width], dx = image[i + 2] - image[i - 2];
      const size = Math.hypot(dy, dx);
      if (size > best.size) best = { size, y, x, dy: size ? dy / size : 0, dx: size ? dx / size : 1 };
    }
  }
  const [dy, dx] = [Math.round(best.dy * reach), Math.round(best.dx * reach)];
  return { y0: best.y - dy, x0: best.x - dx, y1: best.y + dy, x1: best.x + dx, band: 3 };
}

/* all of it */

const slices = [];

/* of many slices one at a time: what belongs to another (data-of) is hidden, and a slice is made when it is first seen */

const which = one("#which"), waiting = [];

function showSlice(number) {
  const seen = String(page.numbers[number]);
  which.value = number;
  one("#which-number").textContent = seen;
  which.setAttribute("aria-valuetext", `slice ${seen}`);
  all("[data-of]").forEach((part) => (part.hidden = part.dataset.of !== seen));
  waiting[number]?.();
  delete waiting[number];
  fitCharts();
}

if (which) {
  one("#which-control").hidden = false;
  const step = (by) => showSlice(clamp(which.valueAsNumber + by, page.numbers.length - 1));
  which.addEventListener("input", () => showSlice(which.valueAsNumber));
  one("#earlier").addEventListener("click", () => step(-1));
  one("#later").addEventListener("click", () => step(1));
}

async function open() {
  for (const [number, planes] of page.slices.entries()) {
    const views = {};
    for (const [name, plane] of Object.entries(planes)) views[name] = await decode(plane, width * height);
    views.ghost = views.input.map((value, i) => value - views.output[i] - (views.smoothed?.[i] ?? 0));
    const section = one(`#slice${page.numbers[number]}`);
    const make = () => (slices[number] = new Slice(number, section, views, one(".profile", section)));
    if (which) waiting[number] = make;
    else make();
  }
  if (which) showSlice(0);
  for (const canvas of all("canvas[data-small]")) {
    const plane = page.small[canvas.dataset.small], values = await decode(plane, plane.width * plane.height);
    paint(canvas, values, plane.width, plane.height, [plane.black ?? plane.low, plane.white ?? plane.high]);
  }
  ready();
}

one("#copy")?.addEventListener("click", async () => {
  getSelection().selectAllChildren(one("#config"));
  one("#copy").textContent = document.execCommand("copy") ? "Copied" : "Selected";
});
compare("side");
open();

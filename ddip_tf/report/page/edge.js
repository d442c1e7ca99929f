/* Line profiles and the width of an edge in them: what ddip_tf/quality/edge_resolution.py does, in the page. */

const FWHM = 2 * Math.sqrt(2 * Math.log(2));
const SHORTEST = 8;
const NARROWEST_PX = 1.3;

/** Coefficients of the cubic spline through an image (height × width), mirrored at its borders. */
function splineOf(image, width, height) {
  const c = Float64Array.from(image, (value) => 36 * value);
  for (let y = 0; y < height; y++) filterLine(c, y * width, 1, width);
  for (let x = 0; x < width; x++) filterLine(c, x, width, height);
  return c;
}

/** The recursive filter of M. Unser, IEEE Signal Process. Mag. 16(6), 22 (1999), along one line, in place. */
function filterLine(c, start, stride, count) {
  const pole = Math.sqrt(3) - 2;
  const last = start + (count - 1) * stride;
  let power = 1, sum = 0;
  for (let k = 0; k < Math.min(count, 24); k++, power *= pole) sum += power * c[start + k * stride];
  c[start] = sum;
  for (let i = start + stride; i <= last; i += stride) c[i] += pole * c[i - stride];
  c[last] = (pole / (pole * pole - 1)) * (c[last] + pole * c[last - stride]);
  for (let i = last - stride; i >= start; i -= stride) c[i] = pole * (c[i + stride] - c[i]);
}

function mirrored(i, count) {
  const folded = Math.abs(i);
  return folded < count ? folded : 2 * (count - 1) - folded;
}

/** The spline at (y, x). */
function valueAt(spline, width, height, y, x) {
  const weights = (t) => [(1 - t) ** 3, 4 - 6 * t * t + 3 * t ** 3, 1 + 3 * t + 3 * t * t - 3 * t ** 3, t ** 3];
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [down, across] = [weights(y - top), weights(x - left)];
  let sum = 0;
  for (let i = 0; i < 4; i++) {
    const row = mirrored(top - 1 + i, height) * width;
    for (let j = 0; j < 4; j++) sum += down[i] * across[j] * spline[row + mirrored(left - 1 + j, width)];
  }
  return sum / 36;
}

/** {distance, values} along a line {y0, x0, y1, x1}, the mean of `band` lines a pixel apart, or {fault}. */
function profileOf(spline, width, height, line) {
  const [dy, dx] = [line.y1 - line.y0, line.x1 - line.x0];
  const length = Math.hypot(dy, dx);
  const count = Math.round(length) + 1;
  if (count < SHORTEST) return { fault: `the line is ${length.toFixed(1)} pixels long; it needs at least ${SHORTEST - 1}` };
  const distance = Array.from({ length: count }, (_, i) => (i * length) / (count - 1));
  const values = [];
  for (const s of distance) {
    let sum = 0;
    for (let k = 0; k < line.band; k++) {
      const aside = k - (line.band - 1) / 2;
      const y = line.y0 + (dy * s + dx * aside) / length;
      const x = line.x0 + (dx * s - dy * aside) / length;
      if (!(y >= 0 && x >= 0 && y <= height - 1 && x <= width - 1)) return { fault: "the line with its band leaves the image" };
      sum += valueAt(spline, width, height, y, x);
    }
    values.push(sum / line.band);
  }
  return { distance, values };
}

/** Error function to 1.5e-7 (Abramowitz & Stegun 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - tail * Math.exp(-x * x));
}

const erfStep = (s, [level, step, place, sigma]) => level + (step / 2) * erf((s - place) / (Math.SQRT2 * sigma));

/** The error function fitted to a profile: {fitted, position, fwhm, error, resolved}, or {fault}. */
function edgeOf({ distance, values }) {
  const length = distance[distance.length - 1];
  const start = firstGuess(distance, values, length);
  const { found, cost, normal } = leastSquares(distance, values, start);
  const spread = cost / (distance.length - 4);
  const [, step, position, sigma] = found;
  const unit = solve(normal, [0, 0, 0, 1]);
  const fwhm = FWHM * Math.abs(sigma);
  const error = unit && unit[3] >= 0 ? FWHM * Math.sqrt(spread * unit[3]) : Infinity;
  const edge = position > 0 && position < length && fwhm <= 2 * length && Math.abs(step) >= 3 * Math.sqrt(spread);
  if (!edge) return { fault: "no edge on this line: draw it across one, with a stretch of both sides" };
  const resolved = fwhm > NARROWEST_PX && error < fwhm;
  return { fitted: distance.map((s) => erfStep(s, found)), position, fwhm, error, resolved };
}

/** Level, step, place and σ to begin with: the steepest place of the smoothed profile, and rise over slope. */
function firstGuess(distance, values, length) {
  const sorted = [...values].sort((a, b) => a - b);
  const percentile = (p) => {
    const at = p * (sorted.length - 1), below = Math.floor(at);
    return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
  };
  const [low, high] = [percentile(0.05), percentile(0.95)];
  const at = (list, i) => list[Math.min(Math.max(i, 0), list.length - 1)];
  const smooth = values.map((v, i) => (at(values, i - 1) + 2 * v + at(values, i + 1)) / 4);
  let steepest = 0, slope = 0;
  smooth.forEach((_, i) => {
    const ends = [Math.max(i - 1, 0), Math.min(i + 1, smooth.length - 1)];
    const here = (smooth[ends[1]] - smooth[ends[0]]) / (ends[1] - ends[0]);
    if (Math.abs(here) > Math.abs(slope)) [steepest, slope] = [i, here];
  });
  const sigma = Math.min(Math.max((high - low) / Math.max(Math.abs(slope), 1e-30) / 2.5, 0.5), length / 4);
  return [(low + high) / 2, (high - low) * (Math.sign(slope) || 1), distance[steepest], sigma];
}

/** Levenberg and Marquardt's: {found, cost, normal} with the normal matrix JᵀJ at the end. */
function leastSquares(distance, values, start) {
  const costOf = (p) => distance.reduce((sum, s, i) => sum + (values[i] - erfStep(s, p)) ** 2, 0);
  let found = start, cost = costOf(start), damping = 1e-3;
  for (let round = 0; round < 200 && damping < 1e12; round++) {
    const { normal, gradient } = normalEquations(distance, values, found);
    const damped = normal.map((row, i) => row.map((value, j) => (i === j ? value * (1 + damping) : value)));
    const move = solve(damped, gradient);
    const next = move && found.map((value, i) => value + move[i]);
    const less = next ? costOf(next) : NaN;
    if (!(less < cost)) { damping *= 10; continue; }
    const gain = cost - less;
    [found, cost, damping] = [next, less, damping / 10];
    if (gain <= 1e-14 * cost) break;
  }
  return { found, cost, normal: normalEquations(distance, values, found).normal };
}

function normalEquations(distance, values, [level, step, place, sigma]) {
  const normal = [0, 1, 2, 3].map(() => [0, 0, 0, 0]), gradient = [0, 0, 0, 0];
  distance.forEach((s, k) => {
    const u = (s - place) / (Math.SQRT2 * sigma);
    const bell = (step / 2) * (2 / Math.sqrt(Math.PI)) * Math.exp(-u * u);
    const slopes = [1, erf(u) / 2, -bell / (Math.SQRT2 * sigma), (-bell * u) / sigma];
    const left = values[k] - (level + (step / 2) * erf(u));
    for (let i = 0; i < 4; i++) {
      gradient[i] += slopes[i] * left;
      for (let j = 0; j < 4; j++) normal[i][j] += slopes[i] * slopes[j];
    }
  });
  return { normal, gradient };
}

/** x of A x = b by elimination with pivots, or null. */
function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]), n = rows.length;
  for (let i = 0; i < n; i++) {
    const pivot = rows.slice(i).reduce((best, row, k) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? i + k : best), i);
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    if (!(Math.abs(rows[i][i]) > 0)) return null;
    for (let k = i + 1; k < n; k++) {
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= n; j++) rows[k][j] -= factor * rows[i][j];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) rows[i][n] -= rows[i][j] * rows[j][n];
    rows[i][n] /= rows[i][i];
  }
  return rows.map((row) => row[n]);
}

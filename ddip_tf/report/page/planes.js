/* Images of the page: whole numbers, deflated, back to their values; grey pictures of them on canvases. */

/** Values (height·width) of a plane {low, high, bits, data}; with 16 bits all high bytes stand before all low ones. */
async function decode(plane, count) {
  const packed = Uint8Array.from(atob(plane.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const values = new Float64Array(count);
  const step = (plane.high - plane.low) / (2 ** plane.bits - 1);
  for (let i = 0; i < count; i++) {
    const level = plane.bits === 16 ? 256 * bytes[i] + bytes[count + i] : bytes[i];
    values[i] = plane.low + step * level;
  }
  return values;
}

/** The paper's display range, [μ − 4σ, μ + 4σ]. */
function displayRange(values) {
  let sum = 0, squares = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  for (const value of values) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / values.length);
  return [mean - 4 * deviation, mean + 4 * deviation];
}

/** Paint values in grey, low black and high white. */
function paint(canvas, values, width, height, [low, high]) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const scale = high > low ? 255 / (high - low) : 0;
  for (let i = 0; i < values.length; i++) {
    const grey = scale * (values[i] - low);
    picture.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

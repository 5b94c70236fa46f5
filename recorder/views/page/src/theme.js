// The colours of the style sheet, for what is drawn on a canvas.

const NAMES = [
  "ground", "lane", "group", "fold", "grid", "faint", "muted", "text", "ink", "event", "unsure",
  "busy", "error", "warning", "complete", "acked", "failed", "unacked", "aborted",
];

/** The colours as they are now; `changed` is called when they are others. */
export function themeOf(changed) {
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", () => changed(read()));
  }
  return read();
}

function read() {
  const style = getComputedStyle(document.documentElement);
  const theme = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...theme, hatch: hatching(theme.faint), family: style.fontFamily };
}

function hatching(colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const context = tile.getContext("2d");
  context.strokeStyle = colour;
  context.lineWidth = 0.8;
  for (const shift of [-6, 0, 6]) {
    context.beginPath();
    context.moveTo(shift, 6);
    context.lineTo(shift + 6, 0);
    context.stroke();
  }
  return context.createPattern(tile, "repeat");
}

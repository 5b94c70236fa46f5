// The line between the views and the details; it can be dragged, or moved by the arrow keys.

const LEAST = 90; // pixels

export function listenToSplitter(line, below) {
  const set = (height) => {
    const most = Math.max(LEAST, innerHeight - 180);
    const now = Math.round(Math.max(LEAST, Math.min(most, height)));
    below.style.height = `${now}px`;
    tell(line, now, most);
  };
  tell(line, Math.round(innerHeight * 0.42), Math.max(LEAST, innerHeight - 180));
  line.addEventListener("pointerdown", (down) => {
    line.setPointerCapture(down.pointerId);
    const begin = below.offsetHeight + down.clientY;
    const move = (event) => set(begin - event.clientY);
    line.addEventListener("pointermove", move);
    line.addEventListener("pointerup", () => line.removeEventListener("pointermove", move), { once: true });
  });
  line.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 30, ArrowDown: -30, PageUp: 150, PageDown: -150 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    set(below.offsetHeight + by);
  });
}

/** The height for who cannot see it, in pixels. */
function tell(line, now, most) {
  for (const [name, value] of [["min", LEAST], ["now", Math.min(now, most)], ["max", most]]) line.setAttribute(`aria-value${name}`, value);
}

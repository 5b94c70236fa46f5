// The line between the views and the details; it can be dragged, or moved by the arrow keys.

export function listenToSplitter(line, below) {
  const set = (height) => {
    const most = innerHeight - 180;
    below.style.height = `${Math.round(Math.max(90, Math.min(most, height)))}px`;
  };
  line.addEventListener("pointerdown", (down) => {
    line.setPointerCapture(down.pointerId);
    const begin = below.offsetHeight + down.clientY;
    const move = (event) => set(begin - event.clientY);
    line.addEventListener("pointermove", move);
    line.addEventListener("pointerup", () => line.removeEventListener("pointermove", move), { once: true });
  });
  line.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 30, ArrowDown: -30 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    set(below.offsetHeight + by);
  });
}

// The keyboard.

export const KEYS = [
  ["j ↓  k ↑", "next, previous triple"],
  ["n  p", "next, previous event of it"],
  ["e  E", "next, previous problem"],
  ["w", "the list of problems"],
  ["1 2 3", "the views"],
  ["/", "filter"],
  ["+ − 0", "zoom in, out, all (timeline)"],
  ["← →", "earlier, later (timeline)"],
  ["z", "zoom to the selected triple (timeline)"],
  ["f", "fold the session of what is selected, or all (timeline)"],
  ["Esc", "leave the filter, close the help, select nothing"],
  ["?", "this help"],
];

export function listenToKeys({ state, views, filter, help, step, stepEvent, timeline, wrong }) {
  const actions = {
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    n: () => stepEvent(1),
    p: () => stepEvent(-1),
    e: () => wrong.step(1),
    E: () => wrong.step(-1),
    w: () => wrong.toggle(),
    f: () => timeline.foldSelected(),
    "/": () => filter.focus(),
    "?": () => help.showModal(),
    Escape: () => state.set({ selected: null }),
    "+": () => timeline.zoomBy(1.6),
    "=": () => timeline.zoomBy(1.6),
    "-": () => timeline.zoomBy(1 / 1.6),
    "−": () => timeline.zoomBy(1 / 1.6),
    0: () => timeline.zoomOut(),
    z: () => timeline.zoomToSelected(),
    ArrowLeft: () => timeline.panBy(-0.15),
    ArrowRight: () => timeline.panBy(0.15),
  };
  views.forEach((view, place) => (actions[place + 1] = () => state.set({ view })));

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.closest("input, textarea, select, [role=separator]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : null;
    if (!action) return;
    event.preventDefault();
    action();
  });
}

// A long list of rows of one height, of which only those in sight are in the document.

const SPARE = 12; // rows above and below

/** Shows rows in `body`, which `scroller` scrolls; `spacer` makes an empty row, `render(item, place)` a full one. */
export function rowsOf({ scroller, body, height, spacer, render }) {
  const [above, below] = [spacer(), spacer()];
  let items = [];
  let shown = [-1, -1];
  let whole = false; // for the printer

  function draw(force = false) {
    const top = Math.floor(scroller.scrollTop / height) - SPARE;
    const count = Math.ceil(scroller.clientHeight / height) + 2 * SPARE;
    const from = whole ? 0 : Math.max(0, Math.min(top, items.length - count));
    const to = whole ? items.length : Math.min(items.length, from + count);
    if (!force && shown[0] === from && shown[1] === to) return;
    shown = [from, to];
    above.size(from * height);
    below.size((items.length - to) * height);
    body.replaceChildren(above.element, ...items.slice(from, to).map((item, i) => render(item, from + i)), below.element);
  }

  scroller.addEventListener("scroll", () => draw(), { passive: true });
  new ResizeObserver(() => draw()).observe(scroller);
  addEventListener("beforeprint", () => {
    whole = true;
    draw(true);
  });
  addEventListener("afterprint", () => {
    whole = false;
    draw(true);
  });
  return {
    set(next) {
      items = next;
      draw(true);
    },
    draw: () => draw(true),
    /** Scroll to a row that is not in sight, to where one sees what is around it; `head` is what covers the top. */
    reveal(place, head = 0) {
      const top = place * height;
      const room = scroller.clientHeight - head;
      if (place < 0 || (top >= scroller.scrollTop && top + height <= scroller.scrollTop + room)) return;
      scroller.scrollTop = top - room / 3;
      draw();
    },
  };
}

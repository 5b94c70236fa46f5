// Which lines of two orders are shown: long stretches that are the same are folded, and what came after the end of a run.

const AROUND = 3; // lines that stay before and after what is folded
const LEAST = 4; // lines that are worth folding

/** The rows of a list: lines with the outline of each side, and folds. `isOpen(key)` tells whether a fold was opened. */
export function listOf(lines, { marks, isPlayed, isOpen }) {
  const ended = isPlayed ? lines.findLastIndex(({ left, right }) => right || left.move) + 1 : lines.length;
  const rows = [];
  for (let from = 0; from < ended; ) {
    let to = from;
    while (to < ended && isQuiet(lines[to], marks)) to += 1;
    if (to === from) to += 1;
    else {
      const [begin, end] = [from === 0 ? from : from + AROUND, to === lines.length ? to : to - AROUND];
      if (end - begin >= LEAST && !isOpen(lines[begin].left.name)) {
        rows.push(...lines.slice(from, begin), { kind: "fold", key: lines[begin].left.name, size: end - begin }, ...lines.slice(end, to));
        from = to;
        continue;
      }
    }
    rows.push(...lines.slice(from, to));
    from = to;
  }
  const rest = lines.slice(ended);
  const size = rest.length;
  if (size) rows.push({ kind: "fold", isEnd: true, key: "end", size });
  if (size && isOpen("end")) rows.splice(rows.length - 1, 1, { kind: "fold", isEnd: true, key: "end", size, isShown: true }, ...rest);
  return outlined(rows);
}

const isQuiet = ({ left, right }, marks) => left && right && !right.isAgain && !marks.has(left.name);

/** The rows with `boxes`: for each side the part of an outline that it has, of what came in one answer. */
function outlined(rows) {
  const within = [false, false];
  return rows.map((row) => {
    if (row.kind === "fold") return row;
    const boxes = [row.left, row.right].map((act, side) => {
      if (!act) return within[side] ? "boxed" : "";
      if (act.number < 2) return "";
      within[side] = !act.isLast;
      return `boxed ${act.isFirst ? "first" : ""} ${act.isLast ? "last" : ""}`;
    });
    return { ...row, boxes };
  });
}

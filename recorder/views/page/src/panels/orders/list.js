// Which lines of two orders are shown: long stretches that are the same are folded, and what came after the end of a run.

const AROUND = 3; // lines that stay before and after what is folded
const LEAST = 4; // lines that are worth folding

/** The rows of a list: lines with the outline of each side, and folds. `isOpen(key)` tells whether a fold was opened. */
export function listOf(lines, { marks, isPlayed, isOpen }) {
  const ended = isPlayed ? lines.findLastIndex(({ left, right }) => right?.came || left?.move) + 1 : lines.length;
  return outlined([...folded(lines.slice(0, ended), lines.length, marks, isOpen), ...rest(lines.slice(ended), isOpen)]);
}

function folded(lines, whole, marks, isOpen) {
  const rows = [];
  for (let from = 0; from < lines.length; ) {
    let to = from;
    while (to < lines.length && isQuiet(lines[to], marks)) to += 1;
    const [begin, end] = [from === 0 ? from : from + AROUND, to === whole ? to : to - AROUND];
    const key = lines[begin]?.left?.name;
    if (end - begin >= LEAST && !isOpen(key)) {
      rows.push(...lines.slice(from, begin), { kind: "fold", key, size: end - begin }, ...lines.slice(end, to));
    } else {
      to = Math.max(to, from + 1);
      rows.push(...lines.slice(from, to));
    }
    from = to;
  }
  return rows;
}

/** What came after the end of a run: first what it held back, then what else the recording has. */
function rest(lines, isOpen) {
  const held = lines.filter(({ right }) => right);
  const others = lines.filter(({ right }) => !right);
  if (!lines.length) return [];
  return [{ kind: "fold", isEnd: true, key: "end", size: lines.length }, ...held, ...(isOpen("end") ? others : [])];
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

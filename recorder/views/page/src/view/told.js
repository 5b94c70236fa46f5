// A line above the page: how far a long step is, what became of the file, what went wrong.

import { h } from "../dom.js";
import { count } from "../format.js";
import { plain } from "../text.js";

const OFTEN = 400; // ms between two looks at how far the reading is
const SELDOM = 4000; // ms between two looks at the file

export function toldOf(source) {
  const text = h("span", {});
  const again = h("button", { type: "button", class: "link", hidden: true, onclick: () => location.reload() }, "Reload");
  const line = h("p", { id: "told", role: "status", hidden: true }, text, " ", again);
  document.body.prepend(line);
  let edition = "";

  function say(words, { isError = false, reload = false } = {}) {
    text.textContent = plain(words);
    line.classList.toggle("error", isError);
    line.hidden = !words;
    again.hidden = !reload;
  }

  async function look() {
    if (document.hidden) return;
    const found = await source.ask("state", { edition }).catch(({ message }) => ({ text: message }));
    edition ||= found.edition ?? "";
    if (found.text || line.dataset.about === "file") say(found.text, { reload: found.state === "grown" || found.state === "changed" });
    line.dataset.about = found.text ? "file" : "";
  }

  return {
    say,
    /** Tell how far a search is. */
    progress(done, of, more) {
      line.dataset.about = "";
      if (more) return say(`The search ended after ${count(done, "triple")}: more fit than can be shown.`);
      return say(done < of ? `searches: ${done.toLocaleString("en")} of ${count(of, "triple")}` : "");
    },
    /** Look at the file now and then, from now on. */
    watch() {
      look();
      setInterval(look, SELDOM);
      document.addEventListener("visibilitychange", look);
    },
  };
}

/** Do something that waits for the rows, and tell meanwhile how many records were read. */
export async function whileReading(source, told, act) {
  let isOver = false;
  const timer = setInterval(async () => {
    const found = await source.ask("state").catch(() => ({}));
    if (!isOver) told.say(`reads ${found.records ? `${count(found.records, "record")} so far` : "the cassette"} …`);
  }, OFTEN);
  try {
    return await act();
  } finally {
    isOver = true;
    clearInterval(timer);
    told.say("");
  }
}

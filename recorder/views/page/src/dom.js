// Elements. Data gets in as text only: there is no way from here to markup.

/** An element; `props` are its properties, `data-…`, `aria-…` and other attributes by name, `on…` listeners. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

export function byId(id) {
  return document.getElementById(id);
}

/** How large text is, against what browsers begin with: 2 where it is twice as large. */
export function textScale() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}

/** Do something that may put other elements in the place of those that are there; what has the focus keeps it. */
export function keepingFocus(act) {
  const focused = document.activeElement;
  const name = nameOf(focused);
  act();
  if (focused.isConnected || focused === document.body) return;
  [...document.querySelectorAll(focused.tagName)].find((element) => nameOf(element) === name)?.focus({ preventScroll: true });
}

function nameOf({ id, className, dataset, ariaLabel, textContent }) {
  return [className, id || dataset.code || dataset.id || dataset.key || ariaLabel || textContent].join();
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

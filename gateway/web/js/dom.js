// Building and updating elements. Text goes in as text nodes only: what people say is not markup.

export const $ = (id) => document.getElementById(id);

/** An element with attributes (`data-state`, `class`, …) and children (elements or text). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets the text only when it differs, so that a selection in it survives. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** Sets an attribute, or removes it for null. */
export function attribute(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/**
 * Makes the children of `parent` match `items` in order, reusing the element of each key.
 * `make()` gives a new element, `fill(element, item)` puts the item into it.
 */
export function keyed(parent, items, key, make, fill) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, index) => {
    const name = String(key(item));
    const element = old.get(name) ?? make();
    element.dataset.key = name;
    old.delete(name);
    fill(element, item);
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  for (const gone of old.values()) gone.remove();
}

/** Text in which `backticks` mark a command, as nodes. */
export function rich(value) {
  return value.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/** A message as a sentence: a capital in front, a full stop behind. */
export function sentence(value) {
  const capital = value.charAt(0).toUpperCase() + value.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** Shows what went wrong and what to do about it in `box`; null hides it. */
export function showProblem(box, problem) {
  box.hidden = !problem;
  box.replaceChildren();
  if (!problem) return;
  box.append(h("p", { class: "cause" }, ...rich(sentence(problem.detail))));
  if (problem.remedy) box.append(h("p", { class: "remedy" }, ...rich(sentence(problem.remedy))));
}

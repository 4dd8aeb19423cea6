/** Elements. Text goes in as text only, so that nothing that comes from elsewhere is ever HTML. */

/**
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element ${id}`);
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string | undefined>} [attributes] `text` is its text
 * @param {(Node | string)[]} [children]
 * @returns {any}
 */
export function make(tag, { text, ...attributes } = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/**
 * Sets a text only where it is another one: what did not change is not laid out again, nor read out.
 *
 * @param {Node} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

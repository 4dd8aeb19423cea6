/** Dark or light: what the system says, until somebody chooses. Loaded before anything is drawn. */

const KEY = 'millrace.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
/** @type {Set<() => void>} */
const listeners = new Set();

/** @returns {string | null} what was chosen on this page before */
function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // Storage may be switched off.
    return null;
  }
}

function apply() {
  document.documentElement.dataset.theme = chosen() ?? (system.matches ? 'dark' : 'light');
  for (const listener of listeners) listener();
}

/** @param {() => void} listener is called when the colours changed */
export function onTheme(listener) {
  listeners.add(listener);
}

/** @param {HTMLElement} button */
export function themeButton(button) {
  const name = () => {
    const other = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    button.setAttribute('aria-label', `Change to the ${other} theme`);
  };
  button.addEventListener('click', () => {
    const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Then it lasts as long as the page.
    }
    document.documentElement.dataset.theme = next;
    for (const listener of listeners) listener();
  });
  onTheme(name);
  name();
}

system.addEventListener('change', apply);
apply();

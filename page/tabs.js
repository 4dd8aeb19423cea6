/** Tabs by the pattern of the ARIA practices: arrows move, the address remembers. */

/**
 * @param {HTMLElement} list
 * @param {(name: string) => void} onShow is told which view is to be seen
 */
export function tabs(list, onShow) {
  const buttons = /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[role=tab]')]);
  const nameOf = (/** @type {HTMLElement} */ button) => button.id.replace('tab-', '');

  /** @param {HTMLElement} chosen */
  function show(chosen) {
    for (const button of buttons) {
      const isChosen = button === chosen;
      button.setAttribute('aria-selected', String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(/** @type {string} */ (button.getAttribute('aria-controls')));
      if (panel !== null) panel.hidden = !isChosen;
    }
    // Sideways alone: on a phone the row of tabs is wider than the screen.
    list.scrollLeft = chosen.offsetLeft - (list.clientWidth - chosen.offsetWidth) / 2;
    document.title = `${chosen.textContent} · millrace`;
    onShow(nameOf(chosen));
  }

  const fromAddress = () => buttons.find((button) => `#${nameOf(button)}` === location.hash) ?? buttons[0];

  for (const button of buttons) {
    button.addEventListener('click', () => {
      history.replaceState(null, '', `#${nameOf(button)}`);
      show(button);
    });
  }
  list.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || at === -1) return;
    event.preventDefault();
    const button = buttons[(to + buttons.length) % buttons.length];
    button.focus();
    button.click();
  });
  addEventListener('hashchange', () => show(fromAddress()));
  show(fromAddress());
}

/** A list of tabs and the panel below it, as the ARIA practices describe them: arrows move, the shown tab is in the tab order. */
export function tabs<Name extends string>(titles: Record<Name, string>, make: (name: Name) => Element): HTMLElement[] {
  const list = document.createElement("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Concepts");
  const panel = document.createElement("div");
  panel.id = "panel";
  panel.setAttribute("role", "tabpanel");
  const names = Object.keys(titles) as Name[];
  const buttons = names.map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `tab-${name}`;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", panel.id);
    button.textContent = titles[name];
    button.addEventListener("click", () => show(name));
    return button;
  });
  const show = (name: Name) => {
    buttons.forEach((button, place) => {
      const shown = names[place] === name;
      button.setAttribute("aria-selected", String(shown));
      button.tabIndex = shown ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    panel.replaceChildren(make(name));
  };
  list.addEventListener("keydown", ({ key }) => {
    const by = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? names.length - 1 : 0;
    if (!by) return;
    const at = buttons.findIndex((button) => button.tabIndex === 0);
    const next = (at + by) % names.length;
    show(names[next]!);
    buttons[next]!.focus();
  });
  list.append(...buttons);
  show(names[0]!);
  return [list, panel];
}

/** Space plays and pauses wherever the focus is in a figure, unless a control there needs it. True where it is taken. */
export function playKey(event: KeyboardEvent): boolean {
  if (event.key !== " " || event.defaultPrevented) return false;
  const target = event.composedPath()[0];
  if (target instanceof Element && target.matches("button, input, summary")) return false;
  event.preventDefault();
  return true;
}

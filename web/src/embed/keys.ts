/**
 * Keys pressed inside a piece are the piece's: the page around must not turn a slide because a slider was moved.
 * Keys that no control here uses go on to the page, and so does everything with Ctrl, Alt or Meta.
 */
const OURS = new Set([
  " ",
  "Enter",
  "ArrowLeft",
  "ArrowRight",
  "ArrowUp",
  "ArrowDown",
  "Home",
  "End",
  "PageUp",
  "PageDown",
]);

export function keepKeys(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.defaultPrevented || OURS.has(event.key)) event.stopPropagation();
}

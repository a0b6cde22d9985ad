/** The changes that make a second view: each knob, and what its switch is called. */
export const VIEW_SWITCHES = [
  ["crop", "Crop"],
  ["flip", "Flip"],
  ["jitter", "Colour"],
  ["gray", "Gray"],
  ["blur", "Blur"],
] as const;

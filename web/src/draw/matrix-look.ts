/**
 * Colours of the similarity matrix on the fixed scale -1..1. Negatives: grey below 0, paper at 0, salmon
 * towards 1, so a false likeness glows. Positives: always blue, the brighter the more alike.
 */
import { cosineOf } from "../model/matrix.js";
import type { MatrixColours } from "./heatmap.js";
import { packRgb } from "./palette.js";
import { mixRgb, type Rgb, token, tokenRgb } from "./tokens.js";

export interface MatrixLook extends MatrixColours {
  readonly paper: string;
  readonly line: string;
  readonly hatch: string;
  readonly outline: string;
  readonly mark: string;
}

export interface MatrixInks {
  readonly paper: Rgb;
  readonly cold: Rgb;
  readonly hot: Rgb;
  readonly blue: Rgb;
  readonly self: Rgb;
}

/** Colour of a negative; the middle of the scale is paper. */
export function negativeRgb(cosine: number, inks: MatrixInks): Rgb {
  const share = Math.min(1, Math.abs(cosine)) ** 0.8;
  return mixRgb(inks.paper, cosine < 0 ? inks.cold : inks.hot, cosine < 0 ? share * 0.75 : share);
}

/** Colour of a positive; never so pale that it could be taken for a negative. */
export function positiveRgb(cosine: number, inks: MatrixInks): Rgb {
  return mixRgb(inks.paper, inks.blue, 0.12 + 0.88 * Math.min(1, Math.max(0, cosine)));
}

export function matrixTables(inks: MatrixInks): MatrixColours {
  const table = (colour: (cosine: number, inks: MatrixInks) => Rgb): Uint32Array =>
    Uint32Array.from({ length: 256 }, (_, byte) => packRgb(colour(cosineOf(byte), inks)));
  return { negative: table(negativeRgb), positive: table(positiveRgb), self: packRgb(inks.self) };
}

/** The look in the theme that is showing; read again when it changes. */
export function matrixLook(element: Element): MatrixLook {
  const inks: MatrixInks = {
    paper: tokenRgb(element, "--surface"),
    cold: tokenRgb(element, "--ink-faint"),
    hot: tokenRgb(element, "--untune"),
    blue: tokenRgb(element, "--positive"),
    self: tokenRgb(element, "--sunken"),
  };
  return {
    ...matrixTables(inks),
    paper: token(element, "--surface"),
    line: token(element, "--line-strong"),
    hatch: token(element, "--line-strong"),
    outline: token(element, "--positive"),
    mark: token(element, "--ink"),
  };
}

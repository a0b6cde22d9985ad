import { describe, expect, it } from "vitest";
import { slimCss, slimHtml } from "../vite.templates.js";

describe("slim templates", () => {
  it("keeps the space between words and drops the indent", () => {
    expect(slimHtml("`<p>\n      one\n      <b>two</b> three  four`")).toBe("`<p> one <b>two</b> three  four`");
  });

  it("keeps what a selector and a value mean", () => {
    expect(
      slimCss(
        "`\n  :host > a:hover,\n  p :first-child {\n    margin: 0 -1px; /* why */\n    width: calc(1rem + 2px);\n  }\n`",
      ),
    ).toBe("` :host > a:hover,p :first-child{margin:0 -1px;width:calc(1rem + 2px)}`");
  });
});

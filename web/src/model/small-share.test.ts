import { expect, it } from "vitest";
import { smallShare } from "./small-share.js";

it("calls little by no smaller name than it has", () => {
  expect(smallShare(0.0004)).toBe("under 0.1 %");
  expect(smallShare(0.0006)).toBe("0.1 %");
  expect(smallShare(0.25)).toBe("25 %");
  expect(smallShare(0)).toBe("0 %");
  expect(smallShare(undefined)).toBe("–");
});

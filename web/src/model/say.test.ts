import { describe, expect, it } from "vitest";
import { count, fixed, trend } from "./say.js";

describe("numbers in words", () => {
  it("group counts and dash what is missing", () => {
    expect(count(8192)).toBe("8,192");
    expect(count(null)).toBe("–");
    expect(count(Number.NaN)).toBe("–");
  });

  it("have a fixed number of decimals and a true minus", () => {
    expect(fixed(0.416)).toBe("0.42");
    expect(fixed(-0.416)).toBe("−0.42");
    expect(fixed(-0.001)).toBe("0.00");
    expect(fixed(undefined)).toBe("–");
  });

  it("tell a trend only beyond the noise, over what was measured", () => {
    expect(trend([0.9, Number.NaN, 0.5])).toBe("falling");
    expect(trend([0.5, 0.51])).toBe("steady");
    expect(trend([0.1, 0.5, 0.9, 0.9], 2)).toBe("steady");
    expect(trend([0.1, 0.9])).toBe("rising");
    expect(trend([])).toBe("steady");
  });
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
    pool: "threads",
    maxWorkers: 2,
    minWorkers: 1,
    // Some tests walk through many steps; a machine that is busy with other things needs longer for them.
    testTimeout: 60_000,
  },
});

/** The one thing of Node that a test uses: to read a file that the server's tests read too. */
declare module "node:fs" {
  export function readFileSync(path: URL): Uint8Array<ArrayBuffer>;
}

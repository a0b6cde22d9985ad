/** Addresses that authors write into attributes. */

let here = new URL(".", document.baseURI);

/** The service that pieces without `src` show: where the script or the page of pieces came from. */
export function setHere(service: URL): void {
  here = service;
}

/** A service's address from what was written; null for what is no address of a web page. */
export function serviceAt(text: string | null): URL | null {
  if (!text) return here;
  const url = webAddress(text);
  if (url && !url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** An address, relative to the page that it was written into; null for what is no address of a web page. */
export function webAddress(text: string): URL | null {
  const url = URL.canParse(text, document.baseURI) ? new URL(text, document.baseURI) : null;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : null;
}

// The live run in a notebook: the service's own element, or its page in a frame where that cannot be loaded, or in words
// why the service lets a page like this one show neither.
const loads = new Map();
const NAMES = ["url", "run", "token", "piece", "page", "height", "sites"];

function load(url) {
  if (!loads.has(url)) {
    const coming = import(/* @vite-ignore */ `${url}/elements.js`);
    loads.set(url, coming);
    // A service that was away is asked again by the next cell. A browser may remember for good that it was.
    coming.catch(() => loads.delete(url));
  }
  return loads.get(url);
}

function frame(model) {
  const page = document.createElement("iframe");
  page.src = `${model.get("url")}/embed/${model.get("page")}?run=${encodeURIComponent(model.get("run"))}`;
  if (model.get("token")) page.src += `#token=${model.get("token")}`;
  page.title = `Sushibelt, run ${model.get("run")}`;
  page.style.cssText = `width:100%;border:0;height:${model.get("height")}px`;
  return page;
}

/** True where the service said which sites may frame its pieces, and this one is not among them. */
function refused(model) {
  const sites = model.get("sites");
  return Boolean(sites) && !sites.split(" ").some((site) => site === "*" || site === location.origin);
}

function words(model) {
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  const setting = document.createElement("code");
  // An editor's own pages have an origin that cannot be named.
  setting.textContent = `SUSHIBELT_EMBED_ORIGINS=${location.protocol.startsWith("http") ? location.origin : "*"}`;
  said.append(`The service at ${model.get("url")} lets no page from here show its runs yet. Start it with `, setting);
  said.append(", then run this cell again.");
  return said;
}

function element(model) {
  const piece = document.createElement(model.get("piece"));
  follow(piece, model);
  return piece;
}

/** The element says what the model does; it goes on as it is where nothing is new. */
function follow(piece, model) {
  for (const [attribute, name] of [["src", "url"], ["run", "run"], ["token", "token"]]) {
    if ((piece.getAttribute(attribute) ?? "") !== (model.get(name) ?? "")) piece.setAttribute(attribute, model.get(name));
  }
  piece.style.cssText = `display:block;height:${model.get("height")}px`;
}

async function render({ model, el }) {
  let gone = false;
  let turn = 0;
  const show = async () => {
    const shown = el.firstElementChild;
    const mine = ++turn;
    if (shown?.localName === model.get("piece") && shown.getAttribute("src") === model.get("url")) {
      follow(shown, model);
      return;
    }
    const make = await load(model.get("url")).then(
      () => element,
      () => (refused(model) ? words : frame),
    );
    // Meanwhile the cell may be gone, or the model may say something else.
    if (!gone && mine === turn) el.replaceChildren(make(model));
  };
  for (const name of NAMES) model.on(`change:${name}`, show);
  show();
  return () => {
    gone = true;
    for (const name of NAMES) model.off(`change:${name}`, show);
    el.replaceChildren(); // taking the element out closes its socket
  };
}

export default { render };

// The live run in a notebook: the service's own element, or its page in a frame where that cannot be loaded.
const loads = new Map();

function load(url) {
  if (!loads.has(url)) loads.set(url, import(/* @vite-ignore */ `${url}/elements.js`));
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

function element(model) {
  const piece = document.createElement(model.get("piece"));
  piece.setAttribute("src", model.get("url"));
  piece.setAttribute("run", model.get("run"));
  if (model.get("token")) piece.setAttribute("token", model.get("token"));
  piece.style.cssText = `display:block;height:${model.get("height")}px`;
  return piece;
}

async function render({ model, el }) {
  let gone = false;
  load(model.get("url")).then(
    () => gone || el.replaceChildren(element(model)),
    () => gone || el.replaceChildren(frame(model)),
  );
  return () => {
    gone = true;
    el.replaceChildren(); // taking the element out closes its socket
  };
}

export default { render };

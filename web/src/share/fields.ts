/** The fields of the panel, each with its label. */

import { html, type TemplateResult } from "lit";

/** One of several. */
export function radios<T extends string>(
  name: string,
  titles: Readonly<Record<T, string>>,
  chosen: T,
  choose: (value: T) => void,
  without: readonly T[] = [],
): TemplateResult[] {
  return (Object.keys(titles) as T[]).map(
    (value) =>
      html`<label
          ><input
            type="radio"
            name=${name}
            value=${value}
            .checked=${value === chosen}
            ?disabled=${without.includes(value)}
            @change=${() => choose(value)}
          /><span>${titles[value]}</span></label
        >`,
  );
}

/** Yes or no. */
export function check(title: string, on: boolean, choose: (on: boolean) => void): TemplateResult {
  return html`<label
      ><input
        type="checkbox"
        .checked=${on}
        @change=${(event: Event) => choose((event.target as HTMLInputElement).checked)}
      /><span>${title}</span></label
    >`;
}

/** A line of text, heard letter by letter. */
export function text(title: string, value: string, example: string, choose: (value: string) => void): TemplateResult {
  return html`<label class="field"
      ><span>${title}</span
      ><input
        type="text"
        autocomplete="off"
        spellcheck="false"
        placeholder=${example}
        .value=${value}
        @input=${(event: Event) => choose((event.target as HTMLInputElement).value.trim())}
    /></label>`;
}

/** A number of pixels, heard when it is whole; what is none goes back to what was. */
export function number(title: string, value: number, choose: (value: number) => void): TemplateResult {
  const read = (event: Event) => {
    const field = event.target as HTMLInputElement;
    const said = field.valueAsNumber;
    if (Number.isInteger(said) && said > 0 && said <= 4_000) choose(said);
    else field.value = String(value);
  };
  return html`<label class="field number"
      ><span>${title}, pixels</span
      ><input type="number" min="100" max="4000" step="10" .value=${String(value)} @change=${read} /></label
    >`;
}

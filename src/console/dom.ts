/** The few things that every view does with the page. Text is always set as text, never as markup. */

/** The element that index.html has under this id. Throws when it has none: then the two files do not belong together. */
export function byId<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  ...content: (string | Node)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.append(...content);
  return made;
}

/** Adds at the end, forgets the oldest, and follows the end unless somebody has scrolled back to read. */
export function addLine(list: HTMLElement, line: HTMLElement, maxLines: number): void {
  const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(line);
  while (list.childElementCount > maxLines) list.firstElementChild?.remove();
  if (follows) list.scrollTop = list.scrollHeight;
}

/** Writes only what changed: a live region would be read again otherwise. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

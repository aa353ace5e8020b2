/**
 * A table of any number of rows of one height, of which only those that can be seen exist. Told to assistive technology as a whole (`aria-rowcount`,
 * `aria-rowindex`); the arrow keys, Page Up and Down, Home and End move from row to row. Scrolling is the browser's own.
 */
import type { ComponentChildren, JSX, RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps {
  readonly label: string;
  readonly count: number;
  readonly rowHeightPx: number;
  /** Cells of the head row. */
  readonly head: ComponentChildren;
  readonly keyOf: (index: number) => string;
  /** Cells of a row; the first link in it takes the focus. */
  readonly renderRow: (index: number) => ComponentChildren;
}

/** Rows beyond each edge: those that a fast scroll may show before the next drawing. */
const overscan = 8;

interface Range {
  readonly first: number;
  readonly last: number;
}

function visibleRange(scroller: HTMLElement, rowHeightPx: number): Range {
  const first = Math.floor(scroller.scrollTop / rowHeightPx);
  return {
    first: Math.max(0, first - overscan),
    last: first + Math.ceil(scroller.clientHeight / rowHeightPx) + overscan,
  };
}

/** Which rows exist, following the scrolling and the size of the box; and the way to look again at once. */
function useRange(box: RefObject<HTMLDivElement | null>, rowHeightPx: number): [Range, () => void] {
  const [range, setRange] = useState<Range>({ first: 0, last: 2 * overscan });
  const look = useCallback(() => {
    if (box.current === null) return;
    const next = visibleRange(box.current, rowHeightPx);
    setRange((now) => (now.first === next.first && now.last === next.last ? now : next));
  }, [rowHeightPx]);
  useLayoutEffect(() => {
    const scroller = box.current;
    if (scroller === null) return;
    const resized = new ResizeObserver(look);
    resized.observe(scroller);
    // Scroll events come once per frame already.
    scroller.addEventListener('scroll', look, { passive: true });
    look();
    return () => {
      resized.disconnect();
      scroller.removeEventListener('scroll', look);
    };
  }, [look]);
  return [range, look];
}

/** How far a key moves, in rows; null when it is none of ours. */
function stepOf(key: string, page: number): number | null {
  if (key === 'ArrowDown') return 1;
  if (key === 'ArrowUp') return -1;
  if (key === 'PageDown') return page;
  if (key === 'PageUp') return -page;
  if (key === 'Home') return -Infinity;
  return key === 'End' ? Infinity : null;
}

/** Moves the focus from row to row: what to do with a key that was pressed in the list. The row is focused once it exists. */
function useRowKeys(
  box: RefObject<HTMLDivElement | null>,
  { count, rowHeightPx, look }: { readonly count: number; readonly rowHeightPx: number; readonly look: () => void },
): (event: KeyboardEvent) => void {
  const wanted = useRef<number | null>(null);
  const focusWanted = (): void => {
    const link = box.current?.querySelector<HTMLElement>(`[data-index="${String(wanted.current)}"] a`);
    if (link === null || link === undefined) return;
    wanted.current = null;
    link.focus({ preventScroll: true });
  };
  useEffect(() => {
    if (wanted.current !== null) focusWanted();
  });
  return (event) => {
    const scroller = box.current;
    if (scroller === null || !(event.target instanceof HTMLElement)) return;
    const page = Math.max(1, Math.floor(scroller.clientHeight / rowHeightPx) - 2);
    const step = stepOf(event.key, page);
    if (step === null || count === 0) return;
    const current = event.target.closest<HTMLElement>('[data-index]')?.dataset.index;
    event.preventDefault();
    const from =
      current === undefined ? Math.floor(scroller.scrollTop / rowHeightPx) - Math.sign(step) : Number(current);
    const target = Math.max(0, Math.min(count - 1, from + step));
    reveal(scroller, target, rowHeightPx);
    wanted.current = target;
    look();
    focusWanted();
  };
}

interface Rows {
  readonly count: number;
  readonly keyOf: (index: number) => string;
}

/** The row that has the focus, wherever the list is scrolled to: if it went, the focus would be lost. In the order of the list: a row that is moved loses it too. */
function useFocusedRow({ count, keyOf }: Rows): {
  readonly focused: (event: FocusEvent) => void;
  readonly blurred: () => void;
  readonly withFocused: (visible: readonly number[]) => readonly number[];
} {
  const held = useRef<{ readonly key: string; readonly index: number } | null>(null);
  const placeOf = (key: string, was: number): number => {
    if (was < count && keyOf(was) === key) return was;
    for (let index = 0; index < count; index += 1) if (keyOf(index) === key) return index;
    return -1;
  };
  return {
    focused: ({ target }) => {
      const row = target instanceof HTMLElement ? target.closest<HTMLElement>('[data-index]') : null;
      const index = Number(row?.dataset.index ?? NaN);
      held.current = index < count ? { key: keyOf(index), index } : null;
    },
    blurred: () => (held.current = null),
    withFocused: (visible) => {
      if (held.current === null) return visible;
      const { key, index: was } = held.current;
      const index = placeOf(key, was);
      held.current = index < 0 ? null : { key, index };
      if (index < 0 || visible.includes(index)) return visible;
      return index < (visible[0] ?? 0) ? [index, ...visible] : [...visible, index];
    },
  };
}

export function VirtualList({ label, count, rowHeightPx, head, keyOf, renderRow }: VirtualListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [{ first, last }, look] = useRange(box, rowHeightPx);
  const moved = useRowKeys(box, { count, rowHeightPx, look });
  const { focused, blurred, withFocused } = useFocusedRow({ count, keyOf });
  const visible = Array.from({ length: Math.max(0, Math.min(last, count) - first) }, (_, place) => first + place);
  return (
    <div
      class="list"
      role="table"
      aria-label={label}
      aria-rowcount={count + 1}
      tabIndex={0}
      ref={box}
      onKeyDown={moved}
      onFocusIn={focused}
      onFocusOut={blurred}
    >
      <div role="rowgroup" class="list-head">
        <div role="row" class="list-row" aria-rowindex={1}>
          {head}
        </div>
      </div>
      <div role="rowgroup" class="list-body" style={{ height: `${count * rowHeightPx}px` }}>
        {withFocused(visible).map((index) => (
          <div
            role="row"
            class="list-row"
            key={keyOf(index)}
            aria-rowindex={index + 2}
            data-index={index}
            style={{ transform: `translateY(${index * rowHeightPx}px)` }}
          >
            {renderRow(index)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Below the head, which stays at its place. */
function reveal(scroller: HTMLElement, index: number, rowHeightPx: number): void {
  const head = scroller.firstElementChild instanceof HTMLElement ? scroller.firstElementChild.offsetHeight : 0;
  const top = index * rowHeightPx;
  const bottom = top + rowHeightPx - (scroller.clientHeight - head);
  if (scroller.scrollTop > top) scroller.scrollTop = top;
  else if (scroller.scrollTop < bottom) scroller.scrollTop = bottom;
}

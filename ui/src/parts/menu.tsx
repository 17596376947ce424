/** A button that opens a panel below it, in front of whatever scrolls; Escape and a click elsewhere close it, arrow keys walk through it. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  readonly label: ComponentChildren;
  /** What a screen reader says where the label is a picture. */
  readonly name?: string;
  readonly kind?: string;
  readonly alignRight?: boolean;
  /** Whether a click inside closes the panel. */
  readonly closes?: boolean;
  readonly disabled?: boolean;
  readonly children: ComponentChildren;
}

export function Menu({ label, name, kind = "button", alignRight = false, closes = true, disabled = false, children }: Props) {
  const isOpen = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const button = root.current?.getBoundingClientRect();
    const box = panel.current;
    if (!isOpen.value || !button || !box) return;
    const left = alignRight ? button.right - box.offsetWidth : button.left;
    const below = button.bottom + 5;
    const fits = below + box.offsetHeight <= innerHeight - 8;
    box.style.left = `${Math.max(8, Math.min(left, innerWidth - box.offsetWidth - 8))}px`;
    box.style.top = `${fits ? below : Math.max(8, Math.min(button.top - 5 - box.offsetHeight, innerHeight - 8 - box.offsetHeight))}px`;
  });
  useEffect(() => {
    const elsewhere = (event: Event) => root.current?.contains(event.target as Node) || (isOpen.value = false);
    addEventListener("pointerdown", elsewhere);
    return () => removeEventListener("pointerdown", elsewhere);
  }, []);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isOpen.value) {
      isOpen.value = false;
      root.current?.querySelector("button")?.focus();
      event.stopPropagation();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const items = [...(root.current?.querySelectorAll<HTMLElement>(".menu-panel :is(button, a, input)") ?? [])];
    if (!items.length) return;
    const at = items.indexOf(document.activeElement as HTMLElement);
    items[(at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length]?.focus();
    event.preventDefault();
  };
  return (
    <div class="menu" ref={root} onKeyDown={onKey}>
      <button
        type="button"
        class={kind}
        aria-haspopup="true"
        aria-expanded={isOpen.value}
        aria-label={name}
        title={name}
        disabled={disabled}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        {label}
      </button>
      {isOpen.value && (
        <div class="menu-panel" ref={panel} onClick={() => closes && (isOpen.value = false)}>
          {children}
        </div>
      )}
    </div>
  );
}

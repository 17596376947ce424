/** The frame of a page: its heading with what stands beside it, and the title of the window. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Icon } from "./icon";

interface Props {
  readonly title: string;
  /** What leads here: text and address. */
  readonly crumbs?: readonly (readonly [string, string])[];
  readonly actions?: ComponentChildren;
  /** Whether the page fills the window, with parts that scroll by themselves. */
  readonly isFull?: boolean;
  readonly children: ComponentChildren;
}

export function PageFrame({ title, crumbs = [], actions, isFull = false, children }: Props) {
  useEffect(() => {
    document.title = `${title} · mlctl`;
  }, [title]);
  return (
    <div class={`page${isFull ? " full" : ""}`}>
      <header>
        {crumbs.length > 0 && (
          <nav class="crumbs" aria-label="Where this page is">
            {crumbs.map(([text, address]) => (
              <>
                <a href={address} class="clip">
                  {text}
                </a>
                <Icon name="right" size={12} />
              </>
            ))}
          </nav>
        )}
        <h1 class="clip grow" title={title}>
          {title}
        </h1>
        {actions}
      </header>
      {children}
    </div>
  );
}

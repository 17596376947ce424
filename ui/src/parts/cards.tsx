/** What pages about one thing are made of: cards with a heading, and lists of facts. */
import type { ComponentChildren } from "preact";
import "./cards.css";

export function Card({ title, actions, children }: { title: string; actions?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="card padded stack" aria-label={title}>
      <div class="row">
        <h2 class="grow">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

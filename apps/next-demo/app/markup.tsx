import type { Html } from '@sess/demo-kit';

/** A part of the page that is the same in every demo. */
export function Markup({ of }: { of: Html }) {
  return <div className="part" dangerouslySetInnerHTML={{ __html: of.markup }} />;
}

/** A name as SQL has it. */
export const quoted = (name: string): string => `"${name}"`;

/** A text as SQL has it. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

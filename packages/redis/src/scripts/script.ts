import { createHash } from 'node:crypto';

/** A Lua script. It runs as one step; what it wrote before an error stays written, so all checks come first. */
export interface Script {
  lua: string;
  sha: string;
}

export function script(...parts: string[]): Script {
  const lua = parts.join('\n');
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

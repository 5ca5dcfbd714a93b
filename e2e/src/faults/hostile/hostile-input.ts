import { hostileCookies } from './cookie-headers.ts';
import { hostileFormerCookies } from './former-cookies.ts';
import type { HostileRow } from './hostile-row.ts';
import { hostileData, hostileOptions } from './options-and-data.ts';
import { hostileFileRecords, hostilePostgresRecords, hostileRedisRecords } from './stored-records.ts';

interface Kind {
  readonly input: string;
  /** Which part of all cases is of this kind. */
  readonly part: number;
  hostile(cases: number, seed: number): Promise<HostileRow>;
}

/** Another store is another line. */
const kinds: readonly Kind[] = [
  { input: 'Cookie headers', part: 0.3, hostile: hostileCookies },
  { input: 'cookies of older libraries', part: 0.2, hostile: hostileFormerCookies },
  { input: 'records in Redis', part: 0.15, hostile: hostileRedisRecords },
  { input: 'records in files', part: 0.05, hostile: hostileFileRecords },
  { input: 'rows in PostgreSQL', part: 0.05, hostile: hostilePostgresRecords },
  { input: 'options', part: 0.05, hostile: hostileOptions },
  { input: 'session data', part: 0.2, hostile: hostileData },
];

interface Settings {
  /** Of all kinds together, or of the one kind. */
  readonly cases: number;
  readonly seed: number;
  /** One kind alone, by its name. */
  readonly only?: string | undefined;
  readonly say?: (line: string) => void;
}

export async function hostileInput({ cases, seed, only, say = () => {} }: Settings): Promise<HostileRow[]> {
  const rows: HostileRow[] = [];
  for (const { input, part, hostile } of kinds) {
    if (only !== undefined && only !== input) continue;
    const row = await hostile(Math.ceil(only === undefined ? cases * part : cases), seed);
    say(`${row.input}: ${row.cases} cases in ${row.seconds} s; ${row.failure ?? 'all of them dealt with'}`);
    rows.push(row);
  }
  return rows;
}

import { type App } from '../app.ts';
import { examine } from '../doctor/examine.ts';
import { examinationJson, examinationLines } from '../doctor/examination-lines.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

export interface DoctorFlags {
  url?: string;
  reportUrl?: string;
  header: readonly string[];
  requests: number;
  env: readonly string[];
  json?: true;
}

/** Looks at what the app is set up with, where its sessions are, and at the app itself where its address is given. */
export async function doctor(app: App, flags: DoctorFlags, { out }: Terminal): Promise<void> {
  const { url, reportUrl, header, requests, json, env } = flags;
  if (header.length > 0 && reportUrl === undefined)
    throw new CommandError(exitCodes.usage, '--header goes with --report-url.');
  const headers = Object.fromEntries(header.map(parseHeader));
  const examination = await examine({
    app,
    envFiles: env,
    ...(url === undefined ? {} : { url: parseUrl('--url', url) }),
    ...(reportUrl === undefined ? {} : { report: { url: parseUrl('--report-url', reportUrl), headers, requests } }),
  });
  if (json) out.json(examinationJson(examination));
  else for (const line of examinationLines(examination, out)) out.line(line);
  if (examination.findings.some(({ severity }) => severity === 'error')) process.exitCode = exitCodes.found;
}

function parseUrl(option: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new CommandError(exitCodes.usage, `${option} takes an address that begins with http:// or https://.`);
}

/** What was typed is not repeated: it is there to let somebody in. */
function parseHeader(text: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):\s*(.*)$/.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new CommandError(exitCodes.usage, "--header takes a name and a value: --header 'Authorization: Bearer ...'");
}

import { SessError } from '../errors.ts';
import type { SessionState } from './session-state.ts';

/** More than this says no more of a device, and a `User-Agent` may be of any length. */
const MOST_CHARACTERS = 200;

/**
 * A device's name as it is stored: one line, so that it can be shown anywhere. What a browser sends may hold anything, and
 * must not keep anybody from logging in, so it is tidied and not refused.
 *
 * @throws SessError `CONFIG_INVALID` for what is not a text
 */
export function deviceLabel(label: unknown): string | undefined {
  if (label === undefined) return undefined;
  if (typeof label !== 'string')
    throw new SessError(
      'CONFIG_INVALID',
      'regenerate({ label }) takes a text: what to call the device in list(owner).',
    );
  const line = label
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return line === '' ? undefined : Array.from(line).slice(0, MOST_CHARACTERS).join('');
}

/** @throws SessError `CONFIG_INVALID` for a session that nobody could list */
export function nameDevice(state: SessionState, label: string): void {
  if (state.owner === undefined)
    throw new SessError(
      'CONFIG_INVALID',
      'regenerate({ label }) needs an owner, since list(owner) is what shows the label: regenerate({ owner, label }).',
    );
  state.settings = { ...state.settings, label };
}

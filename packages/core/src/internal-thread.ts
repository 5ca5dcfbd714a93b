/**
 * What a thread of a store's own needs of core. It loads this and no more: the whole of core would take 84 ms of CPU and
 * 4 MB of memory once again in each process. For this project's packages alone, like the entry `internal`.
 *
 * @packageDocumentation
 */
export { systemClock } from './clock.ts';
export { SessError, isSessError } from './errors.ts';
export { emptyFields, setField } from './record-fields.ts';

/**
 * What the tests of this project's own stores share. Not for anybody else: it may change with every version.
 */
export {
  type Outcome,
  by,
  changed,
  forget,
  keysOf,
  newKey,
  newPrefix,
  outcomeOf,
  record,
  sessionOf,
  stored,
  update,
} from './session-fixtures.ts';

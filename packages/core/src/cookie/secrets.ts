import { developmentSecret } from './development-secret.ts';
import { type Environment, isProduction, variable } from '../environment.ts';
import { SessError } from '../errors.ts';
import { isFirstWorker } from '../workers.ts';

/** OWASP ASVS 5.0 V11: a key of 256 bits; what is shorter can be guessed offline from one cookie. */
const MINIMUM_BYTES = 32;

/** What secrets in tutorials and templates are made of; nothing else in it, and it is not a secret. Long words first. */
const placeholderWords = new RegExp(
  `development|production|something|changeme|password|secretkey|yoursecret|default|example|minimum|nextauth|replace
  |session|change|cookie|hunter|insert|please|random|sample|secret|phrase|string|super|token|value|your|with|very
  |text|test|this|that|some|pass|prod|demo|long|here|must|keyboard|cat|dev|for|key|and|the|min|put|use|my|me|it|in
  |bit|is|at|an|be|by|of|or|to|sh+|a`.replaceAll(/\s/g, ''),
  'gu',
);

const makeOne = "Make a good one with: node -p \"require('node:crypto').randomBytes(32).toString('base64url')\"";

export interface SecretSource {
  option: string | readonly string[] | undefined;
  env: Environment;
  /** Where the development secret is kept; asked only when it is needed. */
  directory: () => string;
  warn: (line: string) => void;
}

/**
 * The secrets: the first signs, all verify. From the option, else `SECRET_KEY` and after it `SECRET_KEY_FALLBACKS` (comma
 * separated).
 *
 * @throws SessError `SECRET_INVALID`
 */
export function resolveSecrets({ option, env, directory, warn }: SecretSource): readonly [string, ...string[]] {
  const given = option === undefined ? fromEnvironment(env) : [option].flat();
  const where = option === undefined ? 'SECRET_KEY' : 'Option secret';
  if (option !== undefined && given.length === 0) throw invalid('Option secret is an empty list.');
  for (const secret of given) {
    if (typeof secret !== 'string' || secret === '')
      throw invalid(`${where} must be a text, or several, none of them empty.`);
  }
  if (new Set(given).size !== given.length) throw invalid(`${where} names the same secret twice.`, 'Name it once.');

  const [first, ...others] = given;
  if (first === undefined) return [secretForNone(env, directory, warn)];
  const secrets: readonly [string, ...string[]] = [first, ...others];
  const weak = secrets.find(isWeak);
  if (weak !== undefined) {
    const sentence = `${where} is ${describeWeakness(weak)}: whoever guesses it can sign cookies.`;
    if (isProduction(env)) throw invalid(sentence);
    warn(`${sentence} Production refuses it. ${makeOne}`);
  }
  return secrets;
}

function fromEnvironment(env: Environment): string[] {
  const fallbacks = variable(env, 'SECRET_KEY_FALLBACKS')?.split(',') ?? [];
  const first = variable(env, 'SECRET_KEY');
  const named = fallbacks.map((secret) => secret.trim()).filter((secret) => secret !== '');
  const others = named.filter((secret) => secret !== first);
  if (first === undefined && named.length > 0)
    throw invalid(
      'SECRET_KEY_FALLBACKS is set and SECRET_KEY is not.',
      'Set SECRET_KEY to the secret that signs, the same for all workers.',
    );
  // A slip of a rotation that would log everybody out: the new secret twice, the old one nowhere.
  if (named.length > 0 && others.length === 0)
    throw invalid(
      'SECRET_KEY_FALLBACKS names nothing but SECRET_KEY itself.',
      'While a secret is rotated name the other one there, the old or the coming one; at the end unset SECRET_KEY_FALLBACKS.',
    );
  return first === undefined ? [] : [first, ...new Set(others)];
}

function secretForNone(env: Environment, directory: () => string, warn: (line: string) => void): string {
  if (isProduction(env))
    throw invalid(
      "SECRET_KEY is not set, and NODE_ENV=production wants one: the same for all workers, so that each accepts the others' cookies.",
    );
  const { secret, madeBy } = developmentSecret(directory());
  // The workers of a host have one secret, and one of them says so.
  if (madeBy === 'us' || (madeBy === 'earlier start' && isFirstWorker(env)))
    warn(`SECRET_KEY is not set: using a development secret kept in ${directory()}. Production needs SECRET_KEY.`);
  return secret;
}

function isWeak(secret: string): boolean {
  return Buffer.byteLength(secret) < MINIMUM_BYTES || isWellKnown(secret);
}

/** Words from templates, whatever digits and signs stand between them; few different characters; the alphabet. */
function isWellKnown(secret: string): boolean {
  const plain = secret.toLowerCase();
  const isTemplate = /\p{L}/u.test(plain) && !/\p{L}/u.test(plain.replaceAll(placeholderWords, ''));
  return new Set(plain).size < 8 || isTemplate || isSequence(plain);
}

/** More than half of the characters follow the one before them: `0123456789abcdef`, twice. */
function isSequence(text: string): boolean {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const steps = codes.filter((code, index) => code - 1 === codes[index - 1]).length;
  return steps > codes.length / 2;
}

function describeWeakness(secret: string): string {
  return Buffer.byteLength(secret) < MINIMUM_BYTES
    ? `shorter than ${MINIMUM_BYTES} bytes`
    : 'a well-known or repetitive text';
}

function invalid(sentence: string, advice: string = makeOne): SessError {
  return new SessError('SECRET_INVALID', `${sentence} ${advice}`);
}

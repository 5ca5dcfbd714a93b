import { type KeyObject, createHmac, generateKeyPairSync, sign } from 'node:crypto';

import { serve } from '@sess/adapter-tests';

export interface OpenIdProvider {
  readonly url: string;
  /** What the login was begun with. */
  nonce: string | undefined;
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Serves what says of everybody that it is ann, by an id token with the nonce of the login. */
export async function serveOpenIdProvider(algorithm: 'HS256' | 'RS256'): Promise<OpenIdProvider> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }];
  const { url } = await serve((request, response) => {
    const answers: Record<string, () => object> = {
      '/.well-known/openid-configuration': () => discovery(url),
      '/keys': () => ({ keys }),
      '/token': () => {
        const now = Math.floor(Date.now() / 1000);
        const claims = { iss: url, sub: 'ann', aud: 'client', exp: now + 60, iat: now, nonce: provider.nonce };
        const signed = `${part({ alg: algorithm, kid: 'one' })}.${part(claims)}`;
        const token = `${signed}.${signatureOf(signed, algorithm === 'HS256' ? undefined : privateKey)}`;
        return { access_token: 'a', token_type: 'bearer', expires_in: 60, id_token: token };
      },
    };
    const answer = answers[new URL(request.url ?? '/', url).pathname];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer?.() ?? {}));
  });
  const provider: OpenIdProvider = { url, nonce: undefined };
  return provider;
}

function signatureOf(text: string, key: KeyObject | undefined): string {
  if (key !== undefined) return sign('RSA-SHA256', Buffer.from(text), key).toString('base64url');
  return createHmac('sha256', 'secret').update(text).digest('base64url');
}

const discovery = (url: string): object => ({
  issuer: url,
  authorization_endpoint: `${url}/authorize`,
  token_endpoint: `${url}/token`,
  jwks_uri: `${url}/keys`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  token_endpoint_auth_methods_supported: ['client_secret_post'],
});

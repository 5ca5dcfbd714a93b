/** For grant: logins at `/connect/fake` by way of this provider, and back to `/done`. */
export function grantConfig(app: string, provider: string): object {
  return {
    defaults: { origin: app, transport: 'session', state: true },
    fake: {
      authorize_url: `${provider}/authorize`,
      access_url: `${provider}/token`,
      oauth: 2,
      key: 'key',
      secret: 'secret',
      callback: '/done',
    },
  };
}

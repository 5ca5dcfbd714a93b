import type { AppPair } from './checked-apps.ts';
import { type Answer, type Ask, send } from './http-client.ts';

export type Deed = 'views' | 'me' | 'login' | 'logout';

/** How one does it in a framework, and where the outcome stands in the answer. */
export type Protocol = (deed: Deed) => { path: string; outcome: RegExp } & Ask;

export const byPath: Protocol = (deed) => ({
  path: deed === 'views' ? '/' : `/${deed}`,
  method: deed === 'login' || deed === 'logout' ? 'POST' : 'GET',
  outcome: /^(?:View )?(\w+)$/,
});

/** What a visitor of both processes, in turn, is told; and what of a store without rights. */
export interface Told {
  readonly first: readonly (string | undefined)[];
  readonly ofReadFault: readonly unknown[];
  readonly ofWriteFault: readonly unknown[];
  readonly afterIt: readonly (string | undefined)[];
}

const fault = [503, '1', 'no-store', []];

/** What it has to be: the count of one visitor, who is logged in until the logout, and a 503 for each fault. */
export const rightly: Told = {
  first: ['nobody', '1', 'in', '1', '2', 'ada'],
  ofReadFault: fault,
  ofWriteFault: fault,
  afterIt: ['ada', '3', 'out', 'nobody'],
};

/** Visits the recipe of a page. */
export async function visitRecipe({ running, rights }: AppPair, protocol: Protocol): Promise<Told> {
  let cookie: string | undefined;
  let turn = 0;
  const ask = async (deed: Deed): Promise<Answer & { outcome: string | undefined }> => {
    const { path, outcome, ...how } = protocol(deed);
    const answer = await send(`${running[(turn += 1) % 2 === 0 ? 0 : 1].url}${path}`, { ...how, cookie });
    cookie = answer.setCookies[0]?.split(';')[0] ?? cookie;
    return { ...answer, outcome: outcome.exec(answer.text)?.[1] };
  };
  const outcomes = async (...deeds: Deed[]): Promise<(string | undefined)[]> => {
    const all: (string | undefined)[] = [];
    for (const deed of deeds) {
      const { status, text, outcome } = await ask(deed);
      // Some frameworks answer what was posted with a 201.
      all.push(status === 200 || status === 201 ? outcome : `${status} ${text}`);
    }
    return all;
  };
  const faultOf = async (deed: Deed, ...without: string[]): Promise<unknown[]> => {
    await rights(...without.map((right) => `-${right}`));
    const { status, headers, setCookies } = await ask(deed);
    await rights(...without.map((right) => `+${right}`));
    return [status, headers['retry-after'], headers['cache-control'], setCookies];
  };
  return {
    first: await outcomes('me', 'views', 'login', 'views', 'views', 'me'),
    ofReadFault: await faultOf('me', 'get'),
    ofWriteFault: await faultOf('views', 'eval', 'evalsha'),
    afterIt: await outcomes('me', 'views', 'logout', 'me'),
  };
}

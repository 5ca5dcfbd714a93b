import { channel } from 'node:diagnostics_channel';

import { describe, expect, it } from 'vitest';

import { channels, onSessionEvent, publish } from './events.ts';

describe('an event', () => {
  it('reaches its listeners, until they stop listening', () => {
    const heard: unknown[] = [];
    const stop = onSessionEvent('gone', (event) => heard.push(event));
    publish('gone', () => ({ handle: 'a' }));
    publish('touched', () => ({ handle: 'other', durationMs: 1 }));
    stop();
    publish('gone', () => ({ handle: 'b' }));
    expect(heard).toEqual([{ handle: 'a' }]);
  });

  it('is not even made when nobody listens', () => {
    publish('gone', () => {
      throw new Error('nobody listens');
    });
    expect(channels.gone.hasSubscribers).toBe(false);
  });

  it('stops for one listener alone', () => {
    const heard: string[] = [];
    const stops = ['a', 'b'].map((name) => onSessionEvent('gone', () => heard.push(name)));
    stops[0]?.();
    stops[0]?.();
    publish('gone', () => ({ handle: 'x' }));
    stops[1]?.();
    expect(heard).toEqual(['b']);
  });

  it('has a channel of its own in node:diagnostics_channel, for tools that know nothing of us', () => {
    for (const [name, own] of Object.entries(channels)) expect(own).toBe(channel(`sess:${name}`));
    expect(Object.keys(channels)).toEqual(
      expect.arrayContaining([
        'ambiguousCookie',
        'badSignature',
        'committed',
        'conflict',
        'destroyed',
        'dropped',
        'gone',
        'longCookieHeader',
        'opened',
        'regenerated',
        'commitFailed',
        'storeAnswered',
        'storeError',
        'touched',
        'unknownCookie',
      ]),
    );
  });
});

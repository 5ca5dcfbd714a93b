/** What a wrong answer is called in the table. */
export type Wrong =
  | 'false logout'
  | 'revived session'
  | "another user's session"
  | 'lost write'
  | 'late answer'
  | 'no answer'
  | 'wrong answer';

export type Verdict =
  | { readonly outcome: 'right' | 'refused' | 'broken off' }
  | { readonly outcome: 'wrong'; readonly wrong: Wrong; readonly problem: string };

export type Outcome = Verdict['outcome'];

export function wrongly(wrong: Wrong, problem: string): Verdict {
  return { outcome: 'wrong', wrong, problem };
}

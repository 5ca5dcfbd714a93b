import { expect, it } from 'vitest';
import { program } from './program.ts';
import { openTerminal } from './terminal.ts';

/** What `--help` prints, of the whole and of one command. */
function helpsOf(facts: { version: string; homepage?: string }): string[] {
  const sess = program(openTerminal(), facts);
  return [sess, ...sess.commands.filter((one) => one.name() === 'doctor')].map((command) => {
    let text = '';
    command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp();
    return text;
  });
}

it('the help leads to the documentation where its publisher has said where it is, and is silent where not', () => {
  const published = helpsOf({ version: '1.0.0', homepage: 'https://sess.example/packages/cli' });
  expect(published).toHaveLength(2);
  for (const help of published) expect(help).toMatch(/\n\nDocumentation: https:\/\/sess\.example\/packages\/cli\n$/);
  for (const help of helpsOf({ version: '1.0.0' })) {
    expect(help).toContain('Examples:');
    expect(help).not.toMatch(/Documentation|undefined/);
  }
});

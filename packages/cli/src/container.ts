import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Docker and Podman leave a file, Podman and systemd a variable, Kubernetes the address of its own API. */
export function isContainer(env: Environment = process.env): boolean {
  return (
    existsSync('/.dockerenv') ||
    existsSync('/run/.containerenv') ||
    env['container'] !== undefined ||
    env['KUBERNETES_SERVICE_HOST'] !== undefined
  );
}

/** Whether what is written to a directory goes with its container: no volume is mounted there. */
export function goesWithContainer(directory: string, env: Environment): boolean {
  return isContainer(env) && deviceOf(directory) === deviceOf('/');
}

/** Of a directory that is not there yet: of the one that it would be made in. */
function deviceOf(directory: string): number {
  let path = directory;
  while (!existsSync(path) && path !== dirname(path)) path = dirname(path);
  return statSync(path).dev;
}

/** How to run a command as another user, where this process is: sudo is in few containers. */
export function asUser(user: string | number, command: string): string {
  const id = typeof user === 'number' && !isContainer() ? `'#${user}'` : user;
  return isContainer() ? `docker exec -u ${id} <container> ${command}` : `sudo -u ${id} ${command}`;
}

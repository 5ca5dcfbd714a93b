import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Kubernetes gives every container the address of its own API. */
const isInPod = (env: Environment): boolean => env['KUBERNETES_SERVICE_HOST'] !== undefined;

/** Docker and Podman leave a file, Podman and systemd a variable. */
export function isContainer(env: Environment = process.env): boolean {
  return (
    existsSync('/.dockerenv') || existsSync('/run/.containerenv') || env['container'] !== undefined || isInPod(env)
  );
}

/** Whether what is written to a directory goes with its container: no volume is mounted there. */
export function goesWithContainer(directory: string, env: Environment): boolean {
  return isContainer(env) && isLostWithContainer(nearest(directory), mounts());
}

/** Where `path` is mounted from decides: a volume can be on the same device as the container's own files. */
export function isLostWithContainer(path: string, mountInfo: string | undefined): boolean {
  if (mountInfo === undefined) return statSync(path).dev === statSync('/').dev;
  // The fields are: id, parent, device, path in that file system, mount point. A later mount lies over an earlier one.
  const mounted = mountInfo
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, , , source = '', point = '']) => ({ source, point: unescaped(point) }))
    .filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`))
    .reduce((found, mount) => (mount.point.length >= found.point.length ? mount : found), { source: '', point: '' });
  // An emptyDir of Kubernetes is made for a pod, and removed with it.
  return mounted.point === '/' || mounted.source.includes('/kubernetes.io~empty-dir/');
}

/** Of a directory that is not there yet: the one that it would be made in. */
function nearest(directory: string): string {
  let path = directory;
  while (!existsSync(path) && path !== dirname(path)) path = dirname(path);
  return realpathSync(path);
}

/** Linux only. */
function mounts(): string | undefined {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
}

/** Blanks and their like are written in octal. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** How to run a command as another user, where this process is: sudo is in few containers. */
export function asUser(user: string | number, command: string, env: Environment = process.env): string {
  // `kubectl exec` knows no users, and `su` no numbers.
  if (isInPod(env))
    return typeof user === 'number'
      ? `kubectl exec <pod> -- setpriv --reuid=${user} --clear-groups ${command}`
      : `kubectl exec <pod> -- su -s /bin/sh ${user} -c '${command}'`;
  if (isContainer(env)) return `docker exec -u ${user} <container> ${command}`;
  return `sudo -u ${typeof user === 'number' ? `'#${user}'` : user} ${command}`;
}

import { expect, it } from 'vitest';
import { asUser, isLostWithContainer } from './container.ts';

/** As Podman with the storage driver vfs, and Kubernetes, mount things: all of it is on one disk of the host. */
const mountInfo = String.raw`
512 480 8:1 /var/lib/containers/storage/vfs/dir/5c2e / rw,relatime - ext4 /dev/sda1 rw
513 512 0:52 / /proc rw,nosuid - proc proc rw
514 512 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw
515 512 8:1 /srv/sessions /var/lib/app/sessions rw,relatime - ext4 /dev/sda1 rw
516 512 8:1 /srv/more /var/lib/with\040blank rw,relatime - ext4 /dev/sda1 rw
517 512 8:1 /var/lib/kubelet/pods/7f0c/volumes/kubernetes.io~empty-dir/cache /cache rw,relatime - ext4 /dev/sda1 rw
518 517 8:1 /srv/kept /cache/kept rw,relatime - ext4 /dev/sda1 rw
`;

it.each([
  ['/home/app/sessions', true],
  ['/var/lib/app', true],
  ['/var/lib/app/sessions-of-another', true],
  ['/var/lib/app/sessions', false],
  ['/var/lib/app/sessions/locks', false],
  ['/var/lib/with blank/sessions', false],
  ['/cache/sessions', true],
  ['/cache/kept/sessions', false],
])('whether %s goes with its container is told by what is mounted there: %j', (directory, isLost) => {
  expect(isLostWithContainer(directory, mountInfo)).toBe(isLost);
});

it('where nothing tells of mounts, another device is a volume', () => {
  expect(isLostWithContainer('/', undefined)).toBe(true);
});

it('names the command that runs something as another user, where this is', () => {
  const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
  expect(asUser('node', 'npx @sess/cli doctor', pod)).toBe(
    "kubectl exec <pod> -- su -s /bin/sh node -c 'npx @sess/cli doctor'",
  );
  expect(asUser(1000, 'npx @sess/cli list', pod)).toBe(
    'kubectl exec <pod> -- setpriv --reuid=1000 --clear-groups npx @sess/cli list',
  );
  expect(asUser(1000, 'npx @sess/cli list', { container: 'podman' })).toBe(
    'docker exec -u 1000 <container> npx @sess/cli list',
  );
});

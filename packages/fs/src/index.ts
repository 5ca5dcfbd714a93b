export { type FsStore, type FsStoreOptions, fsStore } from './fs-store.ts';

export { default } from './layout.tsx';
